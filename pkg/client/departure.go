package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"teahouse/pkg/client/engine"
	"teahouse/pkg/game"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// quietFor bounds how long new calls are held back for those that are unanswered, before a change of
// gateways is put off.
const quietFor = time.Second

// departure is the change from a gateway that is going away to another one, at a random moment before
// the end that was announced, and between two calls. The old connection is read until the new one has
// taken over, so no event waits for it.
type departure struct {
	// immutable
	ctx    context.Context // ends with the client, or with the old connection
	cancel context.CancelFunc
	life   context.Context // ends with the client
	old    *conn
	rand   *rand.Rand // owned by run, once begun

	begun bool // owned by who reads the old connection

	resuming bool // guarded by Client.mu; the resume is on its way, by which the old connection may end

	done  chan struct{} // closed when run has ended; what follows is set before
	next  *conn         // nil = the old connection was kept
	doubt bool          // a resume may have taken effect although its answer did not come
}

// departure prepares one from conn, which may never begin.
func (c *Client) departure(life context.Context, conn *conn) *departure {
	ctx, cancel := context.WithCancel(life)
	return &departure{
		ctx: ctx, cancel: cancel, life: life, old: conn,
		rand: rand.New(rand.NewPCG(c.rand.Uint64(), 0)), done: make(chan struct{}),
	}
}

// begin starts it unless that has been done; the old connection will be ended at that time.
func (d *departure) begin(c *Client, at time.Time) {
	if !d.begun {
		d.begun = true
		go d.run(c, at)
	}
}

// end is called when the old connection has ended with err. It returns the one that has taken over, or
// why the session is without one.
func (d *departure) end(c *Client, err error) (*conn, error) {
	defer d.cancel()
	if !d.begun {
		return nil, err
	}
	c.mu.Lock()
	if !d.resuming {
		d.cancel()
	}
	c.mu.Unlock()
	<-d.done
	var bye *engine.ByeError
	if d.doubt && errors.As(err, &bye) && !bye.Bye.Reconnect {
		// The client's own resume may have superseded it, so that is no reason to end.
		err = fmt.Errorf("client: while it changed gateways: %v", err)
	}
	return d.next, err
}

func (d *departure) run(c *Client, at time.Time) {
	defer close(d.done)
	// Not all clients at once, and not so late that there is no time for a second attempt.
	wait := time.Duration(d.rand.Int64N(int64(max(0, time.Until(at)))*3/4 + 1))
	for failures := 0; ; failures++ {
		if c.sleep(d.ctx, wait) != nil {
			return
		}
		err := d.try(c)
		if err == nil {
			d.old.nc.Close() // wakes its reader
			return
		}
		c.cfg.Logger.Debug("no change to another gateway", "err", err)
		if !time.Now().Before(at) {
			return // the Bye is due
		}
		wait = jitter(d.rand, c.cfg, failures)
	}
}

// try changes the connection once. On an error the old one stays.
func (d *departure) try(c *Client) (err error) {
	conn, err := c.connect(d.life, d.ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			conn.close()
		}
	}()
	if name := conn.welcome.Gateway; name != "" && name == d.old.welcome.Gateway {
		return errors.New("client: it is the same gateway")
	}
	if err := d.hold(c); err != nil {
		return err
	}
	login, err := c.login(conn)
	c.mu.Lock()
	defer c.unlock()
	d.resuming = false
	if err != nil {
		d.doubt = d.doubt || wire.SendAgain(game.CodeOf(err, wirepb.Code_OUTCOME_UNKNOWN))
		c.engine.Release()
		return err
	}
	d.next, c.conn = conn, conn
	c.engine.Up(login)
	return nil
}

// hold waits until nothing is in doubt, and lets nothing new begin. On an error everything goes on.
func (d *departure) hold(c *Client) error {
	c.mu.Lock()
	c.engine.Hold()
	c.unlock()
	ctx, cancel := context.WithTimeout(d.ctx, quietFor)
	defer cancel()
	err := c.await(ctx, c.engine.Quiet)
	c.mu.Lock()
	defer c.unlock()
	if err == nil {
		err = d.ctx.Err() // the old connection has ended meanwhile
	}
	if err != nil {
		c.engine.Release()
		return fmt.Errorf("client: calls are unanswered: %w", err)
	}
	d.resuming = true
	return nil
}
