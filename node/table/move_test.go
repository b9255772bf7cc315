package table_test

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/node/table/tabletest"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// The order of the checks: each case also has all the faults of the cases below it.
func TestMoveRefusalsInOrder(t *testing.T) {
	r := newRig(t, ``, 1)
	for p := uint64(11); p <= 14; p++ {
		r.attach(p, 5, 0)
	}
	prompt, _ := r.open(0)
	first := moveCommand(11, 5, 1, prompt, 3)
	r.want(r.apply(first), wirepb.Code_OK)
	reply := r.out.Reply.Payload
	for seat := 1; seat < 4; seat++ {
		p, _ := r.open(seat)
		r.want(r.apply(moveCommand(11+uint64(seat), 5, 1, p, 0)), wirepb.Code_OK)
	}
	turn, _ := r.open(1) // the dealer's
	r.want(r.apply(moveCommand(12, 5, 2, turn, 1)), wirepb.Code_OK)
	open, next := r.open(2) // odd number: the next seat may claim
	if open == 0 || next != 2 {
		t.Fatalf("prompt %d, next number %d", open, next)
	}
	for _, c := range []struct {
		name string
		move *tablepb.Command
		want game.Code
	}{
		{"nobody", moveCommand(0, 0, 9, 0, 77), wirepb.Code_NOT_SEATED},
		{"stranger", moveCommand(99, 0, 9, 0, 77), wirepb.Code_NOT_SEATED},
		{"same number, other content, old epoch", moveCommand(12, 0, 2, 0, 77), wirepb.Code_NUMBER_REUSED},
		{"lower number, old epoch", moveCommand(12, 0, 1, 0, 77), wirepb.Code_ALREADY_DECIDED},
		{"number 0", moveCommand(12, 5, 0, 0, 77), wirepb.Code_ALREADY_DECIDED},
		{"old epoch, number too high", moveCommand(13, 4, 9, 0, 77), wirepb.Code_SUPERSEDED},
		{"number too high", moveCommand(13, 5, 3, 0, 77), wirepb.Code_NUMBER_GAP},
		{"prompt 0 with a move", moveCommand(13, 5, 2, 0, 77), wirepb.Code_MOVE_MALFORMED},
		{"prompt 0 with nothing", moveCommand(13, 5, 2, 0), wirepb.Code_MOVE_MALFORMED},
		{"prompt beyond the stream", moveCommand(13, 5, 2, open+1, 77), wirepb.Code_PROMPT_UNKNOWN},
		{"closed prompt", moveCommand(13, 5, 2, open-1, 77), wirepb.Code_PROMPT_GONE},
		{"game: malformed", moveCommand(13, 5, 2, open, 1, 2), wirepb.Code_MOVE_MALFORMED},
		{"game: not offered", moveCommand(13, 5, 2, open, 77), wirepb.Code_NOT_OFFERED},
	} {
		before := state(t, r.table)
		r.want(r.apply(c.move), c.want)
		if !bytes.Equal(before, state(t, r.table)) {
			t.Errorf("%s: the refusal changed the table", c.name)
		}
	}
	r.want(newRig(t, ``, 1).apply(moveCommand(11, 0, 0, 0, 77)), wirepb.Code_ALREADY_DECIDED) // numbers begin at 1
	both := moveCommand(13, 5, 2, open, 1)
	both.GetMove().AutoPlay = wirepb.AutoPlay_AUTO_ON
	r.want(r.apply(both), wirepb.Code_MOVE_MALFORMED)

	// A repetition gets the same reply, even with an old epoch, and a refusal does not use up the
	// number.
	again := proto.Clone(first).(*tablepb.Command)
	again.GetMove().Epoch = 0
	r.want(r.apply(again), wirepb.Code_OK)
	if !bytes.Equal(r.out.Reply.Payload, reply) || len(r.out.Pushes) != 0 {
		t.Error("the repeat has another answer")
	}
	r.want(r.apply(moveCommand(13, 5, 2, open, 1)), wirepb.Code_OK)
	var m wirepb.MoveReply
	if err := proto.Unmarshal(r.out.Reply.Payload, &m); err != nil || m.GetNextNumber() != 3 {
		t.Errorf("next number %d, %v", m.GetNextNumber(), err)
	}
}

