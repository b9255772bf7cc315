package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/vectors"
	"teahouse/pkg/wire/wirepb"
)

// TestScripts plays the scripts that clients in all languages share, on fake time.
func TestScripts(t *testing.T) {
	scripts, err := vectors.ReadScripts("../wire/vectors/client")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		t.Run(s.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newScripted(t, s.Start)
				defer c.close()
				s.Play(t, c)
			})
		})
	}
}

// scripted is a Client, its user, and the gateway's end of its connection.
type scripted struct {
	t      *testing.T
	ctx    context.Context
	cancel context.CancelFunc
	asks   chan ask
	lostAt time.Time // when something happened that may have ended the connection
	conn   net.Conn  // the gateway's end
	table  *Table    // at which the user sits
	stop   func()    // ends his reading for now
	idle   bool      // he does not read

	mu      sync.Mutex
	client  *Client
	dialErr error
	did     vectors.Did
	ended   bool // told
	given   map[string]context.CancelFunc
}

// ask is a Client's wish for a connection.
type ask struct {
	at   time.Time
	ctx  context.Context
	give chan net.Conn
}

func newScripted(t *testing.T, start vectors.Start) *scripted {
	s := &scripted{t: t, asks: make(chan ask), lostAt: time.Now(), given: map[string]context.CancelFunc{}, stop: func() {}}
	s.ctx, s.cancel = context.WithCancel(t.Context())
	go func() {
		c, err := Dial(s.ctx, Config{
			Addr: "pipe", Name: start.Name, Token: start.Token, MaxEvents: cmp.Or(start.Keeps, 1024), Seed: 1, Dial: s.dial,
			Hooks: Hooks{Disconnected: func(error) { s.tell(vectors.Told{Offline: true}) }},
		})
		s.mu.Lock()
		defer s.mu.Unlock()
		s.client, s.dialErr = c, err
	}()
	return s
}

// dial waits until the script has a connection.
func (s *scripted) dial(ctx context.Context, _ string) (net.Conn, error) {
	a := ask{at: time.Now(), ctx: ctx, give: make(chan net.Conn, 1)}
	select {
	case s.asks <- a:
		return <-a.give, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *scripted) close() {
	s.cancel()
	if s.conn != nil {
		s.conn.Close()
	}
	synctest.Wait()
	if s.client != nil {
		s.client.Close()
	}
}

func (s *scripted) tell(told vectors.Told) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.did.Told = append(s.did.Told, told)
}

func (s *scripted) Connect(after time.Duration) error {
	var a ask
	select {
	case a = <-s.asks:
	case <-time.After(10 * time.Second):
		return errors.New("it wants no connection")
	}
	if waited := a.at.Sub(s.lostAt); waited < after {
		return fmt.Errorf("it comes back after %v, want %v", waited, after)
	}
	ours, theirs := net.Pipe()
	s.conn = theirs
	go s.listen(theirs)
	a.give <- ours
	return nil
}

// listen takes what the Client sends on one connection.
func (s *scripted) listen(conn net.Conn) {
	defer conn.Close()
	frames := wire.NewReader(conn, 1<<20, 4096)
	for {
		body, err := frames.Next()
		if err != nil {
			return
		}
		e, err := wire.ParseEnvelope(body)
		if err != nil {
			s.t.Error(err)
			return
		}
		s.mu.Lock()
		s.did.Sent = append(s.did.Sent, e)
		s.mu.Unlock()
	}
}

func (s *scripted) Receive(e *wirepb.Envelope) {
	frame, err := wire.AppendEnvelope(nil, e)
	if err != nil {
		s.t.Fatal(err)
	}
	conn := s.conn
	go func() {
		conn.Write(frame) // the Client may be gone
		if e.GetBye() != nil {
			conn.Close()
		}
	}()
	synctest.Wait()
	s.lostAt = time.Now()
}

func (s *scripted) Lose() {
	s.conn.Close()
	synctest.Wait()
	s.lostAt = time.Now()
}

