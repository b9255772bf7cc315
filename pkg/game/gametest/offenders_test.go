package gametest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/game/gametest"
	"teahouse/pkg/wire/wirepb"
)

// offence is a game that breaks a promise, and what is said of it.
type offence struct {
	promise string
	game    func() game.Game
	want    string
}

// offences are what games do wrong, by the promise that it breaks.
func offences() map[string]offence {
	return map[string]offence{
		"shows a card of the next seat": {"secrets", func() game.Game {
			return hands(func(h *twisted) {
				h.view = func(seat int) []byte { return fmt.Appendf(h.cardHand.View(seat), "%d", h.hands[(seat+1)%cardSeats]) }
			})
		}, "can tell two hands apart: "},
		"tells everybody what is put aside": {"secrets", func() game.Game {
			return hands(func(h *twisted) {
				h.tell = func(step *game.Step) {
					for seat := range step.Events[0].Seats {
						if own := slices.IndexFunc(step.Events[0].Seats, func(p []byte) bool { return p != nil }); h.putting() {
							step.Events[0].Seats[seat] = step.Events[0].Seats[own]
						}
					}
				}
			})
		}, "is told (1.)"},
		"holds longer where somebody may claim": {"secrets", func() game.Game {
			return hands(func(h *twisted) {
				h.hold = func() time.Duration {
					if h.open >= 0 && h.prompts != [cardSeats]uint32{} {
						return h.cardHand.Hold() + time.Millisecond
					}
					return h.cardHand.Hold()
				}
			})
		}, "one holds for"},
		"asks with what another holds": {"secrets", func() game.Game {
			return hands(func(h *twisted) {
				h.prompt = func(seat int) game.Prompt {
					p := h.cardHand.Prompt(seat)
					if p.Serial != 0 {
						for _, card := range h.hands[2] {
							p.Limit += time.Duration(card) * time.Second
						}
					}
					return p
				}
			})
		}, "who is asked openly is"},
		"shows the public a card": {"public", func() game.Game {
			return hands(func(h *twisted) {
				h.view = func(seat int) []byte {
					if seat == game.Public {
						return h.cardHand.View(1)
					}
					return h.cardHand.View(seat)
				}
			})
		}, "public can tell two hands apart"},
		"tells the public more than a seat": {"public", func() game.Game {
			return hands(func(h *twisted) {
				h.tell = func(step *game.Step) {
					for i := range step.Events {
						for _, p := range step.Events[i].Seats {
							if step.Events[i].Public == nil {
								step.Events[i].Public = p
							}
						}
					}
				}
			})
		}, "tells the public something and seat"},
		"forgets an answer": {"snapshots", func() game.Game {
			return hands(func(h *twisted) {
				h.image = func() []byte {
					s := h.state
					if n := len(s.Acts); n > 0 && s.Acts[n-1][1] == pass {
						s.Acts = s.Acts[:n-1]
					}
					return encode(s)
				}
			})
		}, "as restored"},
		"remembers what is in no snapshot": {"snapshots", func() game.Game {
			return hands(func(h *twisted) {
				claims := 0
				h.tell = func(step *game.Step) {
					if claims += len(h.state.Acts) % 2; claims > 5 {
						step.Events = append(step.Events, open(cardEvent{What: "turn", Seat: h.turn}))
					}
				}
			})
		}, "never restored, and restored earlier"},
		"changes a snapshot that it gave away": {"snapshots", func() game.Game {
			return hands(func(h *twisted) {
				var buffer []byte
				h.image = func() []byte {
					buffer = append(buffer[:0], h.cardHand.Snapshot()...)
					return buffer
				}
			})
		}, "has changed after it was taken"},
		"orders by a map": {"determinism", func() game.Game {
			return hands(func(h *twisted) {
				h.tell = func(step *game.Step) {
					any := map[int]bool{0: true, 1: true, 2: true}
					for seat := range any {
						step.Events = append(step.Events, private(seat, cardEvent{What: "answered", Seat: seat}))
					}
				}
			})
		}, "once and again: event"},
		"counts all hands": {"determinism", func() game.Game {
			var dealt atomic.Int64
			var o offender
			o.deal = func(s game.Setup) (game.Hand, error) {
				s.Seed[0] = byte(dealt.Add(1))
				return o.cards.Deal(s)
			}
			return o
		}, "once and again: event 0"},
		"changes when it is looked at": {"determinism", func() game.Game {
			return hands(func(h *twisted) {
				looks := 0
				h.view = func(seat int) []byte {
					looks++
					return h.cardHand.View(seat)
				}
				h.tell = func(step *game.Step) {
					if looks > 30 {
						step.Events = append(step.Events, open(cardEvent{What: "turn", Seat: h.turn}))
					}
				}
			})
		}, "once and again"},
		"a bot that rolls dice": {"determinism", func() game.Game {
			return offender{think: func(view, prompt []byte, _ game.Strength) ([]byte, error) {
				moves, err := cardLegal(nil, view, prompt, nil)
				return moves[rand.IntN(len(moves))], err
			}}
		}, "and then"},
		"panics at a damaged snapshot": {"damage", func() game.Game {
			return offender{read: func(snapshot []byte) (game.Hand, error) {
				var s cardState
				if err := json.Unmarshal(snapshot, &s); err != nil {
					return nil, err
				}
				if s.Acts != nil {
					_ = s.Deck[s.Acts[0][0]+1]
				}
				return cards{}.Restore(snapshot)
			}}
		}, "a panic: runtime error: index out of range"},
		"restores nothing": {"damage", func() game.Game {
			return offender{read: func(snapshot []byte) (game.Hand, error) {
				h, err := cards{}.Restore(snapshot)
				if err != nil {
					return nil, nil
				}
				return h, nil
			}}
		}, "neither a hand nor an error"},
		"believes a damaged snapshot": {"damage", func() game.Game {
			return offender{read: func(snapshot []byte) (game.Hand, error) {
				var s cardState
				if err := json.Unmarshal(snapshot, &s); err != nil || len(s.Deck) != cardCount {
					return nil, errors.New("damaged")
				}
				h, err := cards{}.begin(s.Rules, s.Deck, s.Dealer)
				if err != nil {
					return nil, err
				}
				return &twisted{cardHand: h, timeout: func(seat int) (game.Step, error) {
					_ = h.state.Deck[slices.Index(h.state.Deck, cardCount-1)] // there is one, surely
					return h.Timeout(seat)
				}}, nil
			}}
		}, "a panic: runtime error: index out of range"},
		"keeps a view wrongly": {"views", func() game.Game {
			return offender{follow: func(f game.Follower) game.Follower { return deafFollower{f.(*cardFollower)} }}
		}, "by its events, and the hand shows"},
		"cannot begin in the middle": {"views", func() game.Game {
			return offender{follow: func(f game.Follower) game.Follower {
				f.(*cardFollower).view.Scores[1] = 0
				return f
			}}
		}, "begins in the middle"},
		"panics at nonsense": {"views", func() game.Game {
			return offender{follow: func(f game.Follower) game.Follower { return rashFollower{f.(*cardFollower)} }}
		}, "a panic: what?"},
		"says too little": {"views", func() game.Game {
			return hands(func(h *twisted) {
				h.tell = func(step *game.Step) {
					step.Events = slices.DeleteFunc(step.Events, func(e game.Event) bool {
						return bytes.Contains(e.Public, []byte("turn\"")) && h.scores != [cardSeats]int64{}
					})
				}
			})
		}, "by its events, and the hand shows"},
		"forgets a seat": {"views", func() game.Game {
			return hands(func(h *twisted) {
				h.tell = func(step *game.Step) {
					for i := range step.Events {
						step.Events[i].Seats = step.Events[i].Seats[:2]
					}
				}
			})
		}, "is for 2 seats of 3"},
		"a view that grows": {"bounds", func() game.Game {
			return hands(func(h *twisted) {
				h.view = func(seat int) []byte {
					return append(h.cardHand.View(seat), bytes.Repeat([]byte(" "), len(h.state.Acts)<<12)...)
				}
			})
		}, "the view of"},
		"asks nobody": {"answers", func() game.Game {
			return hands(func(h *twisted) {
				h.prompt = func(seat int) game.Prompt {
					if len(h.state.Acts) > 5 && !h.over {
						return game.Prompt{}
					}
					return h.cardHand.Prompt(seat)
				}
			})
		}, "asks nobody and does not hold"},
		"asks after the end": {"answers", func() game.Game {
			return hands(func(h *twisted) {
				h.prompt = func(seat int) game.Prompt {
					if h.over {
						return game.Prompt{Serial: 99}
					}
					return h.cardHand.Prompt(seat)
				}
			})
		}, "the hand is over, asks seats"},
		"refuses what it lists": {"answers", func() game.Game {
			return hands(func(h *twisted) {
				h.move = func(seat int, move []byte) (game.Step, error) {
					if len(move) == 1 && move[0] == 7 && len(h.state.Acts) > 4 {
						return game.Step{}, game.Errorf(wirepb.Code_NOT_OFFERED, "not that one")
					}
					return h.cardHand.Move(seat, move)
				}
			})
		}, "is refused: NOT_OFFERED: not that one"},
		"a bot without a move": {"answers", func() game.Game {
			return offender{think: func(view, prompt []byte, s game.Strength) ([]byte, error) {
				if s == game.Strong {
					return nil, errors.New("too hard")
				}
				return cards{}.Think(nil, view, prompt, s)
			}}
		}, "Think, strong: too hard"},
		"a bot of its own": {"answers", func() game.Game {
			return offender{think: func(view, prompt []byte, s game.Strength) ([]byte, error) {
				if !s.Valid() {
					return []byte{pass}, nil
				}
				return cards{}.Think(nil, view, prompt, s)
			}}
		}, "a bot of an unknown strength"},
		"a question that changes": {"answers", func() game.Game {
			return hands(func(h *twisted) {
				h.prompt = func(seat int) game.Prompt {
					p := h.cardHand.Prompt(seat)
					if p.Serial != 0 {
						p.Payload = fmt.Appendf(p.Payload, " %d", len(h.state.Acts))
					}
					return p
				}
			})
		}, "has changed"},
		"a time of its own": {"answers", func() game.Game {
			return hands(func(h *twisted) {
				h.prompt = func(seat int) game.Prompt {
					p := h.cardHand.Prompt(seat)
					if p.Secret {
						p.Limit *= 2
					}
					return p
				}
			})
		}, "asked for 2s, secret true, and Limits knows no such question"},
		"a serial twice": {"answers", func() game.Game {
			return hands(func(h *twisted) {
				h.prompt = func(seat int) game.Prompt {
					p := h.cardHand.Prompt(seat)
					p.Serial = min(p.Serial, 4)
					return p
				}
			})
		}, "has a new prompt with the serial 4"},
		"no time-out of a claim": {"answers", func() game.Game {
			return hands(func(h *twisted) {
				h.timeout = func(seat int) (game.Step, error) {
					if h.open >= 0 {
						return game.Step{}, game.Errorf(wirepb.Code_NOT_OFFERED, "there is time")
					}
					return h.cardHand.Timeout(seat)
				}
			})
		}, "time-out of seat"},
		"counts refusals": {"refusals", func() game.Game {
			return hands(func(h *twisted) {
				h.move = func(seat int, move []byte) (game.Step, error) {
					step, err := h.cardHand.Move(seat, move)
					if err != nil && seat >= 0 && seat < cardSeats {
						h.scores[seat]--
					}
					return step, err
				}
			})
		}, "and change something: before and after"},
		"takes offence later": {"refusals", func() game.Game {
			return hands(func(h *twisted) {
				refused := 0
				h.move = func(seat int, move []byte) (game.Step, error) {
					step, err := h.cardHand.Move(seat, move)
					if err != nil {
						refused++
					}
					if refused > 0 && err == nil {
						step.Events = append(step.Events, open(cardEvent{What: "turn", Seat: h.turn}))
					}
					return step, err
				}
			})
		}, "with nothing refused, and with something"},
		"takes moves of others": {"refusals", func() game.Game {
			return hands(func(h *twisted) {
				h.move = func(seat int, move []byte) (game.Step, error) {
					for other := range cardSeats {
						if h.prompts[other] != 0 && h.open < 0 && !h.putting() {
							seat = other
						}
					}
					return h.cardHand.Move(seat, move)
				}
			})
		}, "the seat is not asked"},
		"refuses without a code": {"refusals", func() game.Game {
			return hands(func(h *twisted) {
				h.move = func(seat int, move []byte) (game.Step, error) {
					if len(move) != 1 {
						return game.Step{}, errors.New("what?")
					}
					return h.cardHand.Move(seat, move)
				}
			})
		}, "is refused with the code OK"},
		"panics at a seat that is none": {"refusals", func() game.Game {
			return hands(func(h *twisted) {
				h.timeout = func(seat int) (game.Step, error) {
					_ = h.prompts[seat]
					return h.cardHand.Timeout(seat)
				}
			})
		}, "a panic"},
		"time-outs that ask again": {"ends", func() game.Game {
			return hands(func(h *twisted) {
				h.timeout = func(seat int) (game.Step, error) {
					if err := h.asked(seat); err != nil || h.open >= 0 || h.putting() {
						return h.cardHand.Timeout(seat)
					}
					h.ask(seat)
					return game.Step{}, nil
				}
			})
		}, "do not end the hand"},
		"points from nowhere":   {"results", func() game.Game { return results(func(r *game.Result) { r.Scores[1]++ }) }, "sum to 1"},
		"a seat without points": {"results", func() game.Game { return results(func(r *game.Result) { r.Scores = []int64{1, -1} }) }, "the scores [1 -1]"},
		"nobody deals next":     {"results", func() game.Game { return results(func(r *game.Result) { r.NextDealer = 3 }) }, "the next dealer 3"},
		"a result too early": {"results", func() game.Game {
			return hands(func(h *twisted) {
				h.result = func() (game.Result, bool) {
					r, over := h.cardHand.Result()
					r.Scores = h.scores[:]
					return r, over
				}
			})
		}, "a hand that is not over has a result"},
		"goes on after the end": {"results", func() game.Game {
			return hands(func(h *twisted) {
				h.timeout = func(seat int) (game.Step, error) {
					if h.over {
						return game.Step{}, nil
					}
					return h.cardHand.Timeout(seat)
				}
			})
		}, "after the end the time-out"},
		"deals to nobody": {"deal", func() game.Game {
			return offender{deal: func(s game.Setup) (game.Hand, error) {
				s.Dealer = (s.Dealer%cardSeats + cardSeats) % cardSeats
				return cards{}.Deal(s)
			}}
		}, "seat -1 deals"},
		"keeps what it was given": {"deal", func() game.Game {
			return offender{deal: func(s game.Setup) (game.Hand, error) {
				h, err := cards{}.Deal(s)
				if err == nil {
					h.(*cardHand).state.Rules = s.Rules
				}
				return h, err
			}}
		}, "invalid character"},
		"deals by any rules": {"deal", func() game.Game {
			return offender{deal: func(s game.Setup) (game.Hand, error) {
				h, err := cards{}.Deal(s)
				if err != nil && s.Dealer < cardSeats && s.Dealer >= 0 {
					s.Rules = nil
					return cards{}.Deal(s)
				}
				return h, err
			}}
		}, "dealt by the rules"},
		"no deal after a loss": {"deal", func() game.Game {
			return offender{deal: func(s game.Setup) (game.Hand, error) {
				if s.Totals != nil && s.Totals[0] < 0 {
					return nil, errors.New("seat 0 has nothing left")
				}
				return cards{}.Deal(s)
			}}
		}, "no deal: seat 0 has nothing left"},
		"an idle option that works": {"idle", func() game.Game {
			return hands(func(h *twisted) {
				h.result = func() (game.Result, bool) {
					r, over := h.cardHand.Result()
					if over {
						r.Summary = encode(h.rules.Worth)
					}
					return r, over
				}
			})
		}, "worth has an effect where Options says that it has none"},
	}
}

