package session

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// TestServerTime: pongs and pushes carry the gateway's clock, and what is told again the time when it
// happened.
func TestServerTime(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_123).Add(999 * time.Microsecond)
	d := newTestHub(t, func(c *Config) { c.Now = func() time.Time { return now } }).listen()
	c := d.client().login(7, 1)
	id := c.attach(table, 0)
	c.send(&wirepb.Envelope{Body: &wirepb.Envelope_Ping{Ping: &wirepb.Ping{Nonce: 9}}})
	if p := c.next().GetPong(); p.GetNonce() != 9 || p.TimeMs != 1_700_000_000_123 {
		t.Errorf("the pong is %v", p)
	}
	number := uint64(0)
	for _, age := range []uint64{0, 1, 20_000, 1_700_000_000_123, 1_700_000_000_124, ^uint64(0)} {
		number++
		p := event(id, 1, table, number)
		p.AgeMs = age
		d.hub.Push(p)
		if got, want := c.push().TimeMs, 1_700_000_000_123-min(age, 1_700_000_000_123); got != want {
			t.Errorf("what is %d ms old is told as of %d, want %d", age, got, want)
		}
	}
	snapshot := event(id, 1, table, 50)
	snapshot.Kind, snapshot.AgeMs = wirepb.Push_SNAPSHOT, 5
	d.hub.Push(snapshot)
	if p := c.push(); p.Kind != wirepb.Push_SNAPSHOT || p.TimeMs != 1_700_000_000_118 {
		t.Errorf("the snapshot is %v", p)
	}
	matched, err := proto.Marshal(&wirepb.Notice{Body: &wirepb.Notice_Matched{Matched: &wirepb.Matched{Ticket: 3, Table: 5}}})
	if err != nil {
		t.Fatal(err)
	}
	d.hub.Push(&linkpb.Push{Session: id, Epoch: 1, Kind: wirepb.Push_NOTICE, Payload: matched})
	if p := c.push(); p.Kind != wirepb.Push_NOTICE || p.TimeMs != 1_700_000_000_123 {
		t.Errorf("the notice is %v", p)
	}
	// And one of the gateway's own.
	d.hub.Led(table.Shard())
	receive(t, d.up.calls).answer(wirepb.Code_TABLE_GONE, nil)
	if p := c.push(); p.Kind != wirepb.Push_NOTICE || p.TimeMs != 1_700_000_000_123 {
		t.Errorf("the gateway's notice is %v", p)
	}
}

func TestAgo(t *testing.T) {
	if got := ago(time.UnixMilli(-5), 7); got != 0 {
		t.Errorf("before the epoch it is %d", got)
	}
}
