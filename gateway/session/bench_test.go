package session

import (
	"net"
	"testing"
	"time"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// sink is a client that takes everything at once.
type sink struct {
	net.Conn
	bytes int
}

func (s *sink) Write(b []byte) (int, error) { s.bytes += len(b); return len(b), nil }
func (s *sink) SetDeadline(time.Time) error { return nil }
func (s *sink) Close() error                { return nil }
func (s *sink) frame(e *wirepb.Envelope) []byte {
	b, err := wire.AppendEnvelope(nil, e)
	if err != nil {
		panic(err)
	}
	return b[wire.HeaderLen:]
}

// BenchmarkPush is an event on its way through a session, written in bursts of eight.
func BenchmarkPush(b *testing.B) {
	d := newTestHub(b, nil)
	out := &sink{}
	st := d.hub.Steps(out)
	st.Frame(out.frame(&wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: &wirepb.Hello{Version: wire.Version}}}))
	call := func(method string, table uint64) upCall {
		st.Frame(out.frame(&wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{Id: 1, Method: method, Table: table}}}))
		return receive(b, d.up.calls)
	}
	call("auth.guest", 0).answer(wirepb.Code_OK, &wirepb.LoginReply{Player: 7, Epoch: 1})
	attach := call("table.attach", uint64(table))
	attach.answer(wirepb.Code_OK, &wirepb.AttachReply{})
	st.Flush()
	p := &linkpb.Push{Session: attach.Session, Epoch: 1, Kind: wirepb.Push_EVENT, Table: uint64(table), Payload: make([]byte, 60)}
	before := out.bytes
	b.ReportAllocs()
	for b.Loop() {
		if p.Number++; p.Number%8 == 0 {
			st.Flush()
		}
		d.hub.Push(p)
	}
	st.Flush()
	b.ReportMetric(float64(out.bytes-before)/float64(p.Number), "B/push")
	if s := d.hub.Stats(); s.Pushes != p.Number {
		b.Fatalf("%d of %d forwarded", s.Pushes, p.Number)
	}
}
