package tablegame_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
)

func newGame(t testing.TB, cfg tablegame.Config) game.Game {
	t.Helper()
	g, err := tablegame.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func seedOf(n uint64) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, n))
}

func deal(t testing.TB, g game.Game, n uint64, overrides string) game.Hand {
	t.Helper()
	rules, err := g.Rules([]byte(overrides))
	if err != nil {
		t.Fatal(err)
	}
	h, err := g.Deal(game.Setup{Rules: rules, Seed: seedOf(n), Dealer: int(n % 4)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// ruleSets are played by every test that plays whole hands.
var ruleSets = map[string]string{
	"default":    ``,
	"people":     `{"min_claim_ms":700}`,
	"no swap":    `{"swap":false,"qianggang":false}`,
	"xueliu":     `{"mode":"xueliu"}`,
	"at the end": `{"gang_ready":true,"transfer_all":true,"menqing":true,"menqing_zimo":true,"jiangqidui":2}`,
	"xueliu 3":   `{"mode":"xueliu","cap":3,"pass_lock":"off"}`,
	"coins":      `{"bankrupt":"leave","balances":[2,4,6,0],"hide_angang":true,"show_winners":true}`,
	"all coins":  `{"mode":"xueliu","bankrupt":"clip","balances":[0,99,9,9],"hide_angang":true,"show_winners":true,"swap_suits":"any"}`,
}

// newest marks snapshots of hands that are played by version 6.
const newest = 0x86

// engine is the hand with all its tiles, whatever version is played.
func engine(h game.Hand) (*mahjong.Hand, error) {
	hand := new(mahjong.Hand)
	return hand, hand.UnmarshalBinary(bytes.TrimPrefix(h.Snapshot(), []byte{newest}))
}

// think is a bot's move for a seat that is asked.
func think(g game.Game, h game.Hand, seat int, strength game.Strength) ([]byte, error) {
	hand, err := engine(h)
	if err != nil {
		return nil, err
	}
	rules, err := json.Marshal(hand.Rules())
	if err != nil {
		return nil, err
	}
	return g.Think(rules, h.View(seat), h.Prompt(seat).Payload, strength)
}

// open lists the seats that have an open prompt.
func open(h game.Hand) (seats []int) {
	for seat := range mahjong.Seats {
		if h.Prompt(seat).Serial != 0 {
			seats = append(seats, seat)
		}
	}
	return seats
}

// next gives one command to a hand: mostly the bot's choice for a random seat; now and then a
// time-out or auto-play.
func next(t testing.TB, g game.Game, h game.Hand, rng *rand.Rand) game.Step {
	t.Helper()
	seats := open(h)
	var step game.Step
	var err error
	switch {
	case h.Hold() > 0 && (len(seats) == 0 || rng.IntN(4) == 0):
		step, err = h.Release()
	case len(seats) == 0:
		t.Fatal("no prompt is open, but the hand is not over")
	default:
		seat := seats[rng.IntN(len(seats))]
		switch rng.IntN(10) {
		case 0:
			step, err = h.Timeout(seat)
		case 1:
			step, err = h.Auto(seat)
		default:
			move, thinkErr := think(g, h, seat, game.Middle)
			if thinkErr != nil {
				t.Fatal(thinkErr)
			}
			step, err = h.Move(seat, move)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return step
}

// play plays a hand to its end; see is called for the opening and for each step.
func play(t testing.TB, g game.Game, h game.Hand, rng *rand.Rand, see func(game.Hand, []game.Event) game.Hand) game.Hand {
	t.Helper()
	h = see(h, h.Opening())
	for range 2000 {
		if _, over := h.Result(); over {
			return h
		}
		h = see(h, next(t, g, h, rng).Events)
	}
	t.Fatal("the hand does not end")
	return nil
}

func unmarshal[M proto.Message](t testing.TB, data []byte, m M) M {
	t.Helper()
	if err := proto.Unmarshal(data, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestResult: the items of a hand make its scores, and the last event says the same as the result.
func TestResult(t *testing.T) {
	g := newGame(t, tablegame.Config{})
	for n := range uint64(20) {
		var last *mahjongpb.Event
		h := play(t, g, deal(t, g, n, ""), rand.New(rand.NewPCG(n, 2)), func(h game.Hand, events []game.Event) game.Hand {
			if len(events) > 0 && events[len(events)-1].Seats[2] != nil {
				last = unmarshal(t, events[len(events)-1].Seats[2], &mahjongpb.Event{})
			}
			return h
		})
		r, _ := h.Result()
		summary := unmarshal(t, r.Summary, &mahjongpb.Summary{})
		if int(summary.End.NextDealer) != r.NextDealer {
			t.Errorf("seed %d: result %v", n, r)
		}
		paid := make([]int64, mahjong.Seats)
		for _, i := range summary.Items {
			paid[i.From] -= i.Points
			paid[i.To] += i.Points
		}
		for seat, score := range r.Scores {
			if paid[seat] != score || summary.End.Scores[seat] != score {
				t.Errorf("seed %d: seat %d has %d, its items say %d", n, seat, score, paid[seat])
			}
		}
		if !proto.Equal(last.GetHandOver().GetEnd(), summary.End) || len(last.GetHandOver().GetHands()) != mahjong.Seats {
			t.Errorf("seed %d: the last event is %v", n, last)
		}
	}
}

func BenchmarkHand(b *testing.B) {
	g := newGame(b, tablegame.Config{})
	steps, size := 0, 0
	for n := uint64(0); b.Loop(); n++ {
		play(b, g, deal(b, g, n, ""), rand.New(rand.NewPCG(n, 4)), func(h game.Hand, events []game.Event) game.Hand {
			steps++
			for _, e := range events {
				for _, payload := range e.Seats {
					size += len(payload)
				}
			}
			for seat := range mahjong.Seats {
				size += len(h.Prompt(seat).Payload)
			}
			return h
		})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(steps), "ns/step")
	b.ReportMetric(float64(size)/float64(steps), "bytes/step")
}
