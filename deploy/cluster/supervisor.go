package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"teahouse/pkg/daemon"
)

// stopGrace is how long a child may take to end by itself.
const stopGrace = 5 * time.Second

// respawnPause is the pause before a respawn, so that a child that cannot start is not started in a tight
// loop.
const respawnPause = time.Second

// endsWithin is how long awaitEnd waits for a child that was told to end. It is longer than a child can
// take by itself, see roleSpec.serve.
const endsWithin = 3 * stopGrace

var (
	// ErrUnknownProcess says that no child has this name.
	ErrUnknownProcess = errors.New("no such process")
	// ErrRunning says that a process to be started runs already.
	ErrRunning = errors.New("runs already")
	// ErrNotRunning says that a process to be signalled does not run.
	ErrNotRunning = errors.New("does not run")
)

// Supervisor owns the processes of one cluster.
type Supervisor struct {
	cfg    Config
	data   string
	listen string // the clients' address in use
	moved  bool   // listen is not Config.Listen, which was busy
	// services is the prefix of the cluster's names in the registry.
	services string
	control  *control
	lock     *os.File // every process of the cluster holds it, see reap
	stop     context.CancelFunc

	mu       sync.Mutex
	children []*child // in starting order; the list itself does not change
	ended    bool
	ending   chan struct{}  // closed when ended is set
	watchers sync.WaitGroup // one per started process
}

// New prepares the data folder and chooses the clients' address; it starts no process yet.
func New(cfg Config) (*Supervisor, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if old, err := ReadState(cfg.State); err == nil {
		if old.supervised() {
			return nil, fmt.Errorf("a cluster runs already (pid %d, %s); end it with: go run ./deploy/local stop", old.Supervisor, cfg.State)
		}
		// The old cluster's processes are ending. Wait, because one of them still has the clients'
		// address, and the reaper would remove the new state file in place of the old one.
		awaitFolder(old.Data, 2*stopGrace)
	}
	s := &Supervisor{cfg: cfg, data: cfg.Data, ending: make(chan struct{})}
	if s.data == "" {
		if s.data, err = os.MkdirTemp("", "teahouse-"); err != nil {
			return nil, err
		}
	}
	if err := s.prepare(); err != nil {
		s.removeTemporary()
		return nil, err
	}
	return s, nil
}

func (s *Supervisor) prepare() error {
	var err error
	if s.data, err = filepath.Abs(s.data); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(s.data, "logs"), 0o700); err != nil {
		return err
	}
	if s.lock, err = takeFolder(s.data, 2*stopGrace); err != nil {
		return err
	}
	if err := s.checkNodes(); err != nil {
		return err
	}
	if err := writeKeys(s.data); err != nil {
		return err
	}
	if s.services, err = registryCluster(s.data); err != nil {
		return err
	}
	s.listen, s.moved, err = freeAddress(s.cfg.Listen)
	if err != nil {
		return err
	}
	specs, err := s.specs()
	if err != nil {
		return err
	}
	for _, spec := range specs {
		s.children = append(s.children, &child{name: spec.Name, role: spec.Role, spec: spec})
	}
	s.control, err = newControl(s)
	return err
}

// checkNodes refuses a folder whose cluster has another number of nodes, which cannot change after its
// birth. It finds the number by the folder with the highest number, because other folders may be lost.
func (s *Supervisor) checkNodes() error {
	had := 0
	for i := range MaxNodes {
		if _, err := os.Stat(filepath.Join(s.data, nodeName(i))); err == nil {
			had = i + 1
		}
	}
	if had > 0 && had != s.cfg.Nodes {
		return fmt.Errorf("%s holds a cluster of %d nodes, not %d; if the folder of its last node is lost, make an empty one", s.data, had, s.cfg.Nodes)
	}
	return nil
}