func TestRepeatAfterRestore(t *testing.T) {
	r := newRig(t, ``, 1)
	r.attachAll()
	r.answer(2, 4)
	first := r.out.Reply.Payload
	tb, err := table.Restore(state(t, r.table), games)
	if err != nil {
		t.Fatal(err)
	}
	r.table = tb
	prompt := uint64(0)
	for _, p := range r.pushed[2] {
		if event(t, p.Payload).GetPrompt() != nil {
			prompt = p.Number
		}
	}
	r.want(r.apply(moveCommand(13, 1, 1, prompt, 4)), wirepb.Code_OK)
	if !bytes.Equal(first, r.out.Reply.Payload) {
		t.Error("another reply after the restore")
	}
	r.want(r.apply(moveCommand(13, 1, 1, prompt, 5)), wirepb.Code_NUMBER_REUSED)
}

func TestTwoTimeoutsStartAutoPlayAndAMoveEndsIt(t *testing.T) {
	r := newRig(t, `{"turns":20}`, 1)
	r.attachAll()
	r.pass() // all openings time out
	if n := has[*wirepb.TableEvent_AutoPlay](r, 0); n != 0 {
		t.Fatalf("%d AutoPlayChanged after one time-out", n)
	}
	r.pass() // the dealer's turn times out
	if n := has[*wirepb.TableEvent_AutoPlay](r, 0); n != 1 || !r.table.Message().GetSeats()[1].GetAuto() {
		t.Fatalf("%d AutoPlayChanged after two time-outs", n)
	}
	for range 3 { // the others' turns
		for seat := range 4 {
			if p, _ := r.open(seat); p != 0 {
				r.answer(seat, 2)
				break
			}
		}
	}
	opened := r.now
	due, ok := r.table.NextDeadline()
	if p, _ := r.open(1); p == 0 || !ok || due != opened+500 {
		t.Fatalf("prompt %d of the seat in auto-play, due %d after %d", p, due, opened)
	}
	r.answer(1, 2)
	if r.table.Message().GetSeats()[1].GetAuto() || has[*wirepb.TableEvent_AutoPlay](r, 0) != 2 {
		t.Error("the move did not end auto-play")
	}
}

func TestAutoPlaySwitch(t *testing.T) {
	r := newRig(t, ``, 1)
	r.attachAll()
	start := r.now
	r.now += 100
	r.want(r.apply(autoCommand(11, 1, wirepb.AutoPlay_AUTO_ON)), wirepb.Code_OK)
	if due := r.table.Message().GetSeats()[0].GetPrompt().GetDueMs(); due != r.now+500 {
		t.Errorf("due %d after %d", due, r.now)
	}
	r.now += 100
	r.want(r.apply(autoCommand(11, 2, wirepb.AutoPlay_AUTO_OFF)), wirepb.Code_OK)
	if due := r.table.Message().GetSeats()[0].GetPrompt().GetDueMs(); due != start+1000 {
		t.Errorf("switching moved the deadline to %d, opened at %d", due, start)
	}
	r.want(r.apply(autoCommand(11, 3, wirepb.AutoPlay_AUTO_ON)), wirepb.Code_OK)
	for seat := range 3 {
		r.answer(seat+1, 1)
	}
	due, _ := r.table.NextDeadline()
	if due != r.now+500 {
		t.Fatalf("due %d after %d", due, r.now)
	}
	r.pass()
	if p, _ := r.open(0); p != 0 {
		t.Error("auto-play did not answer")
	}
}

func TestTakeOverRenewsPrompts(t *testing.T) {
	r := newRig(t, ``, 1)
	r.attachAll()
	opened := r.now
	old := r.table.Due(opened + 1000)
	if len(old) != 4 {
		t.Fatalf("%d prompts", len(old))
	}
	r.now += 900
	r.term = 2
	r.apply(tookOver)
	if due, _ := r.table.NextDeadline(); due != r.now+1000 {
		t.Errorf("due %d, want %d", due, r.now+1000)
	}
	r.now = opened + 1000
	for _, d := range old {
		r.apply(&tablepb.Command{Body: &tablepb.Command_Deadline{Deadline: d}})
	}
	if p, _ := r.open(0); p == 0 {
		t.Error("a deadline that the take-over moved was carried out")
	}
}

