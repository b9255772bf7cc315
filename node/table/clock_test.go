package table_test

import (
	"bytes"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/node/table/tabletest"
	"teahouse/pkg/wire/wirepb"
)

// timed is a round of the tiny game at its first turn, that of seat 1, with a clock. Its questions have
// 1000 ms.
func timed(t *testing.T, c *tablepb.Clock, hands uint32, lags ...uint32) *rig {
	t.Helper()
	r := newRig(t, `{"turns":40}`, hands).withClock(c)
	if lags == nil {
		lags = make([]uint32, 4)
	}
	for seat, lag := range lags {
		r.want(r.apply(withLag(attachCommand(11+uint64(seat), 1, 0), lag)), wirepb.Code_OK)
	}
	for seat, lag := range lags {
		prompt, next := r.open(seat)
		r.want(r.apply(withLag(moveCommand(11+uint64(seat), 1, next, prompt, 0), lag)), wirepb.Code_OK)
	}
	return r
}

func (r *rig) due(seat int) uint64 {
	return r.table.Message().GetSeats()[seat].GetPrompt().GetDueMs()
}

// asked returns the newest question to a seat, as it was pushed.
func (r *rig) asked(seat int) *wirepb.Prompt {
	r.t.Helper()
	var p *wirepb.Prompt
	for _, push := range r.pushed[seat] {
		if e := event(r.t, push.Payload); e.GetPrompt() != nil {
			p = e.GetPrompt()
		}
	}
	return p
}

// The reserve begins when the limit is over, lasts for the whole hand, and what the longest line takes costs
// nothing.
func TestReserve(t *testing.T) {
	r := timed(t, &tablepb.Clock{ReserveMs: 3000}, 2)
	if p := r.asked(1); p.GetLimitMs() != 1000 || p.GetReserveMs() != 3000 || r.due(1) != r.now+4000 {
		t.Fatalf("%v, due at %d, now %d", p, r.due(1), r.now)
	}
	for n, c := range []struct {
		takes uint64 // milliseconds to answer
		left  uint32 // of the reserve, after that
	}{{900, 3000}, {1000, 3000}, {1500, 3000}, {1501, 2999}, {3700, 799}} {
		r.now += c.takes
		r.answer(1, 4) // seat 1 takes 4: nobody may claim
		for _, seat := range []int{2, 3, 0} {
			r.answer(seat, 4)
		}
		if p := r.asked(1); p.GetReserveMs() != c.left || r.due(1) != r.now+1000+uint64(c.left) {
			t.Fatalf("answer %d after %d ms: %v, due in %d ms", n, c.takes, p, r.due(1)-r.now)
		}
	}
	if p := r.asked(2); p.GetReserveMs() != 3000 {
		t.Errorf("seat 2 has paid for seat 1: %v", p)
	}
	r.pass() // seat 1 lets it all run out
	for _, seat := range []int{2, 3, 0} {
		r.answer(seat, 4)
	}
	if left := r.table.Message().GetSeats()[1].GetReserveMs(); left != 500 {
		t.Errorf("%d ms are left of 799 when all of it has passed, want 500, which is the grace that nobody used", left)
	}
	r.finishHand()
	r.pass()
	if p := r.asked(1); p.GetReserveMs() != 3000 {
		t.Errorf("the next hand begins with %v", p)
	}
}

// A slow line's answer may come later by its round trip, 500 ms at most.
func TestGrace(t *testing.T) {
	for lag, want := range map[uint32]uint64{0: 0, 120: 120, 500: 500, 60_000: 500} {
		r := timed(t, &tablepb.Clock{ReserveMs: 3000}, 1, 0, lag, 0, 0)
		if got := r.due(1) - r.now; got != 4000+want {
			t.Errorf("round trip %d: the prompt ends after %d ms", lag, got)
		}
		if p := r.asked(1); p.GetLimitMs() != 1000 || p.GetReserveMs() != 3000 {
			t.Errorf("round trip %d: %v", lag, p)
		}
	}
	r := timed(t, &tablepb.Clock{}, 1)
	prompt, next := r.open(1)
	r.want(r.apply(withLag(moveCommand(12, 1, next, prompt, 4), 240)), wirepb.Code_OK)
	for _, seat := range []int{2, 3, 0} {
		r.answer(seat, 4)
	}
	if got := r.due(1) - r.now; got != 1240 {
		t.Errorf("after a move over a slow line the prompt ends after %d ms", got)
	}
}

