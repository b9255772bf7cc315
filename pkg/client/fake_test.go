package client

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gateway is a fake whose answers the test decides.
type gateway struct {
	t     *testing.T
	name  string
	away  uint32 // what it says of going away behind each Welcome, in milliseconds; 0 = nothing
	ln    net.Listener
	conns chan *peer // logged in
	calls chan call

	mu    sync.Mutex
	login func(*wirepb.Call) *wirepb.Reply // nil = accept; if it returns nil the connection breaks
	clock func() time.Time                 // answers pings; nil = they stay unanswered
	epoch uint64
}

// peer is a client as the gateway sees it.
type peer struct {
	t     *testing.T
	conn  net.Conn
	mu    sync.Mutex
	login *wirepb.Call
	pings *atomic.Uint64 // counts them if set
}

type call struct {
	*wirepb.Call
	from *peer
}

func startGateway(t *testing.T) *gateway {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{t: t, ln: ln, conns: make(chan *peer, 256), calls: make(chan call, 256)}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { g.serve(&peer{t: t, conn: conn}) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		serving.Wait()
	})
	return g
}

func (g *gateway) serve(p *peer) {
	defer p.conn.Close()
	in := wire.NewReader(p.conn, 1<<20, 4096)
	for {
		body, err := in.Next()
		if err != nil {
			return
		}
		e, err := wire.ParseEnvelope(body)
		if err != nil {
			g.t.Error(err)
			return
		}
		switch b := e.Body.(type) {
		case *wirepb.Envelope_Hello:
			say := []*wirepb.Envelope{{Body: &wirepb.Envelope_Welcome{Welcome: &wirepb.Welcome{
				Version: 1, HeartbeatMs: 10_000, IdleMs: 30_000, MaxFrame: 64 << 10, Gateway: g.name,
			}}}}
			if g.away > 0 {
				say = append(say, goingAway(g.away))
			}
			p.send(say...)
		case *wirepb.Envelope_Ping:
			if p.pings != nil {
				p.pings.Add(1)
			}
			if g.clock != nil {
				p.send(&wirepb.Envelope{Body: &wirepb.Envelope_Pong{Pong: &wirepb.Pong{
					Nonce: b.Ping.Nonce, TimeMs: uint64(g.clock().UnixMilli()),
				}}})
			}
		case *wirepb.Envelope_Call:
			if b.Call.Method != "auth.guest" && b.Call.Method != "auth.resume" {
				g.calls <- call{b.Call, p}
				continue
			}
			p.login = b.Call
			r := g.answerLogin(b.Call)
			if r == nil {
				return
			}
			p.send(&wirepb.Envelope{Body: &wirepb.Envelope_Reply{Reply: r}})
			if r.Code == wirepb.Code_OK {
				g.conns <- p
			}
		}
	}
}

func (g *gateway) answerLogin(c *wirepb.Call) *wirepb.Reply {
	g.mu.Lock()
	login := g.login
	g.mu.Unlock()
	if login != nil {
		return login(c)
	}
	return g.accept(c)
}

func (g *gateway) accept(c *wirepb.Call) *wirepb.Reply {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.epoch++
	payload, _ := proto.Marshal(&wirepb.LoginReply{Player: 7, Token: "token-7", Epoch: g.epoch})
	return &wirepb.Reply{Id: c.Id, Payload: payload}
}

func (p *peer) send(messages ...*wirepb.Envelope) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b []byte
	for _, e := range messages {
		var err error
		if b, err = wire.AppendEnvelope(b, e); err != nil {
			p.t.Error(err)
		}
	}
	p.conn.Write(b) // the client may be gone
}

func (p *peer) push(kind wirepb.Push_Kind, number uint64, m proto.Message) {
	payload, err := proto.Marshal(m)
	if err != nil {
		p.t.Error(err)
	}
	p.send(&wirepb.Envelope{Body: &wirepb.Envelope_Push{Push: &wirepb.Push{
		Kind: kind, Table: uint64(table), Number: number, Payload: payload,
	}}})
}

func (p *peer) goingAway(in uint32) { p.send(goingAway(in)) }

func goingAway(in uint32) *wirepb.Envelope {
	return &wirepb.Envelope{Body: &wirepb.Envelope_GoingAway{GoingAway: &wirepb.GoingAway{InMs: in}}}
}

func (p *peer) bye(code wirepb.Code, reconnect bool, afterMs uint32) {
	p.send(&wirepb.Envelope{Body: &wirepb.Envelope_Bye{Bye: &wirepb.Bye{Code: code, Reconnect: reconnect, AfterMs: afterMs}}})
	p.conn.Close()
}

func (c call) answer(code wirepb.Code, m proto.Message) {
	r := &wirepb.Reply{Id: c.Id, Code: code}
	if m != nil {
		r.Payload, _ = proto.Marshal(m)
	}
	c.from.send(&wirepb.Envelope{Body: &wirepb.Envelope_Reply{Reply: r}})
}

// next is the next call, which must be of the method; its request is read into m.
func (g *gateway) next(method string, m proto.Message) call {
	g.t.Helper()
	c := receive(g.t, g.calls)
	if c.Method != method {
		g.t.Fatalf("%s came, want %s", c.Method, method)
	}
	if err := proto.Unmarshal(c.Payload, m); err != nil {
		g.t.Fatal(err)
	}
	return c
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(time.Minute):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func (g *gateway) dial(change func(*Config)) (*Client, *peer) {
	g.t.Helper()
	cfg := Config{Addr: g.ln.Addr().String(), BackoffMin: time.Microsecond, BackoffMax: time.Millisecond, Seed: 1}
	if change != nil {
		change(&cfg)
	}
	c, err := Dial(testContext(g.t), cfg)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	return c, receive(g.t, g.conns)
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// async runs f in the background and returns a channel for its result.
func async[T any](f func() (T, error)) <-chan result[T] {
	out := make(chan result[T], 1)
	go func() {
		v, err := f()
		out <- result[T]{v, err}
	}()
	return out
}

type result[T any] struct {
	value T
	err   error
}
