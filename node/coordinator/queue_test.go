package coordinator

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/wire/wirepb"
)

func TestEveryLoginGetsTheNextEpoch(t *testing.T) {
	w := newWorld(t, nil)
	a, b := w.one(guest("Ann")), w.one(guest(""))
	if a.epoch != 1 || b.epoch != 2 || a.name != "Ann" || b.name != "guest-2" || a.player == b.player {
		t.Fatalf("guests: %+v %+v", a, b)
	}
	again := w.one(resume(a.player))
	if again.epoch != 3 || again.player != a.player || again.name != "Ann" {
		t.Errorf("resume: %+v", again)
	}
	if r := w.one(join(a, 1, "bench")); r.code != wirepb.Code_SUPERSEDED {
		t.Errorf("join with the old epoch: %v", r.code)
	}
	if r := w.one(binding(a)); r.code != wirepb.Code_SUPERSEDED {
		t.Errorf("binding with the old epoch: %v", r.code)
	}
	if r := w.one(join(again, 1, "bench")); r.code != wirepb.Code_OK {
		t.Errorf("join with the new epoch: %v", r.code)
	}
	if r := w.one(resume(a.player)); r.ticket != 1 {
		t.Errorf("resume does not tell the ticket: %+v", r)
	}
	for _, p := range []result{{player: 0}, {player: 99}} {
		if r := w.one(resume(p.player)); r.code != wirepb.Code_TOKEN_INVALID {
			t.Errorf("resume of player %d: %v", p.player, r.code)
		}
	}
}

func TestQueueCommandsAreDecidedOnce(t *testing.T) {
	w := newWorld(t, nil)
	p := w.one(guest(""))
	first := w.one(join(p, 1, "bench"))
	steps := []struct {
		name string
		c    *coordpb.Command
		want result
	}{
		{"repeat", join(p, 1, "bench"), first},
		{"same number, other content", join(p, 1, "standard"), result{code: wirepb.Code_NUMBER_REUSED}},
		{"same number, other kind", cancel(p, 1, first.ticket), result{code: wirepb.Code_NUMBER_REUSED}},
		{"number 0", join(p, 0, "bench"), result{code: wirepb.Code_BAD_REQUEST}},
		{"second ticket", join(p, 2, "bench"), result{code: wirepb.Code_ALREADY_QUEUED, ticket: first.ticket}},
		{"repeat of a refusal", join(p, 2, "bench"), result{code: wirepb.Code_ALREADY_QUEUED, ticket: first.ticket}},
		{"lower number", join(p, 1, "bench"), result{code: wirepb.Code_ALREADY_DECIDED}},
		{"cancel of another ticket", cancel(p, 3, first.ticket+1), result{code: wirepb.Code_NO_TICKET}},
		{"cancel, with a gap", cancel(p, 7, first.ticket), result{}},
		{"repeat of the cancel", cancel(p, 7, first.ticket), result{}},
		{"late join", join(p, 2, "bench"), result{code: wirepb.Code_ALREADY_DECIDED}},
		{"nothing left", binding(p), result{}},
		{"cancel again", cancel(p, 8, first.ticket), result{code: wirepb.Code_NO_TICKET}},
	}
	for _, s := range steps {
		if got := w.one(s.c); got != s.want {
			t.Errorf("%s: %+v, want %+v", s.name, got, s.want)
		}
	}
	fresh := w.one(resume(p.player))
	if r := w.one(join(fresh, 1, "bench")); r.code != wirepb.Code_OK || r.ticket == first.ticket {
		t.Errorf("first command of the next epoch: %+v", r)
	}
}