// Run starts everything and returns when ctx ends or a client stops the cluster. Then all processes have
// ended, and all temporary files are removed.
func (s *Supervisor) Run(ctx context.Context) error {
	ctx, s.stop = context.WithCancel(ctx)
	defer s.stop()
	reaper, err := s.startReaper()
	if err == nil {
		defer reaper.run.stop(stopGrace) // last: until then it is there in case the supervisor is killed
	}
	defer s.end()
	if err != nil {
		return err
	}
	go s.control.serve() // ends with control.close in end
	err = s.startAll(ctx)
	if err == nil {
		err = s.control.awaitHealthy(ctx)
	}
	if ctx.Err() != nil {
		return nil // stopped while it was starting
	}
	if err != nil {
		return err
	}
	s.explain()
	<-ctx.Done()
	return nil
}

// startAll starts the children that are down: database and registry first, because the others need them,
// then the nodes together, because they wait for each other, then the gateways.
func (s *Supervisor) startAll(ctx context.Context) error {
	for _, role := range []string{roleDatabase, roleRegistry, roleNode, roleGateway} {
		if err := s.startRole(ctx, role); err != nil {
			return err
		}
	}
	return nil
}

// startRole starts all children of a role. It gives up at the first failure, because the others may be
// waiting for the one that has failed.
func (s *Supervisor) startRole(ctx context.Context, role string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	started := make(chan error, len(s.children))
	waiting := 0
	for _, c := range s.children {
		if c.role == role {
			waiting++
			wg.Go(func() { _, err := s.ensureServing(ctx, c); started <- err })
		}
	}
	for range waiting {
		if err := <-started; err != nil {
			return err
		}
	}
	return nil
}

// ensureServing waits until c serves, and launches it if it is down. If it is ending, it waits for the end
// first; if it is starting already, it only waits. already reports that c was serving before.
func (s *Supervisor) ensureServing(ctx context.Context, c *child) (already bool, err error) {
	for already = true; ; already = false {
		s.mu.Lock()
		r, condition := c.run, c.condition()
		if condition == down {
			err := s.launchLocked(c)
			r = c.run
			if err != nil {
				s.mu.Unlock()
				return false, err
			}
		}
		s.mu.Unlock()
		switch condition {
		case serving:
			return already, nil
		case ending:
			if err := r.awaitEnd(ctx, c.name); err != nil {
				return false, err
			}
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, readyTimeout)
		defer cancel()
		select {
		case <-r.ready:
			return false, r.err
		case <-ctx.Done():
			return false, fmt.Errorf("%s is not ready (%w); %s", c.name, ctx.Err(), s.notServing())
		}
	}
}

// notServing names the first child that runs but does not serve, with the last line of its log.
func (s *Supervisor) notServing() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.children {
		if c.condition() == starting {
			return c.name + ": " + lastLine(filepath.Join(s.data, "logs", c.name+".log"))
		}
	}
	return "all processes serve"
}

// setAddressesLocked records where a child serves, and sets the registry's address in the specs of all
// children; s.mu is held.
func (s *Supervisor) setAddressesLocked(c *child, addresses map[string]string) {
	c.addresses = addresses
	if c.role == roleRegistry {
		for _, other := range s.children { // including its own spec, so that a restarted registry has the same address
			other.spec.Registry = addresses["http"]
		}
	}
	s.writeStateLocked()
}

// launchLocked starts c, which is down, and watches it until it has ended; s.mu is
// held.
func (s *Supervisor) launchLocked(c *child) error {
	if s.ended {
		return fmt.Errorf("%s does not start: the cluster is ending", c.name)
	}
	if err := c.launch(s.cfg.Executable, s.logs()); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	r := c.run
	s.watchers.Go(func() {
		<-r.reported // closed in any case, because its end closes its standard output
		s.mu.Lock()
		if r.err == nil && c.run == r {
			s.setAddressesLocked(c, r.addresses)
		}
		close(r.ready)
		s.mu.Unlock()
		<-r.exited
		s.exited(c, r)
	})
	s.writeStateLocked()
	return nil
}

func (s *Supervisor) logs() string { return filepath.Join(s.data, "logs") }

