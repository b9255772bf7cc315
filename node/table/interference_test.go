package table_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/mahjongtest"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/wire/wirepb"
)

// rigged is mahjong with a fixed deal whatever the seed, so that two tables with the same secret and
// commitment can play different deals.
type rigged struct {
	game.Game
	deal mahjong.Deal
	leak func(game.Hand) game.Hand // plants a leak, to check that it is found
}

func (g rigged) Deal(s game.Setup) (game.Hand, error) {
	rules, err := mahjong.ParseRules(s.Rules)
	if err != nil {
		return nil, err
	}
	h, err := mahjong.New(rules, g.deal)
	if err != nil {
		return nil, err
	}
	snapshot, err := h.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return g.Restore(append([]byte{0x80 + byte(s.Version)}, snapshot...)) // as hands are from version 6 on
}

func (g rigged) Restore(snapshot []byte) (game.Hand, error) {
	h, err := g.Game.Restore(snapshot)
	if err == nil && g.leak != nil {
		h = g.leak(h)
	}
	return h, err
}

// twins are two tables with a pair of deals and a common clock. All seats are people's; the viewer's is
// the one whose stream is compared.
type twins struct {
	t      testing.TB
	pair   *mahjongtest.Pair
	rng    *rand.Rand
	rigs   [2]*rig
	games  [2]rigged
	hands  [2]*mahjong.Hand // the hands that are played, with all tiles
	lazy   [4]bool          // seats that let this window time out
	seen   int              // how many of the viewer's pushes were compared
	clocks int              // prompts that have timed out
}

var hiddenRules = []string{
	`{"min_claim_ms":700}`,
	`{"min_claim_ms":700,"mode":"xueliu"}`,
	`{"min_claim_ms":700,"hide_angang":true,"void_calls":false,"pass_lock":"all"}`,
	`{"min_claim_ms":700,"show_winners":true,"swap_suits":"any","multi_hu":false}`,
	`{"min_claim_ms":700,"swap":false,"bankrupt":"leave","balances":[9,30,30,9]}`,
}

