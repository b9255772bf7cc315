package session

import (
	"crypto/ed25519"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/token"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = time.Minute

func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// fakeUpstream passes the calls to the test.
type fakeUpstream struct {
	calls  chan upCall
	closed chan *linkpb.SessionClosed
}

type upCall struct {
	*linkpb.Request
	scope wirepb.Scope
	done  func(*linkpb.Response)
}

func (u *fakeUpstream) Call(req *linkpb.Request, scope wirepb.Scope, done func(*linkpb.Response)) {
	u.calls <- upCall{req, scope, done}
}

func (u *fakeUpstream) SessionClosed(m *linkpb.SessionClosed) { u.closed <- m }

func (c upCall) answer(code wirepb.Code, m proto.Message) {
	r := &linkpb.Response{Code: code}
	if m != nil {
		r.Payload, _ = proto.Marshal(m)
	}
	c.done(r)
}

// testHub is a Hub that clients can connect to.
type testHub struct {
	t      testing.TB
	hub    *Hub
	up     *fakeUpstream
	signer *token.Signer
	ln     net.Listener
	left   chan struct{} // a token for each connection that Serve has finished with
}

func newTestHub(t testing.TB, change func(*Config)) *testHub {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	d := &testHub{t: t, up: &fakeUpstream{make(chan upCall, 1024), make(chan *linkpb.SessionClosed, 64)}, left: make(chan struct{}, 64)}
	if d.signer, err = token.NewSigner(key); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Gateway: "gateway-1", Verifier: d.signer.Verifier()}
	if change != nil {
		change(&cfg)
	}
	if d.hub, err = NewHub(cfg, d.up); err != nil {
		t.Fatal(err)
	}
	return d
}

// listen accepts clients over loopback until the test ends.
func (d *testHub) listen() *testHub {
	d.t.Helper()
	var err error
	if d.ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		d.t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := d.ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				d.hub.Serve(conn)
				d.left <- struct{}{}
			})
		}
	})
	d.t.Cleanup(func() {
		d.ln.Close()
		serving.Wait()
	})
	return d
}

// testClient speaks the protocol by hand.
type testClient struct {
	t    testing.TB
	d    *testHub
	conn net.Conn
	in   *wire.Reader
	id   uint64
}

func (d *testHub) client() *testClient {
	d.t.Helper()
	conn, err := net.Dial("tcp", d.ln.Addr().String())
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(patience))
	return d.over(conn)
}

func (d *testHub) over(conn net.Conn) *testClient {
	return &testClient{t: d.t, d: d, conn: conn, in: wire.NewReader(conn, 1<<20, 4096)}
}

func (c *testClient) send(e *wirepb.Envelope) {
	c.t.Helper()
	b, err := wire.AppendEnvelope(nil, e)
	if err != nil {
		c.t.Fatal(err)
	}
	c.sendRaw(b)
}

func (c *testClient) sendRaw(b []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// next is the next message but those that measure the lag, which stay unanswered.
func (c *testClient) next() *wirepb.Envelope {
	c.t.Helper()
	for {
		if e := c.any(); e.GetPing().GetNonce() == 0 {
			return e
		}
	}
}

func (c *testClient) any() *wirepb.Envelope {
	c.t.Helper()
	body, err := c.in.Next()
	if err != nil {
		c.t.Fatal(err)
	}
	e, err := wire.ParseEnvelope(body)
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

func (c *testClient) hello() *testClient {
	c.t.Helper()
	c.send(&wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: &wirepb.Hello{Version: wire.Version}}})
	if w := c.next().GetWelcome(); w == nil || w.Gateway != "gateway-1" || w.IdleMs == 0 {
		c.t.Fatalf("no Welcome but %v", w)
	}
	return c
}

func (c *testClient) call(method string, table game.TableID, m proto.Message) {
	c.t.Helper()
	payload, err := proto.Marshal(m)
	if err != nil {
		c.t.Fatal(err)
	}
	c.id++
	c.send(&wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{
		Id: c.id, Method: method, Table: uint64(table), Payload: payload,
	}}})
}

func (c *testClient) reply(code wirepb.Code) *wirepb.Reply {
	c.t.Helper()
	r := c.next().GetReply()
	if r == nil || r.Code != code || r.Id != c.id {
		c.t.Fatalf("reply is %v, want %v to %d", r, code, c.id)
	}
	return r
}

func (c *testClient) push() *wirepb.Push {
	c.t.Helper()
	e := c.next()
	if e.GetPush() == nil {
		c.t.Fatalf("no push but %v", e)
	}
	return e.GetPush()
}

// bye reads up to the Bye and the end of the connection.
func (c *testClient) bye(code wirepb.Code, reconnect bool) *wirepb.Bye {
	c.t.Helper()
	for {
		bye := c.next().GetBye()
		if bye == nil {
			continue
		}
		if bye.Code != code || bye.Reconnect != reconnect {
			c.t.Fatalf("Bye is %v, want %v and reconnect %v", bye, code, reconnect)
		}
		if !slices.Contains(wire.Wheres(code), wirepb.Where_IN_BYE) {
			c.t.Fatalf("a Bye by %v, which envelope.proto does not list", code)
		}
		if _, err := c.in.Next(); !errors.Is(err, io.EOF) {
			c.t.Fatalf("after Bye: want the end of the connection, got %v", err)
		}
		return bye
	}
}

// login logs the client in as the player, with the epoch.
func (c *testClient) login(player, epoch uint64) *testClient {
	c.t.Helper()
	c.hello()
	c.call("auth.guest", 0, &wirepb.GuestRequest{})
	receive(c.t, c.d.up.calls).answer(wirepb.Code_OK, &wirepb.LoginReply{Player: player, Epoch: epoch})
	c.reply(wirepb.Code_OK)
	return c
}

// attach attaches the client to the table and returns its session id.
func (c *testClient) attach(table game.TableID, last uint64) (id uint64) {
	c.t.Helper()
	c.call("table.attach", table, &wirepb.AttachRequest{LastEvent: last})
	q := receive(c.t, c.d.up.calls)
	q.answer(wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 1})
	c.reply(wirepb.Code_OK)
	return q.Session
}

func event(session, epoch uint64, table game.TableID, number uint64) *linkpb.Push {
	return &linkpb.Push{Session: session, Epoch: epoch, Kind: wirepb.Push_EVENT, Table: uint64(table), Number: number}
}
