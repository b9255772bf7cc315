package table_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/wire/wirepb"
)

// listener is a client that builds a view from a seat's stream.
type listener struct {
	view   wirepb.TableView // without the parts that events do not contain: the game's own view, numbers
	prompt map[uint64]*wirepb.Prompt
	last   uint64
	turn   *wirepb.Turn // the newest one
}

// left is what is left of a limit and a reserve of which so much is gone.
func left(gone uint64, limit, reserve uint32) (uint32, uint32) {
	all := uint64(limit) + uint64(reserve)
	switch {
	case all == 0:
		return 0, 0
	case gone >= all:
		return 1, 0
	case gone >= uint64(limit):
		return 0, uint32(all - gone)
	}
	return limit - uint32(gone), reserve
}

func (l *listener) hear(t *rapid.T, e table.StreamEvent) {
	if e.Number != l.last+1 {
		t.Fatalf("event %d behind %d", e.Number, l.last)
	}
	l.last = e.Number
	var told wirepb.TableEvent
	if err := proto.Unmarshal(e.Payload, &told); err != nil {
		t.Fatal(err)
	}
	v := &l.view
	switch b := told.GetBody().(type) {
	case *wirepb.TableEvent_Opened:
		v.Opened = b.Opened
		v.Totals = make([]int64, len(b.Opened.GetSeats()))
		v.AutoPlay = make([]bool, len(b.Opened.GetSeats()))
		if len(b.Opened.GetLimits()) > 0 { // a table with a clock
			v.Ready = make([]bool, len(b.Opened.GetSeats()))
			for _, s := range b.Opened.GetSeats() {
				v.Here = append(v.Here, s.GetPlayer() == 0)
			}
		}
		l.prompt = make(map[uint64]*wirepb.Prompt)
	case *wirepb.TableEvent_HandStarted:
		v.Hand, v.Dealer, v.Delayed = b.HandStarted.GetHand(), b.HandStarted.GetDealer(), nil
		clear(v.Ready)
	case *wirepb.TableEvent_Prompt:
		l.prompt[e.Number] = b.Prompt
	case *wirepb.TableEvent_AutoPlay:
		v.AutoPlay[b.AutoPlay.GetSeat()] = b.AutoPlay.GetOn()
	case *wirepb.TableEvent_HandEnded:
		for i, s := range b.HandEnded.GetScores() {
			if v.Totals[i] += s; v.Totals[i] != b.HandEnded.GetTotals()[i] {
				t.Fatalf("scores %v on top of %v give %v", b.HandEnded.GetScores(), v.Totals, b.HandEnded.GetTotals())
			}
		}
	case *wirepb.TableEvent_RoundEnded:
		v.RoundEnded, v.Voided, v.Revealed, v.Delayed = true, b.RoundEnded.GetVoided(), b.RoundEnded.GetRevealed(), nil
		if !slices.Equal(v.Totals, b.RoundEnded.GetTotals()) {
			t.Fatalf("the round ends with %v, want %v", b.RoundEnded.GetTotals(), v.Totals)
		}
	case *wirepb.TableEvent_Released:
		v.Released = true
	case *wirepb.TableEvent_Committed:
		v.Committed = b.Committed
	case *wirepb.TableEvent_Delayed:
		v.Delayed = b.Delayed
	case *wirepb.TableEvent_SeatChanged:
		v.Here[b.SeatChanged.GetSeat()] = b.SeatChanged.GetHere()
	case *wirepb.TableEvent_Ready:
		if v.Ready[b.Ready.GetSeat()] = true; b.Ready.GetHand() != v.Hand+1 {
			t.Fatalf("ready for hand %d in hand %d", b.Ready.GetHand(), v.Hand)
		}
	case *wirepb.TableEvent_Prolonged:
		limit, reserve := l.turn.GetLimitMs(), l.turn.GetReserveMs()
		if p := l.prompt[b.Prolonged.GetPrompt()]; p != nil {
			limit, reserve = p.GetLimitMs(), p.GetReserveMs()
		}
		if b.Prolonged.GetLimitMs() != limit || b.Prolonged.GetReserveMs() != reserve {
			t.Fatalf("%v, want the whole time: %d and %d ms", b.Prolonged, limit, reserve)
		}
	}
	if told.GetTurn() != nil {
		l.turn = told.GetTurn()
	}
}

