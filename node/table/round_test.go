package table_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/node/table/tabletest"
	"teahouse/pkg/wire/wirepb"
)

func TestRoundFromOpenToRelease(t *testing.T) {
	r := newRig(t, `{"hold_ms":700}`, 2)
	r.attachAll()
	var archives [][]byte
	for hand := uint32(1); hand <= 2; hand++ {
		if got := r.table.Message().GetHand(); got != hand {
			t.Fatalf("hand %d is being played, want %d", got, hand)
		}
		if got, want := r.table.Message().GetDealer(), hand%4; got != want {
			t.Errorf("dealer %d, want %d", got, want)
		}
		r.finishHand()
		res, ok := r.table.Result(hand)
		if !ok || r.table.Unsettled() != int(hand) {
			t.Fatalf("hand %d is not pending, %d are", hand, r.table.Unsettled())
		}
		sum := int64(0)
		for _, s := range res.Scores {
			if sum += s; s%5 != 0 {
				t.Errorf("score %d is no multiple of the stake", s)
			}
		}
		if sum != 0 || len(res.Players) != 4 || res.Players[2] != 13 || res.Stake != 5 || res.Queue != "standard" {
			t.Errorf("result %+v", res)
		}
		archives = append(archives, res.Archive)
		if hand == 1 {
			r.pass() // the intermission
		}
	}
	if r.table.Phase() != tablepb.Phase_SETTLING {
		t.Fatalf("phase %v", r.table.Phase())
	}
	leave := &tablepb.Command{Body: &tablepb.Command_Leave{Leave: &tablepb.Leave{Player: 11, Epoch: 1}}}
	r.want(r.apply(leave), wirepb.Code_NOT_OVER)
	// The hands may be settled in any order; each counts once.
	for _, hand := range []uint32{2, 2, 7, 1, 1} {
		r.apply(settledCommand(hand))
	}
	if n, m := has[*wirepb.TableEvent_HandSettled](r, 0), has[*wirepb.TableEvent_RoundEnded](r, 0); n != 2 || m != 1 {
		t.Errorf("%d HandSettled, %d RoundEnded", n, m)
	}
	if e := r.table.Ended(); e == nil || len(e.GetPlayers()) != 4 || e.GetTable() != uint64(tableID) {
		t.Fatalf("outbox item %v", e)
	}
	r.apply(freed)
	r.apply(freed)
	if n := has[*wirepb.TableEvent_Released](r, 3); n != 1 || r.table.Ended() != nil {
		t.Fatalf("%d Released, outbox item %v", n, r.table.Ended())
	}
	last := r.pushed[3][len(r.pushed[3])-1]
	if _, is := event(t, last.Payload).GetBody().(*wirepb.TableEvent_Released); !is {
		t.Error("Released is not the last event")
	}
	// Streams have no gaps.
	for seat := range r.pushed {
		for i, p := range r.pushed[seat] {
			if p.Number != uint64(i+1) || p.Kind != wirepb.Push_EVENT || p.Session != uint64(11+seat)*100 {
				t.Fatalf("seat %d: push %d is %v", seat, i, p)
			}
		}
	}
	for i, a := range archives {
		checkReplay(t, r, a, uint32(i+1))
	}
	// The retention ends when all have left.
	for p := uint64(11); p <= 14; p++ {
		if r.table.Phase() != tablepb.Phase_RELEASED {
			t.Fatalf("phase %v before player %d left", r.table.Phase(), p)
		}
		leave.GetLeave().Player = p
		r.want(r.apply(leave), wirepb.Code_OK)
	}
	if r.table.Phase() != tablepb.Phase_GONE {
		t.Errorf("phase %v", r.table.Phase())
	}
}