func (s *scripted) Do(o *vectors.Op, request proto.Message) {
	ctx, cancel := context.WithCancel(s.ctx)
	s.given[o.As] = cancel
	// later runs what waits for an answer.
	later := func(f func() (vectors.Told, error)) {
		go func() {
			told, err := f()
			if ctx.Err() != nil {
				return // given up, or the script is over
			}
			told.Answer, told.Code = o.As, codeName(err)
			s.tell(told)
		}()
	}
	c := s.client
	switch {
	case o.Join != nil:
		later(func() (told vectors.Told, err error) {
			told.Ticket, err = c.Join(ctx, request.(*wirepb.JoinRequest))
			return told, err
		})
	case o.Cancel != nil:
		later(func() (told vectors.Told, err error) {
			return told, c.Cancel(ctx, request.(*wirepb.CancelRequest).Ticket)
		})
	case o.Sit != nil:
		go s.sit(ctx, game.TableID(o.Table))
	case o.Move != nil:
		tab := s.table
		later(func() (told vectors.Told, err error) {
			told.Number, err = tab.move(ctx, request.(*wirepb.MoveRequest))
			return told, err
		})
	case o.Leave != nil:
		tab := s.table
		later(func() (told vectors.Told, err error) { return told, tab.Leave(ctx) })
	case o.Call != nil:
		call := c.Call
		if o.Call.Repeat {
			call = c.Repeat
		}
		later(func() (told vectors.Told, err error) { return told, call(ctx, o.Call.Method, 0, request, nil) })
	case o.GiveUp != "":
		s.given[o.GiveUp]()
	case o.Read != nil:
		s.idle = !*o.Read
		if s.stop(); !s.idle {
			s.read()
		}
	}
	synctest.Wait()
}

func codeName(err error) string {
	if code := game.CodeOf(err, wirepb.Code_OK); code != wirepb.Code_OK {
		return code.String()
	}
	return ""
}

// sit sits down, and reads unless the user does not.
func (s *scripted) sit(ctx context.Context, id game.TableID) {
	tab, err := s.client.Attach(ctx, id)
	if err != nil {
		s.over(id, err)
		return
	}
	s.mu.Lock()
	s.table = tab
	s.mu.Unlock()
	if !s.idle {
		s.read()
	}
}

// read takes events until stop is called.
func (s *scripted) read() {
	tab := s.table
	if tab == nil {
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	s.stop = cancel
	go func() {
		for {
			e, err := tab.Receive(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				s.over(tab.ID(), err)
				return
			}
			s.mu.Lock()
			s.did.Events = append(s.did.Events, vectors.Event{Number: e.Number, Snapshot: e.View != nil})
			s.mu.Unlock()
		}
	}()
}

// over tells that a table has ended, unless that is the session's end, or asked for.
func (s *scripted) over(id game.TableID, err error) {
	if s.client.Err() == nil && !errors.Is(err, ErrLeft) && s.ctx.Err() == nil {
		s.tell(vectors.Told{Over: uint64(id), Code: codeName(err)})
	}
	s.mu.Lock()
	s.table = nil
	s.mu.Unlock()
}

func (s *scripted) Pass(d time.Duration) { time.Sleep(d) }

func (s *scripted) Did() vectors.Did {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.dialErr
	if s.client != nil {
		err = s.client.Err()
	}
	if err != nil && !s.ended {
		s.ended = true
		s.did.Told = slices.DeleteFunc(s.did.Told, func(t vectors.Told) bool { return t.Offline })
		s.did.Told = append(s.did.Told, vectors.Told{Ended: true, Code: codeName(err)})
	}
	did := s.did
	s.did = vectors.Did{}
	return did
}

func (s *scripted) Now() (now vectors.Now) {
	s.mu.Lock()
	c, tab := s.client, s.table
	s.mu.Unlock()
	if c == nil {
		return now
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now = vectors.Now{
		Online: c.conn != nil, Table: uint64(c.engine.Bound()), Ticket: c.engine.Ticket(), Unqueued: c.engine.Unqueued(),
	}
	if tab != nil {
		now.Seat = uint64(tab.seat.Seat())
		now.Attached, _ = tab.seat.Ready()
	}
	return now
}