func TestJoinRefusals(t *testing.T) {
	for _, s := range []struct {
		join       *coordpb.Join
		first, now wirepb.Code // at level 1, and since players choose from lists
	}{
		{&coordpb.Join{Queue: "ranked"}, wirepb.Code_QUEUE_UNKNOWN, wirepb.Code_QUEUE_UNKNOWN},
		{&coordpb.Join{Queue: "bench", Mode: "poker"}, wirepb.Code_QUEUE_UNKNOWN, wirepb.Code_QUEUE_UNKNOWN},
		{&coordpb.Join{Queue: "bench", Hands: 17}, wirepb.Code_BAD_REQUEST, wirepb.Code_HANDS_UNKNOWN},
		{&coordpb.Join{Queue: "bench", Stake: maxStake + 1}, wirepb.Code_BAD_REQUEST, wirepb.Code_STAKE_UNKNOWN},
		{&coordpb.Join{Queue: "standard", Hands: 3}, wirepb.Code_OK, wirepb.Code_HANDS_UNKNOWN},
		{&coordpb.Join{Queue: "standard", Stake: 3}, wirepb.Code_OK, wirepb.Code_STAKE_UNKNOWN},
		{&coordpb.Join{Queue: "standard", Stake: 50, Hands: 16}, wirepb.Code_OK, wirepb.Code_OK},
	} {
		for level, want := range map[uint32]wirepb.Code{1: s.first, newest: s.now} {
			w := newWorldAt(t, level, nil)
			p := w.one(guest(""))
			join := proto.CloneOf(s.join)
			join.Player, join.Epoch, join.Number = uint64(p.player), p.epoch, 1
			if r := w.one(&coordpb.Command{Body: &coordpb.Command_Join{Join: join}}); r.code != want {
				t.Errorf("level %d, %v: %v, want %v", level, s.join, r.code, want)
			}
		}
	}
}

func TestFullQueues(t *testing.T) {
	w := newWorld(t, func(s *coordpb.Settings) { s.MaxTickets, s.MaxQueues = 3, 2 })
	p := w.one(guest(""))
	w.queued(1, "bench")
	w.queued(1, "standard")
	if r := w.one(joinFor(p, 1, "bench", 2, 0)); r.code != wirepb.Code_QUEUE_FULL {
		t.Errorf("third kind of queue: %v", r.code)
	}
	w.queued(1, "bench")
	if r := w.one(join(p, 2, "bench")); r.code != wirepb.Code_QUEUE_FULL {
		t.Errorf("fourth ticket: %v", r.code)
	}
	if c := w.counts(); c.Waiting != 3 || c.Queues != 2 {
		t.Errorf("counts: %+v", c)
	}
}

// Players can have no more kinds of tables than the queues offer, and those fit in the bound: whatever they ask
// for, nobody else is refused.
func TestNobodyUsesUpTheKinds(t *testing.T) {
	cfg := testConfig()
	cfg, err := cfg.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(s *coordpb.Settings) {
		proto.Merge(proto.Message(s), &coordpb.Settings{MaxQueues: uint32(cfg.Limits.Queues), MaxTickets: 10_000})
	})
	offered := 0
	for _, q := range cfg.Queues {
		offered += len(q.Modes) * len(q.Stakes) * len(q.Hands)
		for _, m := range q.Modes {
			for stake := range uint32(60) {
				for hands := range uint32(20) {
					p := w.one(guest(""))
					c := joinFor(p, 1, q.Name, stake, hands)
					c.GetJoin().Mode = m.Name
					if r := w.one(c); r.code == wirepb.Code_QUEUE_FULL {
						t.Fatalf("%v: %v; %d tickets, %d kinds", c, r.code, w.waiting, len(w.queues))
					}
				}
			}
		}
	}
	if len(w.queues) != offered {
		t.Errorf("%d kinds of tables, %d are offered", len(w.queues), offered)
	}
	w.queued(1, "standard")
}

func TestQueueDefaults(t *testing.T) {
	w := newWorld(t, nil)
	w.queued(1, "standard")
	w.queued(1, "bench")
	want := map[queueKey]bool{
		{modeKey{"standard", "xuezhan"}, 1, 4}: true,
		{modeKey{"bench", "xuezhan"}, 1, 1}:    true,
	}
	for k := range w.queues {
		if !want[k] {
			t.Errorf("queue %+v", k)
		}
	}
	if len(w.queues) != len(want) {
		t.Errorf("%d queues", len(w.queues))
	}
}