// A seat's snapshot says the same as its stream, no more and no less, whatever has happened.
func TestViewSaysWhatTheStreamSaid(t *testing.T) {
	phases := make(map[tablepb.Phase]bool)
	rapid.Check(t, func(rt *rapid.T) {
		rules := rapid.SampledFrom([]string{`{"turns":2}`, `{"turns":1}`, `{"hold_ms":700,"turns":3}`}).Draw(rt, "rules")
		r := newRig(t, rules, rapid.Uint32Range(1, 2).Draw(rt, "hands"), 11, 12, 13, 0).withClock(rapid.SampledFrom(clocks).Draw(rt, "clock"))
		if rapid.Bool().Draw(rt, "all are here") {
			for p := uint64(11); p <= 13; p++ {
				r.attach(p, 1, 0)
			}
		}
		listeners := make([]listener, 4)
		step := func(c *tablepb.Command) {
			r.apply(c)
			phases[r.table.Phase()] = true
			for i := range listeners {
				l := &listeners[i]
				for _, e := range r.table.Events(i, l.last) {
					l.hear(rt, e)
				}
				m := r.table.Message().GetSeats()[i]
				if m.GetPlayer() == 0 {
					continue
				}
				twin, err := table.Restore(state(t, r.table), games)
				if err != nil {
					rt.Fatal(err)
				}
				out := twin.Apply(table.Entry{NowMS: r.now, Term: 1, Command: attachCommand(m.GetPlayer(), m.GetEpoch(), l.last+1)})
				if len(out.Pushes) == 0 || out.Pushes[0].Kind != wirepb.Push_SNAPSHOT || out.Pushes[0].Number != l.last {
					rt.Fatalf("pushes %v, want a snapshot as of %d", out.Pushes, l.last)
				}
				var got wirepb.TableView
				if err := proto.Unmarshal(out.Pushes[0].Payload, &got); err != nil {
					rt.Fatal(err)
				}
				want := proto.CloneOf(&l.view)
				want.Seat, want.NextNumber, want.Game, want.Prompt = uint32(i), m.GetNumber()+1, nil, nil
				if p := m.GetPrompt(); p != nil {
					asked := proto.CloneOf(l.prompt[p.GetNumber()])
					asked.LimitMs, asked.ReserveMs = left(r.now-p.GetOpenedMs(), asked.GetLimitMs(), asked.GetReserveMs())
					want.Prompt = &wirepb.OpenPrompt{Number: p.GetNumber(), Prompt: asked}
				}
				if h := r.table.Hand(); h != nil {
					want.Game = h.View(i)
				}
				// The turn is over when nobody is openly asked any more.
				if m := r.table.Message(); m.GetTurn() != nil {
					want.Turn = proto.CloneOf(l.turn)
					want.Turn.LimitMs, want.Turn.ReserveMs = left(r.now-m.GetTurn().GetOpenedMs(), l.turn.GetLimitMs(), l.turn.GetReserveMs())
				}
				if !proto.Equal(want, &got) {
					rt.Fatalf("after %v seat %d is shown\n%v\nand was told\n%v", c, i, &got, want)
				}
			}
		}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			r.now += rapid.Uint64Range(0, 50).Draw(rt, "ms")
			c := randomCommand(rt, r)
			r.room = rapid.IntRange(0, 3).Draw(rt, "room")
			step(c)
		}
		r.room = 3
		for r.table.Phase() < tablepb.Phase_SETTLING { // by time-outs alone
			due, ok := r.table.NextDeadline()
			if !ok {
				rt.Fatalf("stuck in phase %v", r.table.Phase())
			}
			r.now = max(r.now, due)
			for _, d := range r.table.Due(r.now) {
				step(&tablepb.Command{Body: &tablepb.Command_Deadline{Deadline: d}})
			}
		}
		for _, hand := range r.table.PendingHands() {
			step(settledCommand(hand))
		}
		if step(freed); r.table.Phase() < tablepb.Phase_RELEASED {
			rt.Fatalf("phase %v at the end", r.table.Phase())
		}
	})
	for p := tablepb.Phase_PLAYING; p <= tablepb.Phase_RELEASED; p++ {
		if !phases[p] {
			t.Errorf("phase %v was not reached", p)
		}
	}
}