// Everybody sees when a window closes. That must not show who was asked, by his line or his reserve.
func TestSecretWindowsLastEquallyLong(t *testing.T) {
	lags := []uint32{0, 80, 0, 440}
	for _, claimer := range []int{0, 2} {
		r := timed(t, &tablepb.Clock{ReserveMs: 3000}, 1, lags...)
		prompt, next := r.open(1) // an odd number: the seat that far ahead may claim
		r.want(r.apply(withLag(moveCommand(12, 1, next, prompt, byte(claimer-1+4)%4), lags[1])), wirepb.Code_OK)
		if got := r.due(claimer) - r.now; got != 1440 {
			t.Errorf("the window of seat %d lasts %d ms", claimer, got)
		}
		if p := r.asked(claimer); p.GetReserveMs() != 0 {
			t.Errorf("the window of seat %d has a reserve: %v", claimer, p)
		}
	}
}

// Lines are nobody else's business: neither pushes nor archives depend on them.
func TestLagIsToldToNobody(t *testing.T) {
	var archives [2][]byte
	var pushed [2][4][]table.Push
	for i, lags := range [][]uint32{{0, 0, 0, 0}, {20, 480, 300, 1}} {
		r := newRig(t, `{"turns":3}`, 1).withClock(&tablepb.Clock{ReserveMs: 3000})
		for seat := range 4 {
			r.apply(withLag(attachCommand(11+uint64(seat), 1, 0), lags[seat]))
		}
		for _, seat := range []int{0, 1, 2, 3, 1, 2, 3} {
			r.now += 700
			prompt, next := r.open(seat)
			r.want(r.apply(withLag(moveCommand(11+uint64(seat), 1, next, prompt, 4), lags[seat])), wirepb.Code_OK)
		}
		res, ok := r.table.Result(1)
		if !ok {
			t.Fatal("the hand is not over")
		}
		if _, err := table.Replay(res.Archive, tabletest.Game{}, nil); err != nil {
			t.Error(err)
		}
		archives[i], pushed[i] = res.Archive, r.pushed
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("the archives differ")
	}
	for seat := range 4 {
		for n, p := range pushed[0][seat] {
			if q := pushed[1][seat][n]; !bytes.Equal(p.Payload, q.Payload) {
				t.Errorf("seat %d, push %d: %v and %v", seat, n, event(t, p.Payload), event(t, q.Payload))
			}
		}
	}
}

// Without limits a table waits an hour, and no longer; whoever is away is played for at once.
func TestUntimed(t *testing.T) {
	r := timed(t, &tablepb.Clock{ReserveMs: 3000, Untimed: true}, 1)
	if p := r.asked(1); p.GetLimitMs() != 0 || p.GetReserveMs() != 0 || r.due(1) != r.now+3_600_000 {
		t.Fatalf("%v, due in %d ms", p, r.due(1)-r.now)
	}
	opened := event(t, r.pushed[0][0].Payload).GetOpened()
	if len(opened.GetLimits()) == 0 || opened.GetReserveMs() != 0 {
		t.Errorf("opened with %v", opened)
	}
	for _, l := range opened.GetLimits() {
		if l.GetLimitMs() != 0 {
			t.Errorf("opened with the limit %v", l)
		}
	}
	if turn := r.table.Message().GetTurn(); turn.GetLimitMs() != 0 {
		t.Errorf("the turn is %v", turn)
	}
	r.apply(detachCommand(1, 0))
	if r.due(1) != r.now+500 {
		t.Errorf("who is away is played for after %d ms", r.due(1)-r.now)
	}
	r.attach(12, 1, 0)
	r.want(r.apply(autoCommand(12, 2, wirepb.AutoPlay_AUTO_OFF)), wirepb.Code_OK)
	if r.due(1) != r.now+3_600_000 {
		t.Errorf("who is back has %d ms", r.due(1)-r.now)
	}
}