// newTwins draws a pair. The limits are such that a claim times out before its window's minimum time is
// over, and a turn after the same time as with auto-play, so the times do not depend on whether a
// seat answers or lets the prompt time out.
func newTwins(t testing.TB, n uint64, leak func(game.Hand) game.Hand) *twins {
	t.Helper()
	text := hiddenRules[n%uint64(len(hiddenRules))]
	rules, err := mahjong.ParseRules([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	w := &twins{t: t, rng: rand.New(rand.NewPCG(n, 31))}
	deal := mahjong.DealFromSeed(table.HandSeed([]byte("deals"), uint32(n)), int(n%4))
	inputs, err := mahjongtest.Play(rules, deal, w.rng)
	if err != nil {
		t.Fatal(err)
	}
	if w.pair, err = mahjongtest.NewPair(rules, deal, inputs, w.rng.IntN(4), w.rng); err != nil {
		t.Fatal(err)
	}
	g, err := tablegame.New(tablegame.Config{Turn: 500 * time.Millisecond, Claim: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.rigs {
		w.games[i] = rigged{g, w.pair.Deals[i], leak}
		if w.hands[i], err = mahjong.New(rules, w.pair.Deals[i]); err != nil {
			t.Fatal(err)
		}
		spec := &linkpb.CreateTable{
			Table: uint64(tableID), Secret: bytes.Repeat([]byte{7}, 32), Game: g.Name(), Rules: []byte(text),
			GameVersion: g.Version(), Hands: 1, Stake: 1, Dealer: uint32(n % 4),
		}
		for p := uint64(11); p <= 14; p++ {
			spec.Seats = append(spec.Seats, &linkpb.Seat{Player: p, Name: fmt.Sprint("p", p)})
		}
		r := &rig{t: t, now: 1000, term: 1, room: 100, spec: &tablepb.Create{Spec: spec, Timing: &tablepb.Timing{AutoMs: 500}}}
		if n%2 == 1 { // without a reserve, for the same reason as the limits
			r.spec.Timing.Clock = &tablepb.Clock{Strength: 3}
		}
		if r.table, err = table.New(w.games[i], r.spec, r.now); err != nil {
			t.Fatal(err)
		}
		r.attachAll()
		w.rigs[i] = r
	}
	return w
}

// differ compares the viewer's pushes since the last call and returns the first difference, or "".
func (w *twins) differ() string {
	a, b := w.rigs[0], w.rigs[1]
	told, other := a.pushed[w.pair.Viewer], b.pushed[w.pair.Viewer]
	for ; w.seen < min(len(told), len(other)); w.seen++ {
		p, q := told[w.seen], other[w.seen]
		if p.Kind != q.Kind || p.Number != q.Number || p.Session != q.Session || p.Epoch != q.Epoch || !bytes.Equal(p.Payload, q.Payload) {
			return fmt.Sprintf("push %d, at %d ms:\n%s\n%s", w.seen, a.now, w.text(p), w.text(q))
		}
	}
	if a.now != b.now {
		return fmt.Sprintf("the clocks show %d and %d ms", a.now, b.now)
	}
	if rest := append(told[w.seen:], other[w.seen:]...); len(rest) > 0 {
		return fmt.Sprintf("%d pushes at %d ms, %d on the other table; the first more is %s", len(told), a.now, len(other), w.text(rest[0]))
	}
	return ""
}

func (w *twins) text(p table.Push) string {
	if p.Kind == wirepb.Push_EVENT {
		return fmt.Sprintf("%d %v", p.Number, event(w.t, p.Payload))
	}
	return fmt.Sprintf("%d %v %x", p.Number, p.Kind, p.Payload)
}

// both applies the same command to both tables and compares the answers if it is the viewer's. make
// gets the seat's open prompt and next number at the table.
func (w *twins) both(seat int, make func(prompt, next uint64) *tablepb.Command) string {
	w.t.Helper()
	var replies [2]*table.Reply
	for i, r := range w.rigs {
		replies[i] = r.apply(make(r.open(seat)))
	}
	a, b := replies[0], replies[1]
	if seat != w.pair.Viewer || a == nil && b == nil {
		return ""
	}
	if a.Code != b.Code || a.Detail != b.Detail || !bytes.Equal(a.Payload, b.Payload) {
		return fmt.Sprintf("the viewer's command is answered by %+v and %+v", a, b)
	}
	return ""
}

// play plays the whole pair and returns the first difference, or "".
func (w *twins) play() string {
	w.t.Helper()
	for n, step := range w.pair.Steps {
		for _, r := range w.rigs {
			r.now += 20
		}
		d := w.disturb()
		if d == "" {
			w.step(step)
			d = w.differ()
		}
		if d != "" {
			return fmt.Sprintf("step %d: %s", n, d)
		}
	}
	return ""
}

// step makes one step on both tables.
func (w *twins) step(step mahjongtest.Step) {
	w.t.Helper()
	c := step[0][0]
	forced := w.hands[0].Forced() >= 0
	public := w.hands[0].Prompt(c.Seat).Kind <= mahjong.PromptTurn
	switch {
	case c.Action == mahjong.ActRelease || forced:
		for i, r := range w.rigs {
			w.hand(i, step[i][0])
			for until := r.table.Message().GetTimerDueMs(); until != 0 && r.now < until; {
				r.pass()
			}
			for _, d := range step[i][1:] {
				w.answer(i, d)
			}
		}
	case public && w.byClock(step):
		w.clocks++
		for i, r := range w.rigs {
			w.hand(i, step[i][0])
			r.pass()
			w.window(i, step[i][1:])
		}
	default:
		for i := range w.rigs {
			if public {
				w.window(i, step[i])
				continue
			}
			for _, d := range step[i] {
				w.answer(i, d)
			}
		}
	}
}

// window applies the commands of a step that may open a window. On the second table they include the
// passes in it.
func (w *twins) window(i int, commands []mahjong.Command) {
	if i == 0 {
		for seat := range w.lazy {
			w.lazy[seat] = w.rng.IntN(2) == 0
		}
	}
	for _, c := range commands {
		w.answer(i, c)
	}
}

// byClock decides whether to make the step by a time-out, if that would have the same effect on both
// tables.
func (w *twins) byClock(step mahjongtest.Step) bool {
	timeout := step[0][0].Action == mahjong.ActTimeout
	if !timeout && w.rng.IntN(2) == 0 {
		return false
	}
	for i := range w.rigs {
		for seat := range w.lazy {
			if seat != step[i][0].Seat && w.hands[i].Prompt(seat).Serial != 0 {
				return false // that seat's prompt would time out too
			}
		}
		if !w.clockWouldDo(i, step[i][0]) {
			return false
		}
	}
	return true
}

// clockWouldDo reports whether a time-out would do the same as the command. A time-out declares a win only
// in auto-play.
func (w *twins) clockWouldDo(i int, c mahjong.Command) bool {
	c = w.timeoutAsMove(i, c)
	auto := w.rigs[i].table.Message().GetSeats()[c.Seat].GetAuto()
	return w.hands[i].Auto(c.Seat) == c && (c.Action != mahjong.ActHu || auto)
}

// timeoutAsMove returns the move that a time-out amounts to; other commands are returned as they are.
func (w *twins) timeoutAsMove(i int, c mahjong.Command) mahjong.Command {
	w.t.Helper()
	if c.Action != mahjong.ActTimeout {
		return c
	}
	data, err := w.hands[i].MarshalBinary()
	if err != nil {
		w.t.Fatal(err)
	}
	var h mahjong.Hand
	if err := h.UnmarshalBinary(data); err != nil {
		w.t.Fatal(err)
	}
	events, err := h.Apply(c)
	if err != nil {
		w.t.Fatal(err)
	}
	if e := events[0]; e.Kind == mahjong.EventDiscard {
		return mahjong.Command{Action: mahjong.ActDiscard, Seat: c.Seat, Tile: e.Tile}
	}
	return events[0].Answer
}

func (w *twins) hand(i int, c mahjong.Command) {
	w.t.Helper()
	if _, err := w.hands[i].Apply(c); err != nil {
		w.t.Fatalf("table %d, %+v: %v", i, c, err)
	}
}

// answer makes a seat answer its prompt, or lets the prompt time out if that is the same as its pass.
func (w *twins) answer(i int, c mahjong.Command) {
	w.t.Helper()
	c = w.timeoutAsMove(i, c)
	clock := c.Action == mahjong.ActPass && w.lazy[c.Seat] && w.clockWouldDo(i, c)
	w.hand(i, c)
	if clock {
		w.clocks++
		return
	}
	r := w.rigs[i]
	prompt, next := r.open(c.Seat)
	r.want(r.apply(moveCommand(11+uint64(c.Seat), 1, next, prompt, moveOf(w.t, c)...)), wirepb.Code_OK)
}

func slowly(few, many uint64) uint64 {
	if os.Getenv("TEAHOUSE_SLOW") != "" {
		return many
	}
	return few
}

// TestNothingHiddenIsPushed applies the same commands to two tables whose deals differ only in tiles that
// one seat may not know. That seat must get the same pushes and answers in bytes, numbers, order and
// log time, until something public must differ.
func TestNothingHiddenIsPushed(t *testing.T) {
	var pushes, clocks atomic.Int64
	hands := slowly(hiddenHands, manyHiddenHands)
	t.Run("hands", func(t *testing.T) {
		workers := uint64(runtime.GOMAXPROCS(0))
		for worker := range workers {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				for n := worker; n < hands; n += workers {
					w := newTwins(t, n, nil)
					if d := w.play(); d != "" {
						t.Fatalf("hand %d, viewer %d: %s", n, w.pair.Viewer, d)
					}
					pushes.Add(int64(w.seen))
					clocks.Add(int64(w.clocks))
				}
			})
		}
	})
	t.Logf("%d pushes compared, %d answers by the clock", pushes.Load(), clocks.Load())
	if pushes.Load() < 30*int64(hands) || clocks.Load() < 5*int64(hands) {
		t.Error("too few to mean something")
	}
}
