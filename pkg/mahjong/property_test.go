package mahjong_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"teahouse/pkg/mahjong"
)

// ruleSets are for tests that need only a few.
var ruleSets = []string{
	`{}`,
	`{"mode":"xueliu"}`,
	`{"min_claim_ms":700}`,
	`{"swap":false,"zimo":"fan","cap":0,"late_bugang":"pay","transfer":"refund"}`,
	`{"mode":"xueliu","min_claim_ms":1,"pass_lock":"all","multi_hu":false,"diangang_hua":"dianpao"}`,
	`{"huazhu":false,"late_bugang":"forbid","pass_lock":"off","qianggang":false,"zimo":"none","transfer":"none"}`,
	`{"bankrupt":"leave","balances":[9,20,5,0],"hide_angang":true,"show_winners":true}`,
	`{"mode":"xueliu","bankrupt":"clip","balances":[9,20,50,0],"must_hu_last4":true,"cagua":true,"swap_suits":"any"}`,
	`{"gang_ready":true}`,
	`{"transfer_all":true,"mode":"xueliu"}`,
	`{"jiangqidui":2,"menqing":true,"menqing_zimo":true}`,
}

// optionValues are values of every option, from which random rule sets are drawn.
var optionValues = map[string][]string{
	"mode": {`"xuezhan"`, `"xueliu"`}, "base": {"1", "3"}, "cap": {"0", "3", "4", "6"},
	"swap": {"true", "false"}, "zimo": {`"di"`, `"fan"`, `"none"`}, "jiangdui": {"true", "false"},
	"daiyaojiu": {"0", "1", "2", "3"}, "jingoudiao": {"true", "false"}, "menqing": {"true", "false"},
	"zhongzhang": {"true", "false"}, "haidi": {"true", "false"}, "tiandihu": {"0", "5"},
	"qianggang": {"true", "false"}, "multi_hu": {"true", "false"},
	"transfer": {`"transfer"`, `"refund"`, `"none"`}, "late_bugang": {`"nopay"`, `"pay"`, `"forbid"`},
	"pass_lock": {`"higher"`, `"all"`, `"same"`, `"off"`}, "huazhu": {"true", "false"},
	"dajiao": {"true", "false"}, "tuishui": {"true", "false"}, "diangang_hua": {`"zimo"`, `"dianpao"`},
	"must_hu_last4": {"false", "true"}, "cagua": {"false", "true"},
	"bankrupt": {`"none"`, `"none"`, `"clip"`, `"leave"`}, "balances": {"[9,9,9,9]", "[0,5,20,80]", "[100,100,100,100]", "[1,1,1,1]"},
	"swap_suits": {`"same"`, `"any"`}, "swap_dir": {"0", "1", "2", "3"}, "void_calls": {"true", "false"},
	"hide_angang": {"false", "true"}, "show_winners": {"false", "true"}, "min_claim_ms": {"0", "700"},
	"gang_ready": {"false", "true"}, "transfer_all": {"false", "true"}, "menqing_zimo": {"false", "true"},
	"jiangqidui": {"0", "1", "2"},
}

// randomRules draws a rule set: every option has a random value; in every fourth set, only a few
// have.
func randomRules(t testing.TB, rng *rand.Rand) mahjong.Rules {
	parts := []string{`"balances":` + optionValues["balances"][rng.IntN(4)]}
	few := rng.IntN(4) == 0
	for _, key := range slices.Sorted(maps.Keys(optionValues)) {
		if values := optionValues[key]; key != "balances" && (!few || rng.IntN(10) == 0) {
			parts = append(parts, fmt.Sprintf("%q:%s", key, values[rng.IntN(len(values))]))
		}
	}
	return mustRules(t, "{"+strings.Join(parts, ",")+"}")
}

func TestRandomRulesCoverEveryOption(t *testing.T) {
	for field := range reflect.TypeFor[mahjong.Rules]().Fields() {
		key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if optionValues[key] == nil {
			t.Errorf("%s is never varied", key)
		}
	}
}