// A hand without time limits is practice, and only that.
func TestUntimedIsPractice(t *testing.T) {
	for _, clock := range []*tablepb.Clock{nil, {}, {ReserveMs: 20_000}, {Untimed: true}} {
		r := timed(t, clock, 1)
		r.finishHand()
		res, ok := r.table.Result(1)
		if !ok || res.Practice != clock.GetUntimed() {
			t.Errorf("clock %v: %+v", clock, res)
		}
		other := res
		other.Practice = !res.Practice
		if table.Hash(res) == table.Hash(other) {
			t.Error("the hash does not tell practice")
		}
	}
}

// turns lists what a seat was told of open questions since its push from.
func (r *rig) turns(seat, from int) (all []string) {
	r.t.Helper()
	for _, p := range r.pushed[seat][from:] {
		if turn := event(r.t, p.Payload).GetTurn(); turn != nil {
			all = append(all, fmt.Sprint(turn.GetSeats(), turn.GetLimitMs(), turn.GetReserveMs()))
		}
	}
	return all
}

// All seats are told the same of whom the table waits for, whatever that seat has left; nobody is told of
// a claim.
func TestTurnIsPublic(t *testing.T) {
	r := timed(t, &tablepb.Clock{ReserveMs: 3000}, 1)
	r.now += 3000
	r.answer(1, 1) // seat 2 may claim
	r.now += 10
	r.answer(2, 0)
	r.answer(2, 4)
	r.answer(3, 4)
	r.answer(0, 4) // and again seat 1, with less in reserve
	want := fmt.Sprint([]string{
		"[0 1 2 3] 1000 3000", "[1] 1000 3000", "[2] 1000 3000", "[3] 1000 3000", "[0] 1000 3000", "[1] 1000 3000",
	})
	for seat := range 4 {
		if got := fmt.Sprint(r.turns(seat, 0)); got != want {
			t.Errorf("seat %d was told %s\nwant %s", seat, got, want)
		}
	}
	r.answer(1, 1)
	if m := r.table.Message(); m.GetTurn() != nil {
		t.Errorf("while seat 2 may claim, the turn is %v", m.GetTurn())
	}
}

// Who of several has answered is not shown by a snapshot.
func TestTurnKeepsWhoHasAnswered(t *testing.T) {
	r := newRig(t, `{"turns":20}`, 1).withClock(&tablepb.Clock{})
	r.attachAll()
	r.answer(0, 0)
	r.answer(3, 0)
	var v wirepb.TableView
	r.attach(12, 1, 1_000_000)
	last := r.pushed[1][len(r.pushed[1])-1]
	if err := proto.Unmarshal(last.Payload, &v); err != nil || last.Kind != wirepb.Push_SNAPSHOT {
		t.Fatal(last, err)
	}
	if got := fmt.Sprint(v.GetTurn().GetSeats()); got != "[0 1 2 3]" {
		t.Errorf("the turn is %s", got)
	}
}

