package table_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table/tablepb"
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
	// It is attached all the same.
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
	// Who has seen the hand to its last event goes on without one.
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
	r.apply(detachCommand(0, first.Number)) // overtaken by the second attach
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
