package mahjong_test

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"teahouse/pkg/mahjong"
)

// ruleSets are the rule sets under which random hands are played.
var ruleSets = []string{
	`{}`,
	`{"mode":"xueliu"}`,
	`{"min_claim_ms":700}`,
	`{"swap":false,"zimo":"fan","cap":0,"late_bugang":"pay","transfer":"refund"}`,
	`{"mode":"xueliu","min_claim_ms":1,"pass_lock":"all","multi_hu":false,"diangang_hua":"dianpao"}`,
	`{"huazhu":false,"late_bugang":"forbid","pass_lock":"off","qianggang":false,"zimo":"none","transfer":"none"}`,
}

// TestRandomHands plays hands of random players and bots and checks at every step what
// must hold in every state.
func TestRandomHands(t *testing.T) {
	for n := range uint64(randomHands) {
		rules := mustRules(t, ruleSets[n%uint64(len(ruleSets))])
		h := mustNew(t, rules, testDeal(n))
		c := checker{t: t, h: h, rng: rand.New(rand.NewPCG(n, 2))}
		c.state()
		playOut(t, h, mixedPlayers(rules, n), func(_ mahjong.Command, events []mahjong.Event) {
			c.events(events)
			c.state()
		})
		c.end()
		if t.Failed() {
			t.Fatalf("hand %d under %s", n, ruleSets[n%uint64(len(ruleSets))])
		}
	}
}

// checker checks one hand.
type checker struct {
	t     *testing.T
	h     *mahjong.Hand
	rng   *rand.Rand
	items []mahjong.Item
	last  uint32       // highest serial seen
	spare mahjong.Hand // equal to h; probes are tried on it
}

func (c *checker) state() {
	c.scores()
	c.tiles()
	c.serials()
	c.roundTrip()
	for range 4 {
		c.refuses(anyCommand(c.rng))
	}
	// A probe that is nearly right finds more: a seat that is asked, an action that fits.
	for seat := range mahjong.Seats {
		if p := c.h.Prompt(seat); p.Serial != 0 {
			probe := anyCommand(c.rng)
			probe.Seat = seat
			c.refuses(probe)
			if p.Kind == mahjong.PromptTurn {
				probe.Action = mahjong.ActDiscard
				c.refuses(probe)
			}
		}
	}
}

func (c *checker) scores() {
	sum := 0
	for _, s := range c.h.View(mahjong.Spectator).Seats {
		sum += s.Score
	}
	if sum != 0 {
		c.t.Errorf("scores sum to %d", sum)
	}
}

// tiles counts every tile: in hands, melds, rivers and winners' claims, and the wall.
func (c *checker) tiles() {
	v := c.h.View(mahjong.Spectator)
	xueliu := c.h.Rules().Mode == mahjong.ModeXueliu
	var seen [mahjong.NumTiles]bool
	count := 0
	see := func(t mahjong.Tile) {
		if seen[t] {
			c.t.Errorf("tile %d is in two places", t)
		}
		seen[t] = true
		count++
	}
	for i := range v.Seats {
		hand := c.h.View(i).Hand
		if len(hand) != v.Seats[i].Concealed {
			c.t.Errorf("seat %d holds %d tiles, %d are told", i, len(hand), v.Seats[i].Concealed)
		}
		for _, t := range hand {
			see(t)
		}
		for _, m := range v.Seats[i].Melds {
			for _, t := range m.Tiles {
				see(t)
			}
		}
		for _, r := range v.Seats[i].River {
			if r.Claimer < 0 || wonBy(v.Seats[r.Claimer], r.Tile) {
				see(r.Tile)
			}
		}
		for _, w := range v.Seats[i].Wins {
			// In Xueliu a self-drawn winning tile is set aside. A robbed one is shown at
			// the first winner.
			if w.How == mahjong.Zimo && xueliu || w.How == mahjong.Qianggang && !seen[w.Tile] {
				see(w.Tile)
			}
		}
	}
	if count+v.Wall != mahjong.NumTiles {
		c.t.Errorf("%d tiles seen and %d in the wall", count, v.Wall)
	}
}