// A take-over is told to whom it gives time: the asked one, and all of an open turn. Soon after another
// it is no news.
func TestTakeOverIsTold(t *testing.T) {
	prolonged := func(r *rig, seat int) (all []string) {
		for _, p := range r.pushed[seat] {
			if b := event(t, p.Payload).GetProlonged(); b != nil {
				all = append(all, fmt.Sprint(b.GetPrompt() != 0, b.GetLimitMs(), b.GetReserveMs()))
			}
		}
		return all
	}
	r := timed(t, &tablepb.Clock{ReserveMs: 3000}, 1)
	for _, ms := range []uint64{1000, 0, 900, 1001} {
		r.now += ms
		r.apply(tookOver)
		if r.due(1) != r.now+4000 {
			t.Errorf("the prompt ends after %d ms", r.due(1)-r.now)
		}
	}
	for seat, want := range []string{"[false 1000 3000]", "[true 1000 3000 false 1000 3000]", "[false 1000 3000]", "[false 1000 3000]"} {
		if got := fmt.Sprint(prolonged(r, seat)); got != want {
			t.Errorf("seat %d was told %s, want %s", seat, got, want)
		}
	}
	r = timed(t, &tablepb.Clock{ReserveMs: 3000}, 1)
	r.answer(1, 1) // seat 2 may claim
	r.now += 1001
	r.apply(tookOver)
	for seat, want := range []string{"[]", "[]", "[true 1000 0]", "[]"} {
		if got := fmt.Sprint(prolonged(r, seat)); got != want {
			t.Errorf("a window: seat %d was told %s, want %s", seat, got, want)
		}
	}
}

// Who is there is told to all, once, and as often as a hand may be told it.
func TestSeatsComeAndGo(t *testing.T) {
	r := newRig(t, `{"turns":20}`, 2).withClock(&tablepb.Clock{})
	told := func() (all []string) {
		for _, p := range r.pushed[0] {
			if b := event(t, p.Payload).GetSeatChanged(); b != nil {
				all = append(all, fmt.Sprint(b.GetSeat(), b.GetHere()))
			}
		}
		return all
	}
	r.attachAll()
	r.attach(12, 1, 0)
	r.attach(12, 2, 0)
	r.apply(detachCommand(1, 0))
	r.apply(detachCommand(1, 0))
	if got := fmt.Sprint(told()); got != "[0 true 1 true 2 true 3 true 1 false]" {
		t.Fatalf("seat 0 was told %s", got)
	}
	for range 100 {
		r.attach(12, 2, 0)
		r.apply(detachCommand(1, 0))
	}
	if n := len(told()); n > 4+1+20 {
		t.Errorf("seat 0 was told %d times", n)
	}
	s := r.table.Message().GetSeats()[1]
	if s.GetHere() == s.GetAttached() {
		t.Fatal("what is no news any more was told")
	}
	for r.table.Phase() == tablepb.Phase_PLAYING {
		r.pass()
	}
	r.pass() // the next deal
	if s = r.table.Message().GetSeats()[1]; s.GetHere() != s.GetAttached() {
		t.Error("the next hand does not say who is there")
	}
}

// Ready seats shorten the pause; whoever is away does not hold it up.
func TestReady(t *testing.T) {
	r := newRig(t, `{"turns":1}`, 3, 11, 12, 13, 0).withClock(&tablepb.Clock{})
	for p := uint64(11); p <= 13; p++ {
		r.attach(p, 1, 0)
	}
	finish := func() {
		t.Helper()
		for r.table.Phase() == tablepb.Phase_PLAYING {
			r.pass()
		}
	}
	ready := func(seat int, hand uint32) *table.Reply {
		_, next := r.open(seat)
		return r.apply(readyCommand(11+uint64(seat), next, hand))
	}
	r.want(ready(0, 1), wirepb.Code_NOT_OFFERED)
	r.pass() // nobody sends a nonce
	r.want(ready(0, 2), wirepb.Code_NOT_OFFERED)
	finish()
	r.want(ready(0, 1), wirepb.Code_NOT_OFFERED)
	r.want(ready(0, 3), wirepb.Code_NOT_OFFERED)
	r.want(ready(0, 2), wirepb.Code_OK)
	r.want(ready(0, 2), wirepb.Code_NOT_OFFERED)
	r.want(ready(1, 2), wirepb.Code_OK)
	if r.table.Phase() != tablepb.Phase_BETWEEN {
		t.Fatal("the hand is dealt before seat 2 is ready")
	}
	began := r.now
	r.want(ready(2, 2), wirepb.Code_OK)
	if m := r.table.Message(); m.GetPhase() != tablepb.Phase_PLAYING || m.GetHand() != 2 || r.now != began {
		t.Fatalf("phase %v, hand %d", m.GetPhase(), m.GetHand())
	}
	finish()
	r.apply(detachCommand(2, 0))
	r.want(ready(0, 3), wirepb.Code_OK)
	r.apply(detachCommand(1, 0)) // the last one that was not ready
	if m := r.table.Message(); m.GetHand() != 3 {
		t.Fatalf("phase %v, hand %d: who is away is waited for", m.GetPhase(), m.GetHand())
	}
	finish()
	if r.want(ready(0, 4), wirepb.Code_NOT_OFFERED); len(r.table.PendingHands()) != 3 {
		t.Error(r.table.PendingHands())
	}
	m := readyCommand(11, 9, 4)
	m.GetMove().Nonce = []byte{1}
	_, m.GetMove().Number = r.open(0)
	r.want(r.apply(m), wirepb.Code_MOVE_MALFORMED)
}