// exited records that a process has ended, and respawns its child if that is wanted.
func (s *Supervisor) exited(c *child, r *run) {
	s.mu.Lock()
	again := s.cfg.Respawn && r.endSignal == 0 && !s.ended
	c.respawning = again
	close(r.gone)
	if !s.ended {
		s.writeStateLocked()
		switch {
		case r.err != nil && again: // otherwise the caller that has started it gets the error
			fmt.Fprintln(s.cfg.Output, r.err)
		case r.err == nil && r.endSignal == 0:
			fmt.Fprintf(s.cfg.Output, "%s has ended (%v): %s\n", c.name, r.cmd.ProcessState, lastLine(filepath.Join(s.logs(), c.name+".log")))
		}
	}
	s.mu.Unlock()
	if !again {
		return
	}
	pause := time.NewTimer(respawnPause)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-s.ending:
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || c.run != r || !c.respawning { // it was started or killed meanwhile
		return
	}
	c.respawning = false
	if err := s.launchLocked(c); err != nil {
		fmt.Fprintf(s.cfg.Output, "%s does not start again: %v\n", c.name, err)
	}
}

// Start starts a child that has ended or is ending, and waits until it serves.
func (s *Supervisor) Start(ctx context.Context, name string) error {
	s.mu.Lock()
	c, err := s.findLocked(name)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	already, err := s.ensureServing(ctx, c)
	if already {
		return fmt.Errorf("%s %w", name, ErrRunning)
	}
	return err
}

// Kill sends a signal to a child. Respawn does not restart a child that it ends.
func (s *Supervisor) Kill(name string, signal syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.findLocked(name)
	if err != nil {
		return err
	}
	defer s.writeStateLocked()
	return c.signal(signal)
}

func (s *Supervisor) findLocked(name string) (*child, error) {
	i := slices.IndexFunc(s.children, func(c *child) bool { return c.name == name })
	if i < 0 {
		return nil, fmt.Errorf("%s: %w", name, ErrUnknownProcess)
	}
	return s.children[i], nil
}

// State returns the current content of the state file.
func (s *Supervisor) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stateLocked()
}

func (s *Supervisor) stateLocked() State {
	state := State{
		Address: s.listen, Control: s.control.address(), Token: s.control.token,
		Supervisor: os.Getpid(), Database: s.dsn(), Data: s.data, Sync: s.cfg.Sync, Services: s.services,
	}
	for _, c := range s.children {
		state.Processes = append(state.Processes, Process{
			Name: c.name, Role: c.role, PID: c.pid(), Ending: c.condition() == ending, Addresses: c.addresses,
		})
	}
	return state
}

func (s *Supervisor) writeStateLocked() {
	if err := s.stateLocked().write(s.cfg.State); err != nil {
		fmt.Fprintf(s.cfg.Output, "state file: %v\n", err)
	}
}

// end stops the children, gateways first, and removes what New has made.
func (s *Supervisor) end() {
	s.mu.Lock()
	s.ended = true
	close(s.ending)
	var runs []*run // by child; they are final, because nothing is launched after ended is set
	for _, c := range s.children {
		runs = append(runs, c.run)
	}
	s.mu.Unlock()
	for _, role := range []string{roleGateway, roleNode, roleRegistry, roleDatabase} {
		var wg sync.WaitGroup
		for i, c := range s.children {
			if r := runs[i]; c.role == role && r != nil {
				wg.Go(func() { r.stop(stopGrace) })
			}
		}
		wg.Wait()
	}
	s.watchers.Wait()
	s.control.close()
	s.removeTemporary()
	os.Remove(s.cfg.State) // last, because Client.Stop takes its absence as the end of everything
}

func (s *Supervisor) removeTemporary() {
	if s.lock != nil {
		s.lock.Close()
	}
	if s.cfg.Data == "" {
		os.RemoveAll(s.data)
	}
}

// freeAddress returns addr, or, if it is busy, one with a free port of the same host. It probes addr
// without SO_REUSEPORT, because with it two clusters could share one address without noticing.
func freeAddress(addr string) (free string, moved bool, err error) {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && port != "0" {
		var l net.Listener
		if l, err = net.Listen("tcp", addr); err == nil {
			return l.Addr().String(), false, l.Close()
		}
		if errors.Is(err, syscall.EADDRINUSE) {
			moved, err = true, nil
		}
	}
	if err == nil {
		addr, err = daemon.FreeAddress(host) // gateways bind it later, and again whenever they are started
	}
	if err != nil {
		return "", false, fmt.Errorf("client address %s: %w", addr, err)
	}
	return addr, moved, nil
}
