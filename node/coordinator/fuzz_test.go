package coordinator

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
)

// FuzzApply applies hostile entries to a cluster that plays. Whatever they do,
// two replicas must agree, and the state must survive its own snapshot.
func FuzzApply(f *testing.F) {
	for _, commands := range [][]*coordpb.Command{
		{birthOf("a"), tookOver(nil)},
		{guest("x"), resume(1), join(result{player: 1, epoch: 1}, 1, "bench"), cancel(result{player: 1, epoch: 1}, 1, 1)},
		{matchWith(3), created(1<<40|1, true), created(1<<40|1, false), ended(1<<40|1, 1, 2, 3, 4), binding(result{})},
		{{}, {Body: &coordpb.Command_Guest{}}, {Body: &coordpb.Command_Join{}}, {Body: &coordpb.Command_Match{}}},
		{tookOver(func(s *coordpb.Settings) { s.MaxIdle, s.Seats = 0, 8 }), matchWith(1)},
		{birthAt(1, "a"), tookOverAt(1, nil), reports("a", "a.disk", able()), raise(newest), tookOver(nil)},
		{joinFor(result{player: 1, epoch: 1}, 1, "bench", 16, 16), joinFor(result{player: 1, epoch: 1}, 2, "bench", 17, 0), matchWith(2)},
	} {
		data, err := proto.Marshal(&coordpb.Batch{AdvanceMs: 1 << 31, Commands: commands})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := &coordpb.Batch{}
		if proto.Unmarshal(data, b) != nil {
			t.Skip()
		}
		var twins [2]*world
		for i := range twins {
			w := newWorld(t, nil)
			w.queued(5, "bench")
			w.queued(1, "standard")
			w.do(0, matchWith(1))
			w.do(0, created(w.unconfirmed()[0].table(), false))
			w.queued(4, "bench")
			w.do(0, matchWith(2))
			w.apply(b)
			twins[i] = w
		}
		image := twins[0].bytes()
		if !bytes.Equal(image, twins[1].bytes()) {
			t.Fatal("replicas differ")
		}
		s, err := restore(image)
		if err != nil {
			t.Fatalf("own snapshot: %v", err)
		}
		if !bytes.Equal(image, s.bytes()) {
			t.Fatal("the snapshot changed the state")
		}
	})
}

// FuzzRestore restores hostile snapshots, and plays on with those that are accepted.
func FuzzRestore(f *testing.F) {
	w := newWorld(f, nil)
	w.queued(6, "bench")
	w.do(0, matchWith(1))
	f.Add(w.bytes())
	f.Add([]byte{})
	more, err := proto.Marshal(&coordpb.Batch{AdvanceMs: 20_000, Commands: []*coordpb.Command{
		guest(""), resume(1), join(result{player: 1, epoch: 8}, 1, "bench"), cancel(result{player: 2, epoch: 2}, 2, 2),
		matchWith(1), created(1<<40|1, true), created(2<<40|1, false), ended(1<<40|1, 1, 2), matchWith(2),
	}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := restore(data)
		if err != nil {
			return
		}
		b := &coordpb.Batch{}
		if err := proto.Unmarshal(more, b); err != nil {
			t.Fatal(err)
		}
		s.matchDue(s.now)
		look(t, s)
		if e := s.apply(b); len(e.results) != len(b.Commands) {
			t.Errorf("%d results", len(e.results))
		}
		look(t, s)
	})
}

// look makes the overview of a state, whose figures must fit to each other.
func look(t *testing.T, s *state) {
	cfg := testConfig()
	cfg.Queues = cfg.completeQueues()
	o, tickets := s.overview(cfg.Queues)
	o.count(tickets)
	waiting := 0
	for _, k := range o.kinds {
		waiting += k.waiting
		if k.people > k.waiting || k.people > k.settings.Seats {
			t.Errorf("%d of %d people at a table of %d", k.people, k.waiting, k.settings.Seats)
		}
	}
	if waiting != s.waiting || len(o.seekers) != waiting {
		t.Errorf("%d wait in kinds, %d tickets of %d", waiting, len(o.seekers), s.waiting)
	}
	if _, err := proto.Marshal(o.reply(cfg)); err != nil {
		t.Error(err)
	}
}

// FuzzHandle checks the decoding of hostile requests, and sends them to a leader whose mailbox has room
// for one.
func FuzzHandle(f *testing.F) {
	for _, m := range []string{"auth.guest", "auth.resume", "queue.join", "queue.cancel", "queue.binding", "cluster.ended", "cluster.join", ""} {
		f.Add(m, uint64(1), []byte{8, 1})
	}
	f.Fuzz(func(t *testing.T, method string, player uint64, payload []byte) {
		req := &linkpb.Request{Method: method, Player: player, Epoch: 1, Payload: payload}
		command, err := read("gw-1", req)
		if (command == nil) == (err == nil) {
			t.Fatalf("command %v, error %v", command, err)
		}
		if command == nil {
			return
		}
		if _, err := proto.Marshal(command); err != nil {
			t.Fatalf("cannot be logged: %v", err)
		}
		c := &Coordinator{in: newInbox(1)}
		c.OnState(raftgroup.State{Leading: true})
		answers := 0
		for range 2 {
			c.Handle("gw-1", req, func(*linkpb.Response) { answers++ })
		}
		if answers != 1 { // one request waits, the other found the mailbox full
			t.Errorf("%d answers", answers)
		}
	})
}
