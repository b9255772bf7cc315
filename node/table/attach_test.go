package table_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

func TestAttachGivesWhatIsMissing(t *testing.T) {
	r := newRig(t, ``, 2)
	r.attachAll()
	r.answer(0, 1)
	r.answer(1, 1)
	r.answer(2, 1)
	r.answer(3, 1)
	all := r.pushed[0]
	last := uint64(len(all))
	for have := uint64(0); have <= last; have++ {
		r.want(r.attach(11, 2, have), wirepb.Code_OK)
		var a wirepb.AttachReply
		if err := proto.Unmarshal(r.out.Reply.Payload, &a); err != nil {
			t.Fatal(err)
		}
		if a.GetSeat() != 0 || a.GetNextNumber() != 2 || a.GetLastEvent() != last {
			t.Fatalf("attach reply %v, last event %d", &a, last)
		}
		if uint64(len(r.out.Pushes)) != last-have {
			t.Fatalf("%d pushes from %d of %d", len(r.out.Pushes), have, last)
		}
		for i, p := range r.out.Pushes {
			want := all[have+uint64(i)]
			if p.Number != want.Number || string(p.Payload) != string(want.Payload) || p.Epoch != 2 {
				t.Fatalf("push %v, want %v", p, want)
			}
		}
	}
	if _, is := event(t, all[0].Payload).GetBody().(*wirepb.TableEvent_Opened); !is {
		t.Error("the first event is not Opened")
	}
}

func TestAttachBeyondTheStreamGetsASnapshot(t *testing.T) {
	r := newRig(t, ``, 1)
	r.attachAll()
	r.now += 400
	last := uint64(len(r.pushed[2]))
	r.want(r.attach(13, 1, last+1), wirepb.Code_RESUME_INVALID)
	checkSnapshot(t, r, last)
	// It is attached nevertheless.
	before := len(r.pushed[2])
	r.answer(2, 1)
	if len(r.pushed[2]) <= before || r.pushed[2][before].Number != last+1 {
		t.Error("no live events behind the snapshot")
	}
}

func checkSnapshot(t *testing.T, r *rig, last uint64) *wirepb.TableView {
	t.Helper()
	if len(r.out.Pushes) != 1 || r.out.Pushes[0].Kind != wirepb.Push_SNAPSHOT || r.out.Pushes[0].Number != last {
		t.Fatalf("pushes %v, want a snapshot as of %d", r.out.Pushes, last)
	}
	var v wirepb.TableView
	if err := proto.Unmarshal(r.out.Pushes[0].Payload, &v); err != nil {
		t.Fatal(err)
	}
	seat := r.out.Pushes[0].Seat
	prompt, next := r.open(seat)
	if v.GetSeat() != uint32(seat) || v.GetNextNumber() != next || v.GetPrompt().GetNumber() != prompt || len(v.GetGame()) == 0 {
		t.Errorf("view %v", &v)
	}
	if prompt != 0 && (v.GetPrompt().GetPrompt().GetLimitMs() == 0 || v.GetPrompt().GetPrompt().GetLimitMs() > 1000) {
		t.Errorf("time left %d ms", v.GetPrompt().GetPrompt().GetLimitMs())
	}
	return &v
}

func TestAttachTooFarBehindGetsASnapshot(t *testing.T) {
	r := newRig(t, ``, 2)
	r.attachAll()
	r.finishHand()
	ended := lastOf[*wirepb.TableEvent_HandEnded](r, 1).Number
	r.pass()
	last := r.pushed[1][len(r.pushed[1])-1].Number
	r.want(r.attach(12, 1, ended-2), wirepb.Code_OK)
	if v := checkSnapshot(t, r, last); v.GetHand() != 2 || v.GetDealer() != 2 {
		t.Errorf("view %v", v)
	}
	// A client that has seen the hand's last event needs no snapshot.
	r.want(r.attach(12, 1, ended-1), wirepb.Code_OK)
	if uint64(len(r.out.Pushes)) != last-ended+1 || r.out.Pushes[0].Number != ended {
		t.Errorf("%d pushes", len(r.out.Pushes))
	}
}