// Everything that a seat is told from the beginning to the end.
func TestStreamOfARound(t *testing.T) {
	r := newRig(t, `{"turns":3,"hold_ms":700}`, 1, 11, 12, 13, 0)
	if e := r.table.Events(2, 0); len(e) != 2 || event(t, e[0].Payload).GetOpened() == nil || event(t, e[1].Payload).GetCommitted().GetHand() != 1 {
		t.Fatalf("a new table's stream has %d events", len(e))
	} else if o := event(t, e[0].Payload).GetOpened(); !bytes.Contains(o.GetRules(), []byte(`"hold_ms":700`)) || o.GetSeats()[1].GetName() != "p12" ||
		o.GetHands() != 1 || o.GetStake() != 5 || o.GetGame() != "tiny" {
		t.Errorf("opened: %v", o)
	}
	for p := uint64(11); p <= 13; p++ {
		if len(r.table.Message().GetEntries()) != 0 {
			t.Error("a record without a hand")
		}
		r.attach(p, 1, 0)
	}
	seed := r.table.Message().GetSeed()
	for seat := range 3 {
		r.answer(seat, byte(seat))
	}
	bot := r.table.BotPrompts()[0]
	r.apply(&tablepb.Command{Body: &tablepb.Command_Bot{Bot: &tablepb.Bot{Seat: 3, Prompt: bot.Number, Move: []byte{4}}}})
	r.answer(1, 2) // the dealer
	r.pass()
	r.answer(2, 3) // seat 1 may claim
	r.answer(1, 1)
	r.pass()
	bot = r.table.BotPrompts()[0]
	r.apply(&tablepb.Command{Body: &tablepb.Command_Bot{Bot: &tablepb.Bot{Seat: 3, Prompt: bot.Number, Move: []byte{0}}}})
	r.pass() // the hold after the last turn
	for seat := range 3 {
		want := []string{
			fmt.Sprintf("you hold %d", seed[seat+4]),
			fmt.Sprintf("seat %d opened with %d, secret %d", seat, seat, seed[seat]),
			"seat 1 took 2", "released", "seat 2 took 3", "seat 1 claimed true", "released", "seat 3 took 0", "released",
		}
		var got []string
		for _, p := range r.pushed[seat] {
			if g := event(t, p.Payload).GetGame(); g != nil {
				got = append(got, string(g))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("seat %d was told %q, want %q", seat, got, want)
		}
		end := event(t, lastOf[*wirepb.TableEvent_HandEnded](r, seat).Payload).GetHandEnded()
		// Base units: 2 from each for seat 1, 3 from each for seat 2, one of them claimed; times the stake.
		if scores := []int64{-25, 20, 30, -25}; !slices.Equal(end.GetScores(), scores) || !slices.Equal(end.GetTotals(), scores) {
			t.Errorf("scores %v, totals %v", end.GetScores(), end.GetTotals())
		}
	}
	res, ok := r.table.Result(1)
	if !ok || !res.Last || res.Game != "tiny" || !slices.Equal(res.Names, []string{"p11", "p12", "p13", "p0"}) ||
		!slices.Equal(res.Scores, []int64{-25, 20, 30, -25}) {
		t.Errorf("result %+v", res)
	}
	checkReplay(t, r, res.Archive, 1, 3)
	r.apply(settledCommand(1))
	if e := r.table.Ended(); !slices.Equal(e.GetPlayers(), []uint64{11, 12, 13}) {
		t.Errorf("outbox item %v", e)
	}
	revealed := event(t, lastOf[*wirepb.TableEvent_RoundEnded](r, 0).Payload).GetRoundEnded().GetRevealed()
	if len(revealed) != 1 || len(revealed[0].GetNonces()) != 4 || revealed[0].GetDealer() != 1 {
		t.Errorf("revealed: %v", revealed)
	}
}

// Each kind of command appears in the archive in the form that players and auditors read.
func TestArchiveNamesEachCommand(t *testing.T) {
	r := newRig(t, `{"turns":2,"hold_ms":700}`, 1, 11, 12, 13, 0)
	for p := uint64(11); p <= 13; p++ {
		r.attach(p, 1, 0)
	}
	type line struct {
		kind         wirepb.ArchiveEntry_Kind
		ms, term     uint64
		seat         uint32
		number, asks uint64
		command      *tablepb.Command // as it appears in the archive
	}
	want := []line{{kind: wirepb.ArchiveEntry_OTHER, ms: r.now, term: 1, command: &tablepb.Command{
		Table: uint64(tableID), Body: &tablepb.Command_Deal{Deal: &tablepb.Deal{}},
	}}}
	do := func(l line, c *tablepb.Command) {
		t.Helper()
		r.now += 10
		r.apply(c)
		if l.command == nil {
			l.command = c
		}
		l.command = proto.CloneOf(l.command)
		l.command.Table = uint64(tableID)
		l.ms, l.term = r.now, r.term
		want = append(want, l)
	}
	prompt, _ := r.open(2)
	do(line{kind: wirepb.ArchiveEntry_MOVE, seat: 2, number: 1, asks: prompt}, moveCommand(13, 1, 1, prompt, 2))
	bot := r.table.BotPrompts()[0].Number
	do(line{kind: wirepb.ArchiveEntry_BOT, seat: 3, asks: bot},
		&tablepb.Command{Body: &tablepb.Command_Bot{Bot: &tablepb.Bot{Seat: 3, Prompt: bot, Move: []byte{2}}}})
	do(line{kind: wirepb.ArchiveEntry_DETACH, seat: 1, command: detachCommand(1, 0)}, detachCommand(1, 1))
	attach := attachCommand(12, 2, 3)
	bare := proto.CloneOf(attach)
	bare.GetAttach().Gateway, bare.GetAttach().Session = "", 0
	do(line{kind: wirepb.ArchiveEntry_ATTACH, seat: 1, command: bare}, attach)
	r.term = 2
	do(line{kind: wirepb.ArchiveEntry_TOOK_OVER}, tookOver)
	do(line{kind: wirepb.ArchiveEntry_MOVE, seat: 2, number: 2}, autoCommand(13, 2, wirepb.AutoPlay_AUTO_OFF))
	for r.table.Phase() == tablepb.Phase_PLAYING {
		due, _ := r.table.NextDeadline()
		r.now = max(r.now, due)
		d := r.table.Due(r.now)[0]
		r.now -= 10
		do(line{kind: wirepb.ArchiveEntry_TIMER, seat: d.GetSeat(), asks: d.GetPrompt()},
			&tablepb.Command{Body: &tablepb.Command_Deadline{Deadline: d}})
	}
	res, _ := r.table.Result(1)
	var a wirepb.HandArchive
	if err := proto.Unmarshal(res.Archive, &a); err != nil {
		t.Fatal(err)
	}
	if len(a.GetEntries()) != len(want) {
		t.Fatalf("%d entries, want %d", len(a.GetEntries()), len(want))
	}
	for i, e := range a.GetEntries() {
		l := want[i]
		var c tablepb.Command
		if err := proto.Unmarshal(e.GetCommand(), &c); err != nil {
			t.Fatal(err)
		}
		if e.GetKind() != l.kind || e.GetLogMs() != l.ms || e.GetTerm() != l.term || e.GetSeat() != l.seat || e.GetNumber() != l.number ||
			e.GetPrompt() != l.asks || !proto.Equal(&c, l.command) {
			t.Errorf("entry %d is %v\nof %v\nwant %+v", i, e, &c, l)
		}
	}
	// Without Entry.Raw the table makes the same record.
	again := newRig(t, `{"turns":2,"hold_ms":700}`, 1, 11, 12, 13, 0)
	for p := uint64(11); p <= 13; p++ {
		again.attach(p, 1, 0)
	}
	for _, l := range want[1:] {
		c := l.command
		if c.GetAttach() != nil {
			c = proto.CloneOf(attach)
			c.Table = uint64(tableID)
		}
		again.table.Apply(table.Entry{NowMS: l.ms, Term: l.term, Room: 1, Command: c})
	}
	other, _ := again.table.Result(1)
	if !bytes.Equal(other.Archive, res.Archive) {
		t.Error("the archive depends on how the command arrived")
	}
}
