package coordinator

import (
	"bytes"
	"slices"
	"testing"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

func TestMatchBecomesTableWhenItsShardConfirms(t *testing.T) {
	w := newWorld(t, nil)
	players := w.queued(5, "bench")
	e := w.do(10, matchWith(1))
	items := w.unconfirmed()
	if len(items) != 1 || len(e.outbox) != 1 || w.waiting != 1 {
		t.Fatalf("%d tables, %v touched, %d waiting", len(items), e.outbox, w.waiting)
	}
	item := items[0]
	table := item.table()
	c := item.create
	if table.Seq() != 1 || table.Shard() != e.outbox[0] || len(c.Secret) != 32 || len(c.Seats) != 4 || c.Dealer > 3 ||
		c.Game != "mahjong" || c.Hands != 1 || c.Stake != 1 || c.Queue != "bench" || string(c.Rules) != `{"min_claim_ms":0}` {
		t.Errorf("creation: %v", c)
	}
	for _, p := range players[:4] {
		if r := w.one(binding(p)); r.ticket != p.ticket || r.table != 0 {
			t.Errorf("binding before the confirmation: %+v", r)
		}
		if r := w.one(cancel(p, 2, p.ticket)); r.code != wirepb.Code_AT_TABLE || r.table != table {
			t.Errorf("cancel of a matched ticket: %+v", r)
		}
	}
	w.one(resume(players[0].player)) // the notice goes to the newest session
	e = w.do(0, created(table, false))
	if len(e.notices) != 4 {
		t.Fatalf("%d notices", len(e.notices))
	}
	for i, n := range e.notices {
		if n.table != table || n.ticket != players[i].ticket || (n.gateway == "gw-2") != (i == 0) {
			t.Errorf("notice %+v", n)
		}
	}
	if r := w.one(binding(players[1])); r.ticket != 0 || r.table != table {
		t.Errorf("binding after the confirmation: %+v", r)
	}
	if r := w.one(join(players[1], 3, "bench")); r.code != wirepb.Code_AT_TABLE || r.table != table {
		t.Errorf("join at a table: %+v", r)
	}
	if r := w.one(binding(players[4])); r.ticket != players[4].ticket {
		t.Errorf("who was left over: %+v", r)
	}
	before := w.bytes()
	if e := w.do(0, created(table, false), created(table, true), created(table+1, true)); len(e.notices) != 0 || !bytes.Equal(before, w.bytes()) {
		t.Error("a repeated or unknown confirmation changed something")
	}
}

func TestRefusedTicketsKeepTheirPlaces(t *testing.T) {
	w := newWorld(t, nil)
	first := w.queued(4, "bench")
	w.do(0, matchWith(1))
	late := w.queued(3, "bench")
	table := w.unconfirmed()[0].table()
	w.do(0, created(table, true))
	if w.waiting != 7 || len(w.unconfirmed()) != 0 {
		t.Fatalf("%d waiting, %d unconfirmed", w.waiting, len(w.unconfirmed()))
	}
	for _, q := range w.queues {
		for i, tk := range q.tickets {
			if tk.id != uint64(i+1) {
				t.Errorf("ticket %d at place %d", tk.id, i+1)
			}
		}
	}
	w.do(0, matchWith(2))
	item := w.unconfirmed()[0]
	for i, tk := range item.tickets {
		if tk.player != first[i].player {
			t.Errorf("seat %d went to player %d before player %d", i, tk.player, first[i].player)
		}
	}
	if item.table().Shard() == table.Shard() {
		t.Error("the shard that refused got the next table")
	}
	if r := w.one(cancel(late[0], 2, late[0].ticket)); r.code != wirepb.Code_OK {
		t.Errorf("cancel: %v", r.code)
	}
}

func TestCancelledTicketNeverMatches(t *testing.T) {
	w := newWorld(t, nil)
	p := w.queued(4, "bench")
	e := w.do(0, cancel(p[2], 2, p[2].ticket), matchWith(1))
	if e.results[0].code != wirepb.Code_OK || len(w.unconfirmed()) != 0 {
		t.Fatalf("cancel %v, then %d tables", e.results[0].code, len(w.unconfirmed()))
	}
	e = w.do(0, join(p[2], 3, "bench"), matchWith(2), cancel(p[2], 4, 5))
	if len(w.unconfirmed()) != 1 || e.results[2].code != wirepb.Code_AT_TABLE {
		t.Errorf("match before cancel: %+v", e.results[2])
	}
}

func TestEndedFreesPlayersOnce(t *testing.T) {
	w := newWorld(t, nil)
	p := w.queued(4, "bench")
	w.do(0, matchWith(1))
	table := w.unconfirmed()[0].table()
	w.do(0, created(table, false))
	ids := []game.PlayerID{p[0].player, p[1].player, p[2].player, p[3].player}
	w.do(0, ended(table+1, ids...), ended(game.MakeTableID(99, 1), ids...))
	if r := w.one(binding(p[0])); r.table != table {
		t.Fatalf("another table's end freed the player: %+v", r)
	}
	w.do(0, ended(table, ids[:2]...), ended(table, ids[0], 999))
	if r := w.one(binding(p[3])); r.table != table {
		t.Fatalf("a player who was not named is free: %+v", r)
	}
	w.do(0, ended(table, ids...))
	before := w.bytes()
	if c := w.counts(); c.Tables != 0 || c.Idle != 4 || w.shard(table.Shard()).open != 0 {
		t.Errorf("counts: %+v", c)
	}
	if w.do(0, ended(table, ids...)); !bytes.Equal(before, w.bytes()) {
		t.Error("a repeated end changed something")
	}
	// The player already sits at the next table when the end of the old one is repeated.
	for _, q := range p {
		w.one(join(q, 2, "bench"))
	}
	w.do(0, matchWith(2))
	next := w.unconfirmed()[0].table()
	w.do(0, created(next, false), ended(table, ids...))
	if r := w.one(binding(p[0])); r.table != next {
		t.Errorf("an old end freed the player: %+v", r)
	}
}

func TestEndBeforeTheConfirmation(t *testing.T) {
	w := newWorld(t, nil)
	p := w.queued(4, "bench")
	w.do(0, matchWith(1))
	table := w.unconfirmed()[0].table()
	w.do(0, ended(table, p[0].player, p[1].player, p[2].player, p[3].player))
	if c := w.counts(); c.Pending != 0 || c.Tables != 0 || c.Waiting != 0 || c.Idle != 4 {
		t.Errorf("counts: %+v", c)
	}
	before := w.bytes()
	if e := w.do(0, created(table, false), created(table, true)); len(e.notices) != 0 || !bytes.Equal(before, w.bytes()) {
		t.Error("the late confirmation changed something")
	}
}

func TestBotsFillAfterTheWait(t *testing.T) {
	w := newWorld(t, nil)
	w.queued(1, "standard")
	w.queued(1, "bench")
	if due, next := w.matchDue(w.now); due || next != w.now+10_000 {
		t.Fatalf("due %v, next %d", due, next)
	}
	w.do(9_999, matchWith(1))
	if len(w.unconfirmed()) != 0 {
		t.Fatal("bots came too early")
	}
	if due, _ := w.matchDue(w.now + 1); !due {
		t.Fatal("not due after the wait")
	}
	w.do(1, matchWith(1))
	items := w.unconfirmed()
	if len(items) != 1 || items[0].create.Queue != "standard" {
		t.Fatalf("tables: %v", items)
	}
	bots := 0
	for _, s := range items[0].create.Seats {
		if s.Player == 0 {
			bots++
		}
	}
	if bots != 3 || len(items[0].tickets) != 1 {
		t.Errorf("%d bots with %d tickets", bots, len(items[0].tickets))
	}
	if e := w.do(0, created(items[0].table(), false)); len(e.notices) != 1 {
		t.Errorf("%d notices", len(e.notices))
	}
}

func TestDifferentStakesDoNotMeet(t *testing.T) {
	w := newWorld(t, nil)
	w.queued(3, "bench")
	p := w.one(guest(""))
	w.one(&coordpb.Command{Body: &coordpb.Command_Join{Join: &coordpb.Join{
		Player: uint64(p.player), Epoch: p.epoch, Number: 1, Queue: "bench", Stake: 2,
	}}})
	if w.do(0, matchWith(1)); len(w.unconfirmed()) != 0 {
		t.Error("players of different stakes met")
	}
}

func TestPlacementOfTablesIsBalancedAndBounded(t *testing.T) {
	w := newWorld(t, func(s *coordpb.Settings) { s.MaxTickets, s.MaxPending = 1000, 5 })
	w.queued(160, "bench")
	w.do(0, matchWith(1)) // enough tickets for 40 tables, but 6 shards accept 5 each
	for _, sh := range w.shards {
		if len(sh.outbox) != 5 {
			t.Errorf("shard %d has %d unconfirmed tables", sh.id, len(sh.outbox))
		}
		for i, item := range sh.outbox {
			if item.table().Seq() != uint64(i+1) {
				t.Errorf("shard %d: number %d at place %d", sh.id, item.table().Seq(), i)
			}
		}
	}
	if w.waiting != 40 {
		t.Errorf("%d wait", w.waiting)
	}
	if due, next := w.matchDue(w.now); due || next != 0 {
		t.Errorf("due %v, next %d though no shard takes a table", due, next)
	}
	w.do(0, created(w.shards[2].outbox[4].table(), false), created(w.shards[2].outbox[0].table(), false))
	if due, _ := w.matchDue(w.now); !due {
		t.Error("not due though a shard takes tables again")
	}
}

func TestShardsThatDoNotAnswerArePassedOver(t *testing.T) {
	w := newWorld(t, nil)
	w.queued(4, "bench")
	w.do(0, matchWith(1))
	stuck := w.unconfirmed()[0].table().Shard()
	w.do(1001)
	for range 12 {
		w.queued(4, "bench")
		w.do(0, matchWith(1))
		for _, item := range w.unconfirmed() {
			if item.table().Shard() != stuck {
				w.do(0, created(item.table(), false))
			}
		}
	}
	if n := len(w.shard(stuck).outbox); n != 1 {
		t.Errorf("the silent shard was asked for %d tables", n)
	}
	if c := w.counts(); c.Tables != 12 || c.Waiting != 0 {
		t.Errorf("counts: %+v", c)
	}
}

func TestSecretsDifferAndLeaveTheState(t *testing.T) {
	w := newWorld(t, nil)
	w.queued(8, "bench")
	w.do(0, matchWith(1))
	items := w.unconfirmed()
	if len(items) != 2 || bytes.Equal(items[0].create.Secret, items[1].create.Secret) {
		t.Fatalf("%d tables, or equal secrets", len(items))
	}
	secret := items[0].create.Secret
	if !bytes.Contains(w.bytes(), secret) {
		t.Error("a replica could not repeat the creation")
	}
	w.do(0, created(items[0].table(), false))
	if bytes.Contains(w.bytes(), secret) {
		t.Error("the secret stays in the state")
	}
	if r := w.one(&coordpb.Command{Body: &coordpb.Command_Match{Match: &coordpb.Match{Seed: []byte("short")}}}); r.code != wirepb.Code_BAD_REQUEST {
		t.Errorf("short seed: %v", r.code)
	}
}

func TestModesSayHowManyPlay(t *testing.T) {
	w := newWorld(t, nil)
	for range 5 {
		c := join(w.one(guest("")), 1, "bench")
		c.GetJoin().Mode = "gomoku"
		if r := w.one(c); r.code != wirepb.Code_OK {
			t.Fatal(r.code)
		}
	}
	w.one(matchWith(1))
	items := w.unconfirmed()
	for _, item := range items {
		if n := len(item.create.Seats); n != 2 || item.create.Game != "gomoku" || item.create.Dealer > 1 {
			t.Errorf("%s for %d, dealer %d", item.create.Game, n, item.create.Dealer)
		}
	}
	if len(items) != 2 || w.waiting != 1 {
		t.Errorf("%d tables, %d wait", len(items), w.waiting)
	}
}

// A new leader may offer less than the one before.
func TestWhatIsNoLongerOfferedMakesNoTable(t *testing.T) {
	for name, edit := range map[string]func(*coordpb.Settings){
		"queue": func(s *coordpb.Settings) { s.Queues = s.Queues[:1] },
		"mode":  func(s *coordpb.Settings) { s.Queues[len(s.Queues)-1].Modes[0].Name = "another" },
	} {
		w := newWorld(t, nil)
		all := w.queued(4, "bench")
		if due, _ := w.matchDue(w.now); !due {
			t.Fatal("no match is due before")
		}
		w.one(tookOver(edit))
		if due, _ := w.matchDue(w.now); due {
			t.Errorf("%s: a match is due", name)
		}
		w.one(matchWith(1))
		if n := len(w.unconfirmed()); n != 0 {
			t.Errorf("%s: %d tables", name, n)
		}
		if r := w.one(cancel(all[0], 2, all[0].ticket)); r.code != wirepb.Code_OK {
			t.Errorf("%s: cancel: %v", name, r.code)
		}
	}
}

// In practice each player has a table of his own at once, without time limits; everywhere else nothing of that is
// asked of the shards.
func TestPractice(t *testing.T) {
	w := newWorld(t, nil)
	players := w.queued(5, "practice")
	if due, _ := w.matchDue(w.now); !due {
		t.Fatal("nobody is matched at once")
	}
	w.do(0, matchWith(1))
	all := w.unconfirmed()
	if len(all) != len(players) {
		t.Fatalf("%d tables for %d players", len(all), len(players))
	}
	sat := make(map[uint64]bool)
	for _, item := range all {
		people := 0
		for _, seat := range item.create.GetSeats() {
			if seat.GetPlayer() != 0 {
				people++
				sat[seat.GetPlayer()] = true
			}
		}
		if c := item.create; people != 1 || len(c.GetSeats()) != 4 || !c.GetUntimed() || c.GetQueue() != "practice" {
			t.Errorf("%v", c)
		}
	}
	if len(sat) != len(players) {
		t.Errorf("%d players have tables", len(sat))
	}
	w = newWorld(t, nil)
	w.queued(4, "standard")
	w.queued(4, "bench")
	w.do(0, matchWith(1))
	for _, item := range w.unconfirmed() {
		if item.create.GetUntimed() {
			t.Errorf("%v", item.create)
		}
	}
}

// A queue that level 1 cannot say is offered once the level is raised, and not before.
func TestPracticeFromLevelTwo(t *testing.T) {
	cfg, err := testConfig().withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldAt(t, 1, nil)
	listed := func() bool {
		o, _ := w.overview(cfg.Queues)
		return slices.ContainsFunc(o.reply(cfg).Queues, func(q *wirepb.QueueInfo) bool {
			return q.Name == "practice" && q.Alone && q.Untimed && q.BotsAfterMs == 0
		})
	}
	if r := w.one(join(w.one(guest("")), 1, "practice")); r.code != wirepb.Code_QUEUE_UNKNOWN || listed() {
		t.Errorf("at level 1: %v, listed %v", r.code, listed())
	}
	for _, n := range []string{"node-1", "node-2", "node-3"} {
		w.one(reports(n, n+".disk", able()))
	}
	w.one(raise(newest))
	w.one(tookOver(nil))
	if r := w.one(join(w.one(guest("")), 1, "practice")); r.code != wirepb.Code_OK || !listed() {
		t.Errorf("raised: %v, listed %v", r.code, listed())
	}
}
