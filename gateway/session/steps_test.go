package session

import (
	"net"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// written is a connection that records its output.
type written struct {
	net.Conn
	buf    []byte
	closed bool
}

func (w *written) Write(b []byte) (int, error) { w.buf = append(w.buf, b...); return len(b), nil }
func (w *written) Close() error                { w.closed = true; return nil }
func (w *written) SetDeadline(time.Time) error { return nil }

// next is the oldest recorded message.
func (w *written) next(t *testing.T) *wirepb.Envelope {
	t.Helper()
	body, rest, err := wire.Split(w.buf, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	e, err := wire.ParseEnvelope(append([]byte(nil), body...))
	if err != nil {
		t.Fatal(err)
	}
	w.buf = rest
	return e
}

// A ticket whose round was over before anybody told the client of it: the client hears once that it
// is gone.
func TestATicketThatIsGoneIsTold(t *testing.T) {
	now := time.Unix(1000, 0)
	d := newTestHub(t, func(c *Config) { c.Now = func() time.Time { return now } })
	conn := &written{}
	st := d.hub.Steps(conn)
	say := func(e *wirepb.Envelope) {
		t.Helper()
		body, err := proto.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		st.Frame(body)
	}
	call := func(method string, m proto.Message) upCall {
		t.Helper()
		payload, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		say(&wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{Id: 1, Method: method, Payload: payload}}})
		return receive(t, d.up.calls)
	}
	say(&wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: &wirepb.Hello{Version: wire.Version}}})
	call("auth.guest", &wirepb.GuestRequest{}).answer(wirepb.Code_OK, &wirepb.LoginReply{Player: 5, Epoch: 4})
	call("queue.join", &wirepb.JoinRequest{Number: 1}).answer(wirepb.Code_OK, &wirepb.JoinReply{Ticket: 77})
	st.Flush()
	if conn.next(t).GetWelcome() == nil || conn.next(t).GetReply() == nil || conn.next(t).GetReply() == nil {
		t.Fatal("want a welcome and two replies")
	}
	for range 2 {
		last := now
		now = now.Add(readBindingEvery)
		d.hub.Sweep(last)
	}
	receive(t, d.up.calls).answer(wirepb.Code_OK, &wirepb.BindingReply{})
	if st.Flush(); conn.buf == nil {
		t.Fatal("nothing is told")
	}
	n := &wirepb.Notice{}
	if p := conn.next(t).GetPush(); proto.Unmarshal(p.GetPayload(), n) != nil || n.GetUnqueued().GetTicket() != 77 || len(conn.buf) > 0 {
		t.Fatalf("told %v, %d more bytes", n, len(conn.buf))
	}
	last := now
	now = now.Add(2 * readBindingEvery)
	if d.hub.Sweep(last); len(d.up.calls) != 0 {
		t.Fatal("binding read again without a ticket")
	}
	if st.Close(); !conn.closed || d.hub.Len() != 0 {
		t.Fatalf("closed %t, %d sessions", conn.closed, d.hub.Len())
	}
}