// TestOffenders: whoever breaks a promise is caught by that promise.
func TestOffenders(t *testing.T) {
	for name, c := range offences() {
		err := broken(t, c.game(), c.promise, cardConfig())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEveryPromiseIsBroken: there is an offender for each.
func TestEveryPromiseIsBroken(t *testing.T) {
	caught := map[string]bool{"options": true, "rules": true} // in tests of their own
	for _, c := range offences() {
		caught[c.promise] = true
	}
	for _, p := range gametest.Promises() {
		if !caught[p.Name] {
			t.Errorf("nobody breaks %q", p.Name)
		}
	}
}

// TestConfigIsComplete: a game that does not say what it hides, or what may be answered, is told so.
func TestConfigIsComplete(t *testing.T) {
	for _, c := range []struct {
		promise string
		change  func(*gametest.Config)
		want    string
	}{
		{"answers", func(c *gametest.Config) { c.Legal = nil }, "Config.Legal is missing"},
		{"secrets", func(c *gametest.Config) { c.Twins = nil }, "Config needs Twins, or Open"},
		{"public", func(c *gametest.Config) { c.Open = true }, "and not both"},
		{"secrets", func(c *gametest.Config) { c.Twins, c.Open = nil, true }, "nothing is hidden, and event 0 tells the public"},
		{"secrets", func(c *gametest.Config) {
			c.Twins = func(g game.Game, rules []byte, rng *rand.Rand) (*gametest.Twins, error) {
				t, err := cardTwins(g, rules, rng)
				if err == nil {
					t.Hands[1], err = g.Restore(t.Hands[0].Snapshot())
					t.Steps = nil
				}
				return t, err
			}
		}, "that shows nothing"},
		{"bounds", func(c *gametest.Config) { c.Bounds.Acts = 5 }, "the hand is not over yet"},
		{"bounds", func(c *gametest.Config) { c.Bounds.Event = 50 }, "for seat"},
		{"bounds", func(c *gametest.Config) { c.Bounds.Prompt = 3 }, "the prompt of seat"},
		{"bounds", func(c *gametest.Config) { c.Bounds.Snapshot = 90 }, "the snapshot"},
		{"bounds", func(c *gametest.Config) { c.Bounds.Events = 1 }, "the number of events"},
	} {
		cfg := cardConfig()
		c.change(&cfg)
		if err := broken(t, cards{}, c.promise, cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.want, err)
		}
	}
}