// What others are told of a seat's auto-play names the reason that they can see.
func TestReasonsOfAutoPlay(t *testing.T) {
	r := timed(t, &tablepb.Clock{}, 1)
	reasons := func(seat int) (all []string) {
		for _, p := range r.pushed[seat] {
			if b := event(t, p.Payload).GetAutoPlay(); b != nil && b.GetSeat() == 2 {
				all = append(all, fmt.Sprint(b.GetOn(), b.GetReason()))
			}
		}
		return all
	}
	r.answer(1, 1) // seat 2 may claim, and does not
	r.pass()
	r.pass() // its turn: the second one in a row
	r.answer(3, 4)
	r.answer(0, 4)
	r.answer(1, 4)
	r.answer(2, 4) // it answers itself
	r.want(r.apply(autoCommand(13, 3, wirepb.AutoPlay_AUTO_ON)), wirepb.Code_OK)
	r.want(r.apply(autoCommand(13, 4, wirepb.AutoPlay_AUTO_OFF)), wirepb.Code_OK)
	r.apply(detachCommand(2, 0))
	own := "[true TIMEOUTS false ANSWERED true ASKED false ASKED]"
	others := "[true ASKED false ASKED true AWAY]" // one open question was missed, not two
	for seat := range 4 {
		want := others
		if seat == 2 {
			want = own
		}
		if got := fmt.Sprint(reasons(seat)); got != want {
			t.Errorf("seat %d was told %s\nwant %s", seat, got, want)
		}
	}
}

// The table says at its beginning what its people need to know of the clock and of the bots.
func TestOpenedSaysTheClock(t *testing.T) {
	r := newRig(t, ``, 1, 11, 0, 13, 14).withClock(&tablepb.Clock{ReserveMs: 3000, Strength: 3})
	r.attach(11, 1, 0)
	o := event(t, r.pushed[0][0].Payload).GetOpened()
	if len(o.GetLimits()) != 2 || o.GetLimits()[1].GetQuestion() != "claim" || !o.GetLimits()[1].GetSecret() || o.GetLimits()[1].GetLimitMs() != 1000 ||
		o.GetReserveMs() != 3000 || o.GetSeats()[1].GetStrength() != 3 || o.GetSeats()[0].GetStrength() != 0 {
		t.Errorf("opened: %v", o)
	}
}

// What is pushed again says how old it is.
func TestAgeOfWhatIsPushedAgain(t *testing.T) {
	r := timed(t, &tablepb.Clock{}, 1)
	asked, _ := r.open(1)
	at := r.now
	r.now += 700
	again, err := table.Restore(state(t, r.table), games)
	if err != nil {
		t.Fatal(err)
	}
	r.table = again
	r.attach(12, 2, asked-1)
	var first *table.Push
	for i, p := range r.out.Pushes {
		if p.Number == asked {
			first = &r.out.Pushes[i]
		}
	}
	if first == nil || first.AgeMS != r.now-at {
		t.Errorf("pushed %v, want the question with the age %d", r.out.Pushes, r.now-at)
	}
}
