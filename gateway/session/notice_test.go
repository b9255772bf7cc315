package session

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

func (c *testClient) notice() *wirepb.Notice {
	c.t.Helper()
	p, n := c.push(), &wirepb.Notice{}
	if err := proto.Unmarshal(p.Payload, n); err != nil || p.Kind != wirepb.Push_NOTICE || p.TimeMs == 0 {
		c.t.Fatalf("no notice but %v, %v", p, err)
	}
	return n
}

func (c *testClient) waiting(table game.TableID, over bool) {
	c.t.Helper()
	if w := c.notice().GetWaiting(); w.GetTable() != uint64(table) || w.Over != over {
		c.t.Errorf("told %v, want table %v, over %v", w, table, over)
	}
}

// Whoever sits at a table is told once that nobody runs it, and that it is over when it was told.
func TestWaiting(t *testing.T) {
	d := newTestHub(t, nil).listen()
	c, other, idle := d.client().login(9, 4), d.client().login(8, 5), d.client().login(7, 6)
	id := c.attach(table, 0)
	other.attach(game.MakeTableID(table.Shard()+1, 1), 0)
	attached := func(code wirepb.Code) { receive(t, d.up.calls).answer(code, &wirepb.AttachReply{}) }
	shard := table.Shard()

	d.hub.Led(shard)
	attached(wirepb.Code_OK) // a failover within a moment: nothing is told
	d.hub.Waiting(shard)
	d.hub.Waiting(shard)
	c.waiting(table, false)
	d.hub.Led(shard)
	attached(wirepb.Code_OK)
	c.waiting(table, true)

	// An event is a proof too, and so is the answer to the client's own attach.
	d.hub.Waiting(shard)
	c.waiting(table, false)
	d.hub.Push(event(id, 4, table, 1))
	c.waiting(table, true)
	if p := c.push(); p.Number != 1 {
		t.Errorf("told %v", p)
	}
	d.hub.Waiting(shard)
	c.waiting(table, false)
	c.call("table.attach", table, &wirepb.AttachRequest{LastEvent: 1})
	attached(wirepb.Code_RESUME_INVALID)
	c.waiting(table, true)
	c.reply(wirepb.Code_RESUME_INVALID)

	// At another table nobody remembers it, and a table that is gone is not heard.
	d.hub.Waiting(shard)
	c.waiting(table, false)
	c.call("table.attach", table+1, &wirepb.AttachRequest{})
	attached(wirepb.Code_OK)
	c.reply(wirepb.Code_OK)
	d.hub.Waiting(shard)
	c.waiting(table+1, false)
	d.hub.Led(shard)
	attached(wirepb.Code_TABLE_GONE)
	if n := c.notice(); n.GetDetached().GetTable() != uint64(table+1) {
		t.Errorf("told %v", n)
	}
	d.hub.Waiting(shard)
	d.hub.Moving(shard)

	for _, quiet := range []*testClient{c, other, idle} {
		quiet.send(&wirepb.Envelope{Body: &wirepb.Envelope_Ping{Ping: &wirepb.Ping{}}})
		if e := quiet.next(); e.GetPong() == nil {
			t.Errorf("more was told: %v", e)
		}
	}
	if s := d.hub.Stats(); s.Waits != 5 {
		t.Errorf("%d waits", s.Waits)
	}
}

func TestMovingIsTold(t *testing.T) {
	d := newTestHub(t, nil).listen()
	c, other := d.client().login(9, 4), d.client().login(8, 5)
	c.attach(table, 0)
	other.attach(game.MakeTableID(table.Shard()+1, 1), 0)
	d.hub.Moving(table.Shard())
	if n := c.notice(); n.GetMoving().GetTable() != uint64(table) {
		t.Errorf("told %v", n)
	}
	other.send(&wirepb.Envelope{Body: &wirepb.Envelope_Ping{Ping: &wirepb.Ping{}}})
	if e := other.next(); e.GetPong() == nil {
		t.Errorf("somebody else was told: %v", e)
	}
}