func TestEpochs(t *testing.T) {
	r := newRig(t, ``, 1)
	r.attachAll()
	r.want(r.attach(99, 1, 0), wirepb.Code_NOT_SEATED)
	r.want(r.attach(0, 1, 0), wirepb.Code_NOT_SEATED)
	r.want(r.attach(11, 3, 0), wirepb.Code_OK)
	r.want(r.attach(11, 2, 0), wirepb.Code_SUPERSEDED)
	if len(r.out.Pushes) != 0 {
		t.Error("the older session gets events")
	}
	prompt, next := r.open(0)
	r.want(r.apply(moveCommand(11, 2, next, prompt, 1)), wirepb.Code_SUPERSEDED)
	r.want(r.apply(moveCommand(11, 3, next, prompt, 1)), wirepb.Code_OK)
	r.want(r.apply(&tablepb.Command{Body: &tablepb.Command_Leave{Leave: &tablepb.Leave{Player: 11, Epoch: 2}}}), wirepb.Code_SUPERSEDED)
}

func TestDetachStartsAutoPlayUnlessAttachedAgain(t *testing.T) {
	r := newRig(t, ``, 1)
	r.attachAll()
	first := r.table.Attachments()[0]
	r.want(r.attach(11, 1, 0), wirepb.Code_OK)
	r.apply(detachCommand(0, first.Number)) // has no effect after the second attach
	if n := has[*wirepb.TableEvent_AutoPlay](r, 1); n != 0 {
		t.Fatal("a detach of an older attachment was carried out")
	}
	r.apply(detachCommand(0, r.table.Attachments()[0].Number))
	if n := has[*wirepb.TableEvent_AutoPlay](r, 1); n != 1 || len(r.table.Attachments()) != 3 {
		t.Fatalf("%d AutoPlayChanged, %d attachments", n, len(r.table.Attachments()))
	}
	before := len(r.pushed[0])
	r.answer(1, 1)
	if len(r.pushed[0]) != before {
		t.Error("a detached seat gets pushes")
	}
	r.apply(detachCommand(0, first.Number+1))
	r.apply(detachCommand(77, 1))
	if n := has[*wirepb.TableEvent_AutoPlay](r, 1); n != 1 {
		t.Errorf("%d AutoPlayChanged", n)
	}
}

func TestRepeatedAttachesDoNotGrowTheRecord(t *testing.T) {
	r := newRig(t, ``, 1)
	r.attachAll()
	before := len(r.table.Message().GetEntries())
	for range 100 {
		r.want(r.attach(11, 1, 0), wirepb.Code_OK)
	}
	if n := len(r.table.Message().GetEntries()); n != before {
		t.Errorf("%d entries, %d before", n, before)
	}
	r.apply(detachCommand(0, r.table.Attachments()[0].Number))
	r.finishHand()
	res, _ := r.table.Result(1)
	checkReplay(t, r, res.Archive, 1, 0)
}

func TestResumesDoNotGrowTheRecord(t *testing.T) {
	r := newRig(t, ``, 1)
	r.attachAll()
	before := len(r.table.Message().GetEntries())
	for epoch := range uint64(100) {
		r.want(r.attach(11, 1+epoch, 0), wirepb.Code_OK)
	}
	if n := len(r.table.Message().GetEntries()); n != before {
		t.Errorf("%d entries, %d before", n, before)
	}
}

