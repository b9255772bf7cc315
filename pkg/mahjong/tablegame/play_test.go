package tablegame_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
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

// think is a bot's move for a seat that is asked.
func think(g game.Game, h game.Hand, seat int, strength game.Strength) ([]byte, error) {
	hand := new(mahjong.Hand)
	if err := hand.UnmarshalBinary(h.Snapshot()); err != nil {
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

// TestRestore continues from a restored hand after every step.
func TestRestore(t *testing.T) {
	g := newGame(t, tablegame.Config{})
	for name, rules := range ruleSets {
		t.Run(name, func(t *testing.T) {
			for n := range uint64(3) {
				rng := rand.New(rand.NewPCG(n, 1))
				play(t, g, deal(t, g, n, rules), rng, func(h game.Hand, _ []game.Event) game.Hand {
					again, err := g.Restore(h.Snapshot())
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(again.Snapshot(), h.Snapshot()) || again.Hold() != h.Hold() {
						t.Fatal("the restored hand differs")
					}
					for seat := range mahjong.Seats {
						a, b := h.Prompt(seat), again.Prompt(seat)
						if a.Serial != b.Serial || a.Limit != b.Limit || !bytes.Equal(a.Payload, b.Payload) {
							t.Fatalf("seat %d is asked %v, after a restore %v", seat, a, b)
						}
						if !bytes.Equal(h.View(seat), again.View(seat)) {
							t.Fatalf("seat %d has a different view after a restore", seat)
						}
					}
					a, _ := h.Result()
					b, _ := again.Result()
					if !bytes.Equal(a.Summary, b.Summary) {
						t.Fatal("the restored hand ended differently")
					}
					return again
				})
			}
		})
	}
}

// TestReplay feeds two hands the same and demands the same bytes for every seat.
func TestReplay(t *testing.T) {
	g := newGame(t, tablegame.Config{})
	var runs [2][]byte
	for i := range runs {
		play(t, g, deal(t, g, 7, ""), rand.New(rand.NewPCG(7, 7)), func(h game.Hand, events []game.Event) game.Hand {
			for _, e := range events {
				runs[i] = append(runs[i], bytes.Join(e.Seats, []byte{0})...)
			}
			return h
		})
	}
	if !bytes.Equal(runs[0], runs[1]) {
		t.Error("equal commands gave different events")
	}
}

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
		var sum int64
		for _, s := range r.Scores {
			sum += s
		}
		summary := unmarshal(t, r.Summary, &mahjongpb.Summary{})
		if len(r.Scores) != mahjong.Seats || sum != 0 || int(summary.End.NextDealer) != r.NextDealer {
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
		if len(open(h)) != 0 || h.Hold() != 0 {
			t.Errorf("seed %d: there is a prompt after the end", n)
		}
		if _, err := h.Timeout(0); err == nil {
			t.Errorf("seed %d: the hand continues after its end", n)
		}
	}
}

// TestEventsSuffice keeps track of a seat's hand by its events alone, as a client does, and
// compares it with the view.
func TestEventsSuffice(t *testing.T) {
	g := newGame(t, tablegame.Config{})
	met := make(map[string]bool)
	for name, rules := range ruleSets {
		t.Run(name, func(t *testing.T) {
			for n := range uint64(5) {
				var held [mahjong.Seats]mahjong.Counts
				wall := uint32(55)
				play(t, g, deal(t, g, n, rules), rand.New(rand.NewPCG(n, 3)), func(h game.Hand, events []game.Event) game.Hand {
					for _, e := range events {
						for seat, payload := range e.Seats {
							if payload != nil {
								m := unmarshal(t, payload, &mahjongpb.Event{})
								met[fmt.Sprintf("%T", m.Body)] = true
								follow(&held[seat], uint32(seat), m, strings.Contains(rules, "xueliu"))
								if d := m.GetDraw(); d != nil {
									wall = d.Wall
								}
							}
						}
					}
					for seat := range held {
						v := unmarshal(t, h.View(seat), &mahjongpb.View{})
						if v.Wall != wall {
							t.Fatalf("the events leave %d tiles in the wall, the view %d", wall, v.Wall)
						}
						var holds mahjong.Counts
						for _, kind := range v.Hand {
							holds[kind]++
						}
						if holds != held[seat] {
							t.Fatalf("seed %d: seat %d holds %v, by its events %v", n, seat, holds, held[seat])
						}
					}
					return h
				})
			}
		})
	}
	if bodies := new(mahjongpb.Event).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields().Len(); len(met) != bodies {
		t.Errorf("only %d of %d kinds of events were met: %v", len(met), bodies, met)
	}
}

// follow keeps track of the own concealed tiles.
func follow(held *mahjong.Counts, own uint32, e *mahjongpb.Event, xueliu bool) {
	remove := func(seat, kind uint32, n uint8) {
		if seat == own {
			held[kind] -= n
		}
	}
	replace := func(kinds []uint32) {
		*held = mahjong.Counts{}
		for _, k := range kinds {
			held[k]++
		}
	}
	switch b := e.Body.(type) {
	case *mahjongpb.Event_Deal:
		replace(b.Deal.Hand)
	case *mahjongpb.Event_Swapped:
		replace(b.Swapped.Hand)
	case *mahjongpb.Event_Draw:
		if b.Draw.Seat == own {
			held[b.Draw.GetTile()]++
		}
	case *mahjongpb.Event_Discard:
		remove(b.Discard.Seat, b.Discard.GetTile(), 1)
	case *mahjongpb.Event_Peng:
		remove(b.Peng.Seat, b.Peng.Meld.GetKind(), 2)
	case *mahjongpb.Event_Gang:
		own := map[mahjongpb.Meld_Type]uint8{mahjongpb.Meld_ZHI_GANG: 3, mahjongpb.Meld_BU_GANG: 1, mahjongpb.Meld_AN_GANG: 4}
		remove(b.Gang.Seat, b.Gang.Meld.GetKind(), own[b.Gang.Meld.Type])
	case *mahjongpb.Event_Win:
		// In Xueliu a self-drawn winning tile is set aside.
		if b.Win.How == mahjongpb.Win_QIANGGANG || xueliu && b.Win.How == mahjongpb.Win_ZIMO {
			remove(b.Win.From, b.Win.GetTile(), 1)
		}
	case *mahjongpb.Event_HandOver:
		replace(b.HandOver.Hands[own].Tiles)
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