// checkReplay checks that replaying an archive gives the events that were pushed, for all seats that were
// attached.
func checkReplay(t *testing.T, r *rig, archive []byte, hand uint32, absent ...int) {
	t.Helper()
	hooked := 0
	streams, err := table.Replay(archive, tabletest.Game{}, func(_ *wirepb.ArchiveEntry, tb *table.Table) {
		hooked++
		if tb.Hand() == nil {
			t.Error("no hand in the hook")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var a wirepb.HandArchive
	if err := proto.Unmarshal(archive, &a); err != nil {
		t.Fatal(err)
	}
	if hooked != len(a.GetEntries()) || a.GetHand() != hand || a.GetTable() != uint64(tableID) {
		t.Errorf("%d entries, %d hooks, hand %d", len(a.GetEntries()), hooked, a.GetHand())
	}
	if bytes.Contains(archive, r.spec.GetSpec().GetSecret()) {
		t.Error("the archive holds the table secret")
	}
	if bytes.Contains(archive, []byte("gw")) {
		t.Error("the archive names a gateway")
	}
	for seat, stream := range streams {
		if slices.Contains(absent, seat) {
			continue
		}
		var live []table.StreamEvent
		in := false
		for _, p := range r.pushed[seat] {
			switch b := event(t, p.Payload).GetBody().(type) {
			case *wirepb.TableEvent_HandStarted:
				in = b.HandStarted.GetHand() == hand
			}
			if in {
				live = append(live, table.StreamEvent{Number: p.Number, Payload: p.Payload})
			}
			if b, is := event(t, p.Payload).GetBody().(*wirepb.TableEvent_HandEnded); is && b.HandEnded.GetHand() == hand {
				in = false
			}
		}
		if len(live) < 4 || len(live) != len(stream) {
			t.Fatalf("seat %d was told %d events of hand %d, the replay tells %d", seat, len(live), hand, len(stream))
		}
		for i := range live {
			if live[i].Number != stream[i].Number || !bytes.Equal(live[i].Payload, stream[i].Payload) {
				t.Fatalf("seat %d, event %d of hand %d: told %v, replayed %v", seat, i, hand, live[i], stream[i])
			}
		}
	}
}

func TestRetentionEndsByTime(t *testing.T) {
	r := newRig(t, ``, 1)
	r.attachAll()
	r.finishHand()
	r.apply(settledCommand(1))
	r.apply(freed)
	released := r.now
	r.want(r.attach(12, 2, 0), wirepb.Code_OK) // still readable
	r.pass()
	if r.table.Phase() != tablepb.Phase_GONE || r.now != released+120_000 {
		t.Errorf("phase %v after %d ms", r.table.Phase(), r.now-released)
	}
}

func TestFirstDealWaitsForSeats(t *testing.T) {
	r := newRig(t, ``, 1)
	opened := r.now
	for p := uint64(11); p <= 13; p++ {
		r.attach(p, 1, 0)
	}
	if r.table.Phase() != tablepb.Phase_WAITING {
		t.Fatalf("phase %v with one seat missing", r.table.Phase())
	}
	r.pass()
	if r.table.Phase() != tablepb.Phase_PLAYING || r.now != opened+10_000 {
		t.Fatalf("phase %v after %d ms", r.table.Phase(), r.now-opened)
	}
	for seat, s := range r.table.Message().GetSeats() {
		if s.GetAuto() != (seat == 3) {
			t.Errorf("seat %d in auto-play: %t", seat, s.GetAuto())
		}
	}
}

func TestNextHandWaitsForSettlementRoom(t *testing.T) {
	r := newRig(t, ``, 2)
	r.spec.Timing.IntermissionMs = 0
	r.attachAll()
	r.room = 1 // this hand uses it up
	r.finishHand()
	r.room = 0
	for range 3 {
		if r.table.Phase() != tablepb.Phase_BETWEEN {
			t.Fatalf("phase %v without room", r.table.Phase())
		}
		r.pass()
	}
	late := func() *wirepb.Delayed {
		r.want(r.attach(11, 1, 999), wirepb.Code_RESUME_INVALID)
		var view wirepb.TableView
		if err := proto.Unmarshal(r.out.Pushes[0].Payload, &view); err != nil {
			t.Fatal(err)
		}
		return view.GetDelayed()
	}
	const why = wirepb.Code_SETTLEMENT_DELAYED
	if n := has[*wirepb.TableEvent_Delayed](r, 2); n != 1 || late().GetCode() != why {
		t.Errorf("the seat was told %d times that the hand is late; the view says %v", n, late())
	}
	if c := event(t, lastOf[*wirepb.TableEvent_Delayed](r, 2).Payload).GetDelayed().GetCode(); c != why {
		t.Errorf("late because of %v", c)
	}
	r.apply(settledCommand(1))
	r.room = 1
	r.pass()
	if r.table.Phase() != tablepb.Phase_PLAYING || r.table.Message().GetHand() != 2 || late() != nil {
		t.Errorf("phase %v, hand %d, late: %v", r.table.Phase(), r.table.Message().GetHand(), late())
	}
}

func TestHandGoesOnWhileTheOneBeforeIsSettled(t *testing.T) {
	r := newRig(t, ``, 2)
	r.spec.Timing.IntermissionMs = 0
	r.attachAll()
	r.finishHand()
	if m := r.table.Message(); m.GetPhase() != tablepb.Phase_PLAYING || m.GetHand() != 2 {
		t.Fatalf("phase %v, hand %d", m.GetPhase(), m.GetHand())
	}
	r.answer(0, 1)
	r.apply(settledCommand(1))
	r.finishHand()
	res, ok := r.table.Result(2)
	if !ok {
		t.Fatal("hand 2 is not pending")
	}
	checkReplay(t, r, res.Archive, 2) // the archive includes HandSettled of hand 1
}

func TestHashCoversTheResult(t *testing.T) {
	r := newRig(t, ``, 1)
	r.attachAll()
	r.finishHand()
	res, _ := r.table.Result(1)
	same, other := res, res
	other.Scores = append([]int64{}, res.Scores...)
	other.Scores[0]++
	if table.Hash(res) != table.Hash(same) || table.Hash(res) == table.Hash(other) {
		t.Error("hash does not follow the scores")
	}
}

func TestSeedDependsOnSecretAndHand(t *testing.T) {
	a, b := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	if table.HandSeed(a, 1) == table.HandSeed(b, 1) || table.HandSeed(a, 1) == table.HandSeed(a, 2) {
		t.Error("equal seeds")
	}
}

func TestBrokenGameVoidsTheTable(t *testing.T) {
	run := func() (*rig, string) {
		r := newRig(t, `{"bomb":true}`, 3)
		r.attachAll()
		r.finishHand()
		r.pass()
		for seat := range 4 {
			r.answer(seat, 1)
		}
		turn := int(r.table.Message().GetDealer())
		before := len(r.pushed[turn])
		prompt, next := r.open(turn)
		r.want(r.apply(moveCommand(11+uint64(turn), 1, next, prompt, tabletest.Bomb)), wirepb.Code_INTERNAL)
		if r.out.Void == "" || r.table.Phase() != tablepb.Phase_SETTLING || len(r.pushed[turn]) != before {
			t.Fatalf("void %q, phase %v, %d new events", r.out.Void, r.table.Phase(), len(r.pushed[turn])-before)
		}
		if !strings.Contains(r.out.Void, "tabletest.(*hand).Move ") || strings.Contains(r.out.Void, "(0x") {
			t.Errorf("want where it was, and no arguments, which may be tiles: %s", r.out.Void)
		}
		r.want(r.apply(moveCommand(11+uint64(turn), 1, next, prompt, 1)), wirepb.Code_PROMPT_GONE)
		r.want(r.attach(11, 1, 0), wirepb.Code_OK)
		r.apply(settledCommand(1)) // the previous hand counts
		if r.table.Ended() == nil {
			t.Error("the players stay bound to a void table")
		}
		if end := event(t, r.pushed[0][len(r.pushed[0])-1].Payload).GetRoundEnded(); !end.GetVoided() {
			t.Errorf("the end is %v", end)
		}
		return r, string(state(t, r.table))
	}
	r1, a := run()
	_, b := run()
	if a != b {
		t.Error("two replicas differ")
	}
	var total int64
	for _, s := range r1.table.Message().GetSeats() {
		total += s.GetTotal()
	}
	if total != 0 {
		t.Errorf("totals sum to %d", total)
	}
}