// TestRandomHands plays hands under random rule sets and checks after every step what must hold in
// every state.
func TestRandomHands(t *testing.T) {
	inParallel(t, randomHands, func(t *testing.T, n uint64) {
		rng := rand.New(rand.NewPCG(n, 2))
		rules := randomRules(t, rng)
		c := newChecker(t, mustNew(t, rules, testDeal(n)), rng)
		all := rng.IntN(40)
		c.state()
		step := func(events []mahjong.Event) {
			c.events(events)
			c.state()
			if all--; all == 0 {
				c.everyCommand()
			}
		}
		if n%8 == 0 {
			players := append(mixedPlayers(rules, n)[:3], onlyTimeouts(c.h)[3])
			playOut(t, c.h, players, func(_ mahjong.Command, events []mahjong.Event) { step(events) })
		} else {
			playRandomly(t, c.h, rng, step)
		}
		c.end()
	})
}

// TestManyRandomHands does the same for very many hands if there is time, but looks closely at only
// a few steps of each.
func TestManyRandomHands(t *testing.T) {
	inParallel(t, slowly(0, manyHands), func(t *testing.T, n uint64) {
		rng := rand.New(rand.NewPCG(n, 4))
		c := newChecker(t, mustNew(t, randomRules(t, rng), testDeal(n)), rng)
		playRandomly(t, c.h, rng, func(events []mahjong.Event) {
			c.events(events)
			c.serials()
			if rng.IntN(60) == 0 {
				c.state()
			}
		})
		c.state()
		c.end()
	})
}

// slowly returns many if the slow checks are run, else few.
func slowly(few, many uint64) uint64 {
	if os.Getenv("TEAHOUSE_SLOW") != "" {
		return many
	}
	return few
}

// inParallel runs check for the numbers below count, on all cores.
func inParallel(t *testing.T, count uint64, check func(t *testing.T, n uint64)) {
	workers := uint64(runtime.GOMAXPROCS(0))
	t.Run("workers", func(t *testing.T) { // waits for them
		for w := range workers {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				for n := w; n < count; n += workers {
					if check(t, n); t.Failed() {
						t.Fatalf("hand %d", n)
					}
				}
			})
		}
	})
}

// checker checks one hand.
type checker struct {
	t     *testing.T
	h     *mahjong.Hand
	rules mahjong.Rules
	rng   *rand.Rand
	items []mahjong.Item
	last  uint32       // highest serial seen
	spare mahjong.Hand // restored from h after each step; probes are tried on it
}

func newChecker(t *testing.T, h *mahjong.Hand, rng *rand.Rand) *checker {
	return &checker{t: t, h: h, rules: h.Rules(), rng: rng}
}

// state checks what holds in every state: among other things, that a restored hand that was given
// only refused commands is still the same hand.
func (c *checker) state() {
	c.scores()
	c.tiles()
	c.serials()
	c.restore()
	for range 4 {
		c.try(anyCommand(c.rng))
	}
	// A nearly correct probe finds more: a seat that is asked, an action that fits.
	for seat := range mahjong.Seats {
		if p := c.h.Prompt(seat); p.Serial != 0 {
			probe := anyCommand(c.rng)
			probe.Seat = seat
			c.try(probe)
			if p.Kind == mahjong.PromptTurn {
				probe.Action = mahjong.ActDiscard
				c.try(probe)
			}
		}
	}
	c.same()
}

func (c *checker) scores() {
	sum := 0
	for i, s := range c.h.View(mahjong.Spectator).Seats {
		sum += s.Score
		left := c.rules.Balances[i] + s.Score
		if c.rules.Bankrupt != "none" && left < 0 {
			c.t.Errorf("seat %d owes %d", i, -left)
		}
		if playing := c.h.View(i).Phase; c.rules.Bankrupt == "leave" && left == 0 && !s.Out && playing >= mahjong.PhaseTurn && playing < mahjong.PhaseEnd {
			c.t.Errorf("seat %d plays on although it is bankrupt", i)
		}
	}
	if sum != 0 {
		c.t.Errorf("scores sum to %d", sum)
	}
}