func TestDeadlineMustNameWhatIsDue(t *testing.T) {
	r := newRig(t, `{"hold_ms":700}`, 1)
	r.attachAll()
	for seat := range 4 {
		r.answer(seat, 0)
	}
	prompt, _ := r.open(1)
	r.answer(1, 2) // begins a hold
	m := r.table.Message()
	for _, d := range []*tablepb.Deadline{
		{Seat: 1, Prompt: prompt}, {Seat: 1}, {Seat: 99, Prompt: prompt}, {Timer: m.GetTimer()}, {Timer: m.GetTimer() + 1},
	} {
		before := state(t, r.table)
		r.apply(&tablepb.Command{Body: &tablepb.Command_Deadline{Deadline: d}})
		if !bytes.Equal(before, state(t, r.table)) {
			t.Errorf("%v was carried out", d)
		}
	}
	r.now += 700
	r.apply(&tablepb.Command{Body: &tablepb.Command_Deadline{Deadline: &tablepb.Deadline{Timer: m.GetTimer()}}})
	if p, _ := r.open(2); p == 0 {
		t.Error("the hold was not released")
	}
}

func TestBotAnswersOnlyForBots(t *testing.T) {
	r := newRig(t, ``, 1, 11, 0, 13, 0)
	r.attach(11, 1, 0)
	r.attach(13, 1, 0)
	open := r.table.BotPrompts()
	if len(open) != 2 || open[0].Seat != 1 || open[1].Seat != 3 || !r.table.HasBots() {
		t.Fatalf("bots are asked %v", open)
	}
	bot := func(seat uint32, prompt uint64) game.Code {
		move, err := tabletest.Game{}.Think(nil, nil, open[0].Payload, game.Middle)
		if err != nil {
			t.Fatal(err)
		}
		return r.apply(&tablepb.Command{Body: &tablepb.Command_Bot{Bot: &tablepb.Bot{Seat: seat, Prompt: prompt, Move: move}}}).Code
	}
	human, _ := r.open(0)
	for _, c := range []struct {
		seat   uint32
		prompt uint64
		want   game.Code
	}{
		{0, human, wirepb.Code_NOT_SEATED}, {9, 1, wirepb.Code_NOT_SEATED}, {4, 1, wirepb.Code_NOT_SEATED}, {1, 0, wirepb.Code_PROMPT_GONE},
		{1, open[0].Number + 1, wirepb.Code_PROMPT_GONE}, {1, open[0].Number, wirepb.Code_OK}, {1, open[0].Number, wirepb.Code_PROMPT_GONE},
	} {
		if got := bot(c.seat, c.prompt); got != c.want {
			t.Errorf("seat %d prompt %d: %v, want %v", c.seat, c.prompt, got, c.want)
		}
	}
}

func TestAutoPlaySwitchesAreBounded(t *testing.T) {
	r := newRig(t, ``, 1)
	r.attachAll()
	refusedAt := uint64(0)
	for n := uint64(1); n < 1000 && refusedAt == 0; n++ {
		auto := wirepb.AutoPlay_AUTO_ON
		if n%2 == 0 {
			auto = wirepb.AutoPlay_AUTO_OFF
		}
		if reply := r.apply(autoCommand(11, n, auto)); reply.Code != wirepb.Code_OK {
			r.want(reply, wirepb.Code_NOT_OFFERED)
			refusedAt = n
		}
	}
	if refusedAt == 0 {
		t.Fatal("no bound")
	}
	r.want(r.apply(autoCommand(11, refusedAt, wirepb.AutoPlay_AUTO_OFF)), wirepb.Code_NOT_OFFERED)
}

// A request without effect is recorded too.
func TestIdleAutoPlaySwitchesAreBounded(t *testing.T) {
	r := newRig(t, ``, 1)
	r.attachAll()
	for n := uint64(1); n < 1000; n++ {
		if reply := r.apply(autoCommand(11, n, wirepb.AutoPlay_AUTO_OFF)); reply.Code != wirepb.Code_OK {
			r.want(reply, wirepb.Code_NOT_OFFERED)
			return
		}
	}
	t.Fatalf("no bound: %d entries", len(r.table.Message().GetEntries()))
}