func wonBy(s mahjong.SeatView, tile mahjong.Tile) bool {
	for _, w := range s.Wins {
		if w.Tile == tile {
			return true
		}
	}
	return false
}

// serials checks that a prompt keeps its serial and a new one has a higher one.
func (c *checker) serials() {
	open, highest := 0, c.last
	for seat := range mahjong.Seats {
		if p := c.h.Prompt(seat); p.Serial != 0 {
			open++
			highest = max(highest, p.Serial)
			if p.Kind == mahjong.PromptTurn && len(p.Discard) == 0 {
				c.t.Error("a turn without a discard")
			}
		}
	}
	c.last = highest
	if open == 0 && !c.h.Holding() && !c.h.Finished() {
		c.t.Error("no legal action and no end")
	}
}

func (c *checker) roundTrip() {
	data := mustMarshal(c.t, c.h)
	if err := c.spare.UnmarshalBinary(data); err != nil {
		c.t.Fatal(err)
	}
	if !reflect.DeepEqual(&c.spare, c.h) {
		c.t.Fatal("the restored hand is another one")
	}
	if !bytes.Equal(mustMarshal(c.t, &c.spare), data) {
		c.t.Fatal("the restored hand has other bytes")
	}
}

// refuses checks that a command is refused exactly if it is not offered, and that it
// then changes nothing.
func (c *checker) refuses(cmd mahjong.Command) {
	want := cmd.Action == mahjong.ActRelease && c.h.Holding()
	if cmd.Action != mahjong.ActRelease {
		want = legal(c.h.Prompt(cmd.Seat), c.h.View(cmd.Seat).Hand, cmd)
	}
	events, err := c.spare.Apply(cmd)
	if want != (err == nil) {
		c.t.Errorf("%+v: offered %v, applied with %v", cmd, want, err)
	}
	if err == nil {
		c.roundTrip() // for a fresh spare
	} else if len(events) > 0 || !reflect.DeepEqual(&c.spare, c.h) {
		c.t.Errorf("%+v was refused (%v) and changed something", cmd, err)
	}
}

func (c *checker) events(events []mahjong.Event) {
	for _, e := range events {
		c.items = append(c.items, e.Items...)
		if e.Kind == mahjong.EventAnswered && (e.For(mahjong.Spectator) != nil || e.For((e.Seat+1)%mahjong.Seats) != nil) {
			c.t.Error("a secret answer is told to others")
		}
	}
}

func (c *checker) end() {
	r, ok := c.h.Result()
	if !ok {
		c.t.Fatal("a finished hand has no result")
	}
	if !reflect.DeepEqual(r.Items, c.items) {
		c.t.Errorf("the items of the events are not those of the result")
	}
	var sums [mahjong.Seats]int
	for _, it := range r.Items {
		if it.Points <= 0 || it.From == it.To {
			c.t.Errorf("odd item %+v", it)
		}
		sums[it.From] -= it.Points
		sums[it.To] += it.Points
	}
	if sums != r.Scores {
		c.t.Errorf("items give %v, scores are %v", sums, r.Scores)
	}
	if _, err := c.h.Apply(mahjong.Command{Action: mahjong.ActPass}); err != mahjong.ErrFinished {
		c.t.Errorf("after the end: %v", err)
	}
}

// TestReplay plays recorded commands again: same events, same bytes.
func TestReplay(t *testing.T) {
	for n := range uint64(20) {
		rules := mustRules(t, ruleSets[n%uint64(len(ruleSets))])
		h := mustNew(t, rules, testDeal(n))
		var commands []mahjong.Command
		var events [][]mahjong.Event
		playOut(t, h, mixedPlayers(rules, n), func(c mahjong.Command, e []mahjong.Event) {
			commands, events = append(commands, c), append(events, e)
		})
		again := mustNew(t, rules, testDeal(n))
		for i, c := range commands {
			if e := mustApply(t, again, c); !reflect.DeepEqual(e, events[i]) {
				t.Fatalf("hand %d, command %d: other events", n, i)
			}
		}
		if !bytes.Equal(mustMarshal(t, again), mustMarshal(t, h)) {
			t.Fatalf("hand %d: other bytes", n)
		}
	}
}
