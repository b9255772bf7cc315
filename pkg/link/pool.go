package link

import (
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// PoolConfig says what a Pool does with its links. A zero time means its
// default.
type PoolConfig struct {
	Link Config
	// Handler gets the frames of all links, and their Up and Down.
	Handler Handler
	// Lost is called once for each link that broke (not for targets taken away),
	// after Handler.Down, when the immediate redial has shown more. Refused says that nobody
	// listens there any more: the process is gone, not just the connection.
	// It is called on the target's own goroutine and may block it. May be nil.
	Lost func(name string, err error, refused bool)

	// BackoffMin and BackoffMax bound the pause between two dials; it doubles,
	// and a random part of up to a half is taken off. Defaults 50 ms and 1 s. A
	// link that lived shorter than BackoffMax is not redialed at once.
	BackoffMin, BackoffMax time.Duration
}

func (c PoolConfig) withDefaults() (PoolConfig, error) {
	setDefault(&c.BackoffMin, 50*time.Millisecond)
	setDefault(&c.BackoffMax, time.Second)
	if c.BackoffMin < 0 || c.BackoffMax < c.BackoffMin {
		return c, errors.New("link: BackoffMax must not be below BackoffMin")
	}
	var err error
	c.Link, err = c.Link.WithDefaults()
	return c, err
}

// Pool keeps one link to each of a changing set of targets, redialing as long
// as a target is wanted. Each target has one goroutine.
type Pool struct {
	cfg    PoolConfig
	ctx    context.Context // of the targets' goroutines; ended by Close
	cancel context.CancelFunc
	up     atomic.Pointer[map[string]*Conn] // working links; replaced, never changed

	mu      sync.Mutex
	targets map[string]*target
	running sync.WaitGroup
}

// target is one wanted link.
type target struct {
	name, addr string
	cancel     context.CancelFunc
	done       chan struct{}   // closed when its goroutine has ended
	after      <-chan struct{} // done of the target that it replaces, nil if none
}

// NewPool makes a pool without targets.
func NewPool(cfg PoolConfig) (*Pool, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Pool{cfg: cfg, targets: make(map[string]*target)}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.up.Store(&map[string]*Conn{})
	return p, nil
}

// SetTargets says which links are wanted from now on: addresses by peer name. Links that
// are not wanted any more, or at another address, are closed. It does not wait.
func (p *Pool) SetTargets(addrs map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return
	}
	for name, t := range p.targets {
		if addrs[name] != t.addr {
			t.cancel()
		}
	}
	for name, addr := range addrs {
		old := p.targets[name]
		if old != nil && old.addr == addr {
			continue
		}
		p.startLocked(name, addr, old)
	}
	for name := range p.targets {
		if _, wanted := addrs[name]; !wanted {
			delete(p.targets, name)
		}
	}
}

func (p *Pool) startLocked(name, addr string, old *target) {
	ctx, cancel := context.WithCancel(p.ctx)
	t := &target{name: name, addr: addr, cancel: cancel, done: make(chan struct{})}
	if old != nil {
		t.after = old.done
	}
	p.targets[name] = t
	p.running.Go(func() { p.keep(ctx, t) })
}

// Conn is the working link to name, nil if there is none now.
func (p *Pool) Conn(name string) *Conn { return (*p.up.Load())[name] }

// Conns are the working links by name; do not change the map.
func (p *Pool) Conns() map[string]*Conn { return *p.up.Load() }

// Close closes all links and waits until every goroutine has ended. It must not
// be called from a Handler or from Lost.
func (p *Pool) Close() {
	p.mu.Lock()
	p.cancel()
	p.mu.Unlock()
	p.running.Wait()
}

// keep owns one target until ctx ends.
func (p *Pool) keep(ctx context.Context, t *target) {
	defer close(t.done)
	defer t.cancel()
	if t.after != nil {
		<-t.after
	}
	log := p.cfg.Link.Logger.With("peer", t.name, "addr", t.addr)
	wait, failed := p.cfg.BackoffMin, false
	c, err := p.dial(ctx, t)
	for ctx.Err() == nil {
		if err != nil {
			if !failed { // once, not at each try
				log.Warn("link: cannot connect", "error", err)
			}
			failed = true
			pause(ctx, wait-rand.N(wait/2+1))
			wait = min(2*wait, p.cfg.BackoffMax)
			c, err = p.dial(ctx, t)
			continue
		}
		log.Info("link: up")
		born := time.Now()
		p.live(ctx, c)
		if ctx.Err() != nil {
			return
		}
		log.Warn("link: lost", "error", c.Err())
		failed = false
		reason := c.Err()
		if time.Since(born) < p.cfg.BackoffMax {
			// Two processes of one name would replace each other for ever.
			p.lost(t, reason, false)
			err = reason
			continue
		}
		wait = p.cfg.BackoffMin
		c, err = p.redial(ctx, t)
		if ctx.Err() != nil && err != nil {
			return
		}
		p.lost(t, reason, errors.Is(err, syscall.ECONNREFUSED))
	}
	if err == nil && c != nil {
		c.Close()
		<-c.Done()
	}
}

func (p *Pool) lost(t *target, err error, refused bool) {
	if p.cfg.Lost != nil {
		p.cfg.Lost(t.name, err, refused)
	}
}

// live waits for the end of a link, or ends it with ctx.
func (p *Pool) live(ctx context.Context, c *Conn) {
	select {
	case <-c.Done():
	case <-ctx.Done():
		c.Close()
		<-c.Done()
	}
}

// redial dials at once. The sockets of a dying process do not close in one moment: a connection
// that is reset or closed during the handshake is worth another look.
func (p *Pool) redial(ctx context.Context, t *target) (c *Conn, err error) {
	for range redials {
		c, err = p.dial(ctx, t)
		if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, io.EOF) {
			break
		}
		pause(ctx, redialPause)
	}
	return c, err
}

const (
	redials     = 5
	redialPause = 2 * time.Millisecond
)

// dial makes a link that Conn and Conns show from its Up to its Down.
func (p *Pool) dial(ctx context.Context, t *target) (*Conn, error) {
	h := p.cfg.Handler
	up, down := h.Up, h.Down
	h.Up = func(c *Conn) {
		p.show(t.name, c)
		if up != nil {
			up(c)
		}
	}
	h.Down = func(c *Conn, err error) {
		p.show(t.name, nil)
		if down != nil {
			down(c, err)
		}
	}
	return dial(ctx, p.cfg.Link, t.name, t.addr, h)
}

// show replaces the map of working links.
func (p *Pool) show(name string, c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	links := maps.Clone(*p.up.Load())
	if c != nil {
		links[name] = c
	} else {
		delete(links, name)
	}
	p.up.Store(&links)
}
