package link

import (
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Loss is a link that broke.
type Loss struct {
	Name    string // of the peer
	At      time.Time
	Err     error
	Refused bool // nobody listens there any more: the process is gone
}

// PoolConfig configures a Pool. A zero time means its default.
type PoolConfig struct {
	Link Config
	// Handler gets the frames of all links, and their Up and Down.
	Handler Handler
	// Lost is called once for each link that broke (not for removed targets), after Handler.Down,
	// when the immediate redial has shown more, which may be much later than Loss.At. It is called
	// on the target's own goroutine and may block it. May be nil.
	Lost func(Loss)

	// BackoffMin and BackoffMax bound the pause between two dials; it doubles, less a random part
	// of up to a half. Defaults 50 ms and 1 s. A link that lived for less than BackoffMax is not
	// replaced at once; whether anybody still listens is checked all the same.
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

// Pool keeps one link to each of a changing set of targets, redialing for as long as a target is
// wanted. Each target has one goroutine.
type Pool struct {
	cfg     PoolConfig
	open    func(ctx context.Context, name, addr string, h Handler) (*Conn, error)
	up      atomic.Pointer[map[string]*Conn] // working links; replaced, never modified
	running sync.WaitGroup                   // the targets' goroutines

	mu      sync.Mutex
	closed  bool
	targets map[string]*target // the newest of each name, wanted or ending
}

// target is one link that is or was wanted.
type target struct {
	name, addr string             // immutable
	cancel     context.CancelFunc // ends its goroutine
	done       chan struct{}      // closed when that has ended
	ending     bool               // no longer wanted; guarded by Pool.mu
}

// NewPool makes a pool without targets.
func NewPool(cfg PoolConfig) (*Pool, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Pool{cfg: cfg, targets: make(map[string]*target)}
	p.up.Store(&map[string]*Conn{})
	p.open = func(ctx context.Context, name, addr string, h Handler) (*Conn, error) {
		return dial(ctx, cfg.Link, name, addr, h)
	}
	return p, nil
}

// SetTargets replaces the set of wanted links: addresses by peer name. Links that are no longer
// wanted, or have another address, are closed. It does not wait.
func (p *Pool) SetTargets(addrs map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	for name, t := range p.targets {
		if addrs[name] != t.addr {
			t.endLocked()
		}
	}
	for name, addr := range addrs {
		if old := p.targets[name]; addr != "" && (old == nil || old.ending) {
			p.startLocked(name, addr, old)
		}
	}
}

// endLocked needs Pool.mu.
func (t *target) endLocked() {
	t.ending = true
	t.cancel()
}

// startLocked needs mu. The new target waits for the end of the old one, so that Up and Down of one
// name stay in order.
func (p *Pool) startLocked(name, addr string, old *target) {
	ctx, cancel := context.WithCancel(context.Background())
	t := &target{name: name, addr: addr, cancel: cancel, done: make(chan struct{})}
	p.targets[name] = t
	p.running.Go(func() {
		defer p.ended(t)
		if old != nil {
			<-old.done
		}
		p.keep(ctx, t)
	})
}

func (p *Pool) ended(t *target) {
	t.cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.targets[t.name] == t {
		delete(p.targets, t.name)
	}
	close(t.done)
}

// Conn is the working link to name, nil if there is none now.
func (p *Pool) Conn(name string) *Conn { return (*p.up.Load())[name] }

// Conns are the working links by name; do not change the map.
func (p *Pool) Conns() map[string]*Conn { return *p.up.Load() }

// Close closes all links and waits until every goroutine has ended. It must not
// be called from a Handler or from Lost.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	for _, t := range p.targets {
		t.endLocked()
	}
	p.mu.Unlock()
	p.running.Wait()
}

// keep owns one target until ctx ends.
func (p *Pool) keep(ctx context.Context, t *target) {
	log := p.cfg.Link.Logger.With("peer", t.name, "addr", t.addr)
	wait, told := p.cfg.BackoffMin, false
	c, err := p.dial(ctx, t)
	for {
		switch {
		case err == nil:
			log.Info("link: up")
			born := time.Now()
			c, err = p.hold(ctx, t, c)
			if time.Since(born) >= p.cfg.BackoffMax {
				wait = p.cfg.BackoffMin
			}
			told = false
		case ctx.Err() != nil:
			return
		default:
			if !told { // once, not for each attempt
				log.Warn("link: cannot connect", "error", err)
			}
			told = true
			pause(ctx, wait-rand.N(wait/2+1))
			wait = min(2*wait, p.cfg.BackoffMax)
			if ctx.Err() == nil {
				c, err = p.dial(ctx, t)
			}
		}
	}
}

// hold waits until a link ends, or ends it with ctx. A broken link is replaced at once if possible.
func (p *Pool) hold(ctx context.Context, t *target, c *Conn) (*Conn, error) {
	born := time.Now()
	select {
	case <-c.Done():
	case <-ctx.Done():
		c.Close()
		<-c.Done()
		return nil, ctx.Err()
	}
	loss := Loss{Name: t.name, At: time.Now(), Err: c.Err()}
	p.cfg.Link.Logger.Warn("link: lost", "peer", t.name, "error", loss.Err)
	if time.Since(born) < p.cfg.BackoffMax {
		// Otherwise two processes of one name would replace each other without a pause.
		loss.Refused = p.refuses(ctx, t.addr)
		p.lost(loss)
		return nil, loss.Err
	}
	c, err := p.redial(ctx, t)
	loss.Refused = errors.Is(err, syscall.ECONNREFUSED)
	p.lost(loss)
	return c, err
}

func (p *Pool) lost(l Loss) {
	if p.cfg.Lost != nil {
		p.cfg.Lost(l)
	}
}

// redial dials at once. The sockets of a dying process do not all close at the same moment, so a
// connection that is reset or closed during the handshake calls for another try.
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

// refuses connects to addr without the handshake, which would replace a link: true means that
// nobody listens. A living acceptor waits for the first message; a dying one hangs up.
func (p *Pool) refuses(ctx context.Context, addr string) bool {
	dialer := net.Dialer{Timeout: p.cfg.Link.DialTimeout}
	for range redials {
		nc, err := dialer.DialContext(ctx, "tcp", addr)
		if err != nil {
			return errors.Is(err, syscall.ECONNREFUSED)
		}
		nc.SetReadDeadline(time.Now().Add(redialPause))
		_, err = nc.Read(make([]byte, 1))
		nc.Close()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
		pause(ctx, redialPause)
	}
	return false
}

const (
	redials     = 5
	redialPause = 2 * time.Millisecond
)

// dial makes a link that Conn and Conns return from its Up to its Down.
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
	return p.open(ctx, t.name, t.addr, h)
}

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