// Only the seat itself may know that it could claim. So the others must not be told at once of auto-play
// that the time-out of a claim has started, or the answer to one has ended.
func TestClaimSwitchesAutoPlayInSecret(t *testing.T) {
	r := newRig(t, `{"turns":20,"hold_ms":700}`, 1)
	r.attachAll()
	for seat := 1; seat < 4; seat++ {
		r.answer(seat, 2)
	}
	r.pass()       // seat 0 does not open
	r.answer(1, 3) // seat 0 may claim
	r.pass()       // the hold
	r.pass()       // the claim: the second time-out
	switches := has[*wirepb.TableEvent_AutoPlay]
	if !r.table.Message().GetSeats()[0].GetAuto() || switches(r, 0) != 1 {
		t.Fatal("seat 0 is not in auto-play, or does not know")
	}
	for seat := 2; seat < 4; seat++ {
		r.answer(seat, 2)
		r.pass()
	}
	if p, _ := r.open(0); p == 0 || switches(r, 1) != 0 {
		t.Fatalf("the seat's turn: prompt %d, the others heard of %d switches", p, switches(r, 1))
	}
	r.pass() // its turn: the second time-out that the others can see
	if switches(r, 0) != 1 || switches(r, 1) != 1 {
		t.Errorf("seat 0 knows of %d switches, the others of %d", switches(r, 0), switches(r, 1))
	}
	r.pass() // the hold

	// An answer to a claim while the window is open ends auto-play; the others are not told.
	r.answer(1, 3)
	r.answer(0, 0)
	if switches(r, 0) != 2 || switches(r, 1) != 1 {
		t.Errorf("after the claim seat 0 knows of %d switches, seat 1 of %d", switches(r, 0), switches(r, 1))
	}
	r.want(r.attach(12, 1, 9999), wirepb.Code_RESUME_INVALID)
	var v wirepb.TableView
	if err := proto.Unmarshal(r.out.Pushes[0].Payload, &v); err != nil || !v.GetAutoPlay()[0] {
		t.Errorf("a snapshot shows it: %v %v", v.GetAutoPlay(), err)
	}
	r.pushed[1] = r.pushed[1][:len(r.pushed[1])-1]
	r.finishHand()
	res, _ := r.table.Result(1)
	checkReplay(t, r, res.Archive, 1)
}

// A bot must not be put into auto-play, which answers before the bot's pause is over: the bot would
// never play again.
func TestBotsDoNotGoIntoAutoPlay(t *testing.T) {
	r := newRig(t, ``, 1, 11, 0, 13, 0)
	r.attach(11, 1, 0)
	r.attach(13, 1, 0)
	for range 2 {
		r.pass()
	}
	if s := r.table.Message().GetSeats(); s[1].GetAuto() || s[3].GetAuto() {
		t.Error("a bot is in auto-play")
	}
	for r.table.Phase() == tablepb.Phase_PLAYING {
		r.pass()
	}
	for _, p := range r.pushed[0] {
		if a := event(t, p.Payload).GetAutoPlay(); a.GetSeat()%2 == 1 {
			t.Errorf("the others are told of a bot: %v", a)
		}
	}
}

// A number stands for one content: for everything in the move except the epoch.
func TestNumberStandsForOneContent(t *testing.T) {
	change := map[string]func(m *tablepb.Move){
		"prompt": func(m *tablepb.Move) { m.Prompt++ },
		"move":   func(m *tablepb.Move) { m.Move = []byte{9} },
		"longer": func(m *tablepb.Move) { m.Move = append(m.Move, 0) },
		"auto":   func(m *tablepb.Move) { m.AutoPlay = 3 - m.AutoPlay },
		"nonce":  func(m *tablepb.Move) { m.Nonce = append(m.Nonce, 1) },
		"ready":  func(m *tablepb.Move) { m.Ready++ },
		"hand":   func(m *tablepb.Move) { m.Hand++; m.Nonce = append(m.Nonce, 0) },
	}
	for kind, first := range map[string]func(r *rig) *tablepb.Command{
		"nonce": func(*rig) *tablepb.Command { return nonceCommand(12, 1, 1, 7) },
		"auto":  func(*rig) *tablepb.Command { return autoCommand(12, 1, wirepb.AutoPlay_AUTO_ON) },
		"move": func(r *rig) *tablepb.Command {
			r.pass() // the time for nonces
			prompt, _ := r.open(1)
			return moveCommand(12, 1, 1, prompt, 3)
		},
	} {
		r := fairRig(t, 1)
		c := first(r)
		r.want(r.apply(c), wirepb.Code_OK)
		for name, f := range change {
			other := proto.CloneOf(c)
			if f(other.GetMove()); name == "hand" && len(c.GetMove().GetNonce()) > 0 {
				other.GetMove().Nonce = c.GetMove().GetNonce() // only the hand differs
			}
			r.want(r.apply(other), wirepb.Code_NUMBER_REUSED)
		}
		for _, epoch := range []uint64{0, 1, 9} {
			again := proto.CloneOf(c)
			again.GetMove().Epoch = epoch
			r.want(r.apply(withLag(again, 40)), wirepb.Code_OK) // lines differ, contents do not
		}
		if t.Failed() {
			t.Fatalf("of a %s", kind)
		}
	}
}