// tiles counts every tile: in hands, melds, rivers and winners' claims, and the wall.
func (c *checker) tiles() {
	v := c.h.View(mahjong.Spectator)
	xueliu := c.rules.Mode == mahjong.ModeXueliu
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
		own := c.h.View(i)
		if len(own.Hand) != v.Seats[i].Concealed {
			c.t.Errorf("seat %d holds %d tiles, %d are told", i, len(own.Hand), v.Seats[i].Concealed)
		}
		for _, t := range own.Hand {
			see(t)
		}
		for _, m := range own.Seats[i].Melds {
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
			// In Xueliu a self-drawn winning tile is set aside. A robbed one is shown with the
			// first winner.
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

// serials checks that a prompt keeps its serial and that a new one has a higher one.
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

func (c *checker) restore() {
	data := mustMarshal(c.t, c.h)
	if err := c.spare.UnmarshalBinary(data); err != nil {
		c.t.Fatal(err)
	}
	if !bytes.Equal(mustMarshal(c.t, &c.spare), data) {
		c.t.Fatal("the restored hand has different bytes")
	}
}

func (c *checker) same() {
	if !reflect.DeepEqual(&c.spare, c.h) {
		c.t.Fatal("the restored hand differs, or a refused command has changed it")
	}
}

// try checks that a command is accepted exactly if it is offered.
func (c *checker) try(cmd mahjong.Command) {
	want := cmd.Action == mahjong.ActRelease && c.h.Holding()
	if cmd.Action != mahjong.ActRelease {
		var hand []mahjong.Tile
		p := c.h.Prompt(cmd.Seat)
		if p.Kind == mahjong.PromptSwap {
			hand = c.h.View(cmd.Seat).Hand
		}
		want = legal(&c.rules, p, hand, cmd)
	}
	events, err := c.spare.Apply(cmd)
	if want != (err == nil) {
		c.t.Errorf("%+v: offered %v, applied with %v", cmd, want, err)
	}
	if err != nil && len(events) > 0 {
		c.t.Errorf("%+v was refused (%v) with events", cmd, err)
	}
	if err == nil {
		c.restore() // for a fresh spare
	}
}

// everyCommand tries all commands in the current state, except swaps.
func (c *checker) everyCommand() {
	c.restore()
	for seat := range mahjong.Seats {
		for a := mahjong.ActVoid; a <= mahjong.ActRelease; a++ {
			cmd := mahjong.Command{Seat: seat, Action: a}
			switch a {
			case mahjong.ActDiscard:
				for cmd.Tile = range mahjong.Tile(mahjong.NumTiles) {
					c.try(cmd)
				}
			case mahjong.ActAnGang, mahjong.ActBuGang:
				for cmd.Kind = range mahjong.Kind(mahjong.NumKinds) {
					c.try(cmd)
				}
			case mahjong.ActVoid:
				for cmd.Suit = range mahjong.NoSuit {
					c.try(cmd)
				}
			default:
				c.try(cmd)
			}
		}
	}
	c.same()
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
		c.t.Errorf("the items of the events differ from those of the result")
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
		c.t.Errorf("items sum up to %v, scores are %v", sums, r.Scores)
	}
	c.gangMoney(&r)
	if _, err := c.h.Apply(mahjong.Command{Action: mahjong.ActPass}); err != mahjong.ErrFinished {
		c.t.Errorf("after the end: %v", err)
	}
}

// gangMoney checks that who is not ready at the end keeps nothing of his gangs where they are only paid to
// who is ready, or where the money goes back.
func (c *checker) gangMoney(r *mahjong.Result) {
	var kept [mahjong.Seats]int
	for _, it := range r.Items {
		switch it.Why {
		case mahjong.WhyGangAn, mahjong.WhyGangBu, mahjong.WhyGangZhi:
			kept[it.To] += it.Points
		case mahjong.WhyTransfer, mahjong.WhyTuiShui:
			kept[it.From] -= it.Points
		}
	}
	for i, points := range kept {
		switch r.Status[i] {
		case mahjong.Pig, mahjong.NotReady:
			if (c.rules.GangReady || c.rules.TuiShui) && c.rules.Bankrupt == "none" && points != 0 {
				c.t.Errorf("seat %d is not ready and keeps %d", i, points)
			}
		}
	}
}

// TestReplay plays recorded commands again: same events, same bytes.
func TestReplay(t *testing.T) {
	for n := range uint64(40) {
		rules := randomRules(t, rand.New(rand.NewPCG(n, 6)))
		h := mustNew(t, rules, testDeal(n))
		var commands []mahjong.Command
		var events [][]mahjong.Event
		playOut(t, h, mixedPlayers(rules, n), func(c mahjong.Command, e []mahjong.Event) {
			commands, events = append(commands, c), append(events, e)
		})
		again := mustNew(t, rules, testDeal(n))
		for i, c := range commands {
			if e := mustApply(t, again, c); !reflect.DeepEqual(e, events[i]) {
				t.Fatalf("hand %d, command %d: different events", n, i)
			}
		}
		if !bytes.Equal(mustMarshal(t, again), mustMarshal(t, h)) {
			t.Fatalf("hand %d: different bytes", n)
		}
	}
}