// The retention ends when all players have left; one that attaches again has not left. Bots do not
// count.
func TestRetentionEndsWhenAllAreAway(t *testing.T) {
	type step struct {
		do     string // leave, come, free
		player uint64
	}
	everybody := []uint64{11, 12, 13, 14}
	bots := []uint64{11, 0, 13, 0}
	for name, c := range map[string]struct {
		players []uint64
		steps   []step
		last    step // that ends it
	}{
		"one after the other": {everybody, []step{{"free", 0}, {"leave", 11}, {"leave", 13}, {"leave", 12}}, step{"leave", 14}},
		"twice is once":       {everybody, []step{{"free", 0}, {"leave", 11}, {"leave", 11}, {"leave", 13}, {"leave", 12}}, step{"leave", 14}},
		"left and came back": {
			everybody, []step{{"free", 0}, {"leave", 11}, {"leave", 12}, {"leave", 13}, {"come", 12}, {"leave", 14}}, step{"leave", 12},
		},
		"came back and the rest was there all the time": {
			everybody, []step{{"free", 0}, {"leave", 14}, {"come", 14}, {"leave", 11}, {"leave", 12}, {"leave", 13}}, step{"leave", 14},
		},
		"before the players are free":                {everybody, []step{{"leave", 11}, {"leave", 12}, {"leave", 13}, {"leave", 14}}, step{"free", 0}},
		"came back before the players were free":     {bots, []step{{"leave", 11}, {"leave", 13}, {"come", 11}, {"free", 0}}, step{"leave", 11}},
		"bots are not waited for":                    {bots, []step{{"free", 0}, {"leave", 13}}, step{"leave", 11}},
		"bots are not waited for, one came back":     {bots, []step{{"free", 0}, {"leave", 13}, {"come", 13}, {"leave", 11}}, step{"leave", 13}},
		"left, came back and left, before and after": {bots, []step{{"leave", 13}, {"come", 13}, {"leave", 13}, {"free", 0}}, step{"leave", 11}},
	} {
		r := newRig(t, ``, 1, c.players...)
		for _, p := range c.players {
			if p != 0 {
				r.attach(p, 1, 0)
			}
		}
		for r.table.Phase() == tablepb.Phase_PLAYING {
			r.pass()
		}
		r.apply(settledCommand(1))
		do := func(s step) {
			switch s.do {
			case "free":
				r.apply(freed)
			case "come":
				r.want(r.attach(s.player, 1, 0), wirepb.Code_OK)
			case "leave":
				r.want(r.apply(&tablepb.Command{Body: &tablepb.Command_Leave{Leave: &tablepb.Leave{Player: s.player, Epoch: 1}}}), wirepb.Code_OK)
			}
		}
		for i, s := range c.steps {
			if do(s); r.table.Phase() == tablepb.Phase_GONE {
				t.Errorf("%s: gone after step %d", name, i)
			}
		}
		if do(c.last); r.table.Phase() != tablepb.Phase_GONE {
			t.Errorf("%s: phase %v at the end", name, r.table.Phase())
		}
		if _, ok := r.table.NextDeadline(); ok {
			t.Errorf("%s: a table that is gone wants a deadline", name)
		}
	}
}

// Auto-play plays for a seat that was detached, and is still on when the seat comes back, until it moves.
func TestDetachedSeatIsPlayed(t *testing.T) {
	r := newRig(t, ``, 1)
	r.attachAll()
	opened := r.now
	r.now += 100
	r.apply(detachCommand(2, r.table.Attachments()[2].Number))
	if due, _ := r.table.NextDeadline(); due != r.now+500 {
		t.Errorf("the absent seat's prompt is due at %d, want %d", due, r.now+500)
	}
	auto := func(viewer uint64) []bool {
		r.want(r.attach(viewer, 1, 9999), wirepb.Code_RESUME_INVALID)
		var v wirepb.TableView
		if err := proto.Unmarshal(r.out.Pushes[0].Payload, &v); err != nil {
			t.Fatal(err)
		}
		return v.GetAutoPlay()
	}
	for p := uint64(11); p <= 14; p++ { // seat 2 attaches again here
		if a := auto(p); !slices.Equal(a, []bool{false, false, true, false}) {
			t.Errorf("player %d is shown auto-play %v", p, a)
		}
	}
	if due := r.table.Message().GetSeats()[2].GetPrompt().GetDueMs(); due != r.now+500 {
		t.Errorf("coming back moved the prompt to %d", due)
	}
	r.answer(2, 1)
	if a := auto(13); a[2] {
		t.Error("who moves is not in auto-play")
	}
	if due, _ := r.table.NextDeadline(); due != opened+1000 {
		t.Errorf("due %d", due)
	}
}

func TestAttachReplyNamesTheSeat(t *testing.T) {
	r := newRig(t, ``, 1)
	for seat := range uint32(4) {
		r.want(r.attach(uint64(11+seat), 4, 0), wirepb.Code_OK)
		var a wirepb.AttachReply
		if err := proto.Unmarshal(r.out.Reply.Payload, &a); err != nil || a.GetSeat() != seat {
			t.Errorf("seat %d is told %d, %v", seat, a.GetSeat(), err)
		}
		want := table.Attachment{
			Seat: int(seat), Player: game.PlayerID(11 + seat), Gateway: "gw", Session: uint64(11+seat) * 100, Epoch: 4, Number: 1,
		}
		if got := r.table.Attachments(); len(got) != int(seat)+1 || got[seat] != want {
			t.Errorf("attachments %+v, want %+v last", got, want)
		}
	}
	for _, p := range r.out.Pushes {
		if p.Seat == 3 && (p.Gateway != "gw" || p.Session != 1400 || p.Epoch != 4) {
			t.Errorf("push %+v", p)
		}
	}
}