func TestIdlePlayersAreForgottenOldestFirst(t *testing.T) {
	w := newWorld(t, func(s *coordpb.Settings) { s.MaxIdle = 2 })
	busy := w.queued(1, "bench")[0]
	a, b := w.one(guest("")), w.one(guest(""))
	if r := w.one(cancel(a, 1, 1)); r.code != wirepb.Code_NO_TICKET { // a is now used more recently than b
		t.Fatalf("cancel: %v", r.code)
	}
	c := w.one(guest("")) // b is forgotten
	for _, s := range []struct {
		name string
		p    result
		want wirepb.Code
	}{
		{"holds a ticket", busy, wirepb.Code_OK},
		{"used lately", a, wirepb.Code_OK},
		{"forgotten", b, wirepb.Code_SESSION_FORGOTTEN},
		{"new", c, wirepb.Code_OK},
	} {
		if r := w.one(binding(s.p)); r.code != s.want {
			t.Errorf("%s: %v, want %v", s.name, r.code, s.want)
		}
	}
	if r := w.one(join(b, 1, "bench")); r.code != wirepb.Code_SESSION_FORGOTTEN {
		t.Errorf("join of a forgotten player: %v", r.code)
	}
	back := w.one(resume(b.player))
	if back.epoch <= c.epoch {
		t.Errorf("epoch %d of the next login is not above all before it", back.epoch)
	}
	if r := w.one(join(b, 1, "bench")); r.code != wirepb.Code_SUPERSEDED {
		t.Errorf("the forgotten epoch came back: %v", r.code)
	}
	if r := w.one(join(back, 1, "bench")); r.code != wirepb.Code_OK {
		t.Errorf("join after a new login: %v", r.code)
	}
	if got := w.counts(); got.Idle > 2 {
		t.Errorf("%d idle players", got.Idle)
	}
}

// A superseded session on another gateway is notified; the gateway of the new session needs no
// notice.
func TestTheOldSessionIsOusted(t *testing.T) {
	w := newWorld(t, nil)
	a := w.one(guest(""))
	e := w.do(0, resume(a.player))
	want := superseded{gateway: "gw-1", session: 7, epoch: a.epoch, newer: e.results[0].epoch}
	if len(e.superseded) != 1 || e.superseded[0] != want {
		t.Errorf("%+v, want %+v", e.superseded, want)
	}
	if e := w.do(0, resume(a.player)); len(e.superseded) != 0 {
		t.Errorf("on the same gateway: %+v", e.superseded)
	}
}

// A resume that was delayed by a paused gateway or a missing leader arrives after a later attempt of its
// client: it must not supersede that one.
func TestAResumeThatWasHeldUp(t *testing.T) {
	w := newWorld(t, nil)
	a := w.one(guest("Li"))
	from := func(device, attempt uint64) *coordpb.Command {
		c := resume(a.player)
		c.GetResume().Device, c.GetResume().Attempt = device, attempt
		return c
	}
	second := w.one(from(5, 2))
	var err error
	if w.state, err = restore(w.bytes()); err != nil {
		t.Fatal(err)
	}
	if r := w.one(from(5, 1)); r.code != wirepb.Code_SUPERSEDED {
		t.Errorf("the first attempt behind the second: %+v", r)
	}
	if r := w.one(join(second, 1, "standard")); r.code != wirepb.Code_OK {
		t.Errorf("the session of the second: %+v", r)
	}
	for _, c := range []*coordpb.Command{from(5, 2), from(5, 3), from(6, 1), from(5, 1), resume(a.player), resume(a.player)} {
		if r := w.one(c); r.code != wirepb.Code_OK {
			t.Errorf("%v: %+v", c, r)
		}
	}
}
