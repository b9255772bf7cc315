package mahjong_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"teahouse/pkg/mahjong"
)

// oracle is a second engine, written only from the text of the rules: slow and plain, with the
// backtracking evaluator, sharing nothing with the engine but its nouns. It takes the same
// commands, and its offers and items must equal the engine's.
type oracle struct {
	mahjong.Rules
	deal  mahjong.Deal
	drawn int // tiles taken from the wall
	event int // number of the newest event

	swaps, voids int // choices made
	given        [4][]mahjong.Tile
	seat         [4]oracleSeat
	gangs        []oracleGang
	anyCall      bool
	anyWin       bool
	next         int
	items        []mahjong.Item
	end          *mahjong.End

	// The turn.
	turn      int
	tile      mahjong.Tile // just drawn, or NoTile
	replaced  bool
	afterPeng bool
	opening   bool
	firstDraw bool
	lastGang  int // index into gangs, of this turn; -1

	// The window.
	open    bool
	rob     bool
	hold    bool
	claimed mahjong.Tile
	offers  [4]oracleOffer
	answer  [4]mahjong.Action
}

type oracleSeat struct {
	hand   []mahjong.Tile
	melds  []mahjong.MeldShape
	void   mahjong.Suit
	lock   int
	passed map[mahjong.Kind]bool
	drew   bool
	wins   int
	out    bool
	score  int
}

type oracleGang struct {
	seat, feeder int
	from, points []int
	moved        bool
	why          mahjong.Why
	owed         bool // not paid yet
}

type oracleOffer struct {
	hu, gang, peng bool
	fan            int
}

func newOracle(r mahjong.Rules, d mahjong.Deal) *oracle {
	o := &oracle{Rules: r, deal: d, next: d.Dealer, turn: -1}
	for i := range o.seat {
		o.seat[i].void, o.seat[i].lock = mahjong.NoSuit, -1
		o.seat[i].passed = map[mahjong.Kind]bool{}
	}
	for n := 0; n < 53; n++ { // 1.5
		i := n / 4 % 4
		if n >= 48 {
			i = n % 4
		}
		o.give((d.Dealer+i)%4, o.takeTile())
	}
	return o
}

func (o *oracle) takeTile() mahjong.Tile { o.drawn++; return o.deal.Wall[o.drawn-1] }
func (o *oracle) wall() int              { return 108 - o.drawn }
func (o *oracle) xueliu() bool           { return o.Mode == "xueliu" }
func (o *oracle) playing(i int) bool {
	return !o.seat[i].out && (o.seat[i].wins == 0 || o.xueliu())
}
func (o *oracle) locked(i int) bool { return o.xueliu() && o.seat[i].wins > 0 }

func (o *oracle) give(i int, t mahjong.Tile) {
	o.seat[i].hand = append(o.seat[i].hand, t)
	slices.Sort(o.seat[i].hand)
}

func (o *oracle) drop(i int, t mahjong.Tile) {
	at := slices.Index(o.seat[i].hand, t)
	o.seat[i].hand = slices.Delete(o.seat[i].hand, at, at+1)
}

func (o *oracle) dropKind(i int, k mahjong.Kind, n int) {
	for range n {
		at := slices.IndexFunc(o.seat[i].hand, func(t mahjong.Tile) bool { return t.Kind() == k })
		o.drop(i, o.seat[i].hand[at])
	}
}

func (o *oracle) count(i int, k mahjong.Kind) int { return int(mahjong.Count(o.seat[i].hand)[k]) }

func (o *oracle) holdsVoid(i int) bool {
	return slices.ContainsFunc(o.seat[i].hand, func(t mahjong.Tile) bool { return t.Kind().Suit() == o.seat[i].void })
}

func (o *oracle) shape(i int) mahjong.Shape {
	s := &o.seat[i]
	return mahjong.Shape{Concealed: mahjong.Count(s.hand), Melds: slices.Clone(s.melds), Void: s.void}
}

// value returns the capped fan of a hand with extra situational fan, or false if it does not win.
func (o *oracle) value(s mahjong.Shape, extra int) (int, bool) {
	raw := slowRaw(&s, &o.Rules)
	if raw < 0 {
		return 0, false
	}
	if o.Cap > 0 {
		return min(raw+extra, o.Cap), true
	}
	return raw + extra, true
}

func (o *oracle) pay(why mahjong.Why, from, to, points int) int {
	if o.Bankrupt != "none" {
		points = min(points, o.Balances[from]+o.seat[from].score)
	}
	if points > 0 {
		o.seat[from].score -= points
		o.seat[to].score += points
		o.items = append(o.items, mahjong.Item{Why: why, From: from, To: to, Points: points, Event: o.event})
	}
	return points
}

// settled is called after an event's payments: 12.3, 10.3 a.
func (o *oracle) settled() (ended bool) {
	left, won := 0, 0
	for i := range 4 {
		if o.Bankrupt == "leave" && o.playing(i) && o.Balances[i]+o.seat[i].score == 0 {
			o.seat[i].out = true
		}
		if o.playing(i) {
			left++
		}
		if o.seat[i].wins > 0 {
			won++
		}
	}
	if left > 1 {
		return false
	}
	o.event++
	o.end = &mahjong.End{Reason: mahjong.OneLeft}
	if won == 3 && !o.xueliu() {
		o.end.Reason = mahjong.ThreeWon
	}
	o.collectAll()
	return true
}

// fewest returns the suit with the fewest tiles among those with at least least: 2.4, 3.5.
func (o *oracle) fewest(i, least int) (suit mahjong.Suit) {
	best := 99
	for x := mahjong.Wan; x <= mahjong.Tiao; x++ {
		counts := mahjong.Count(o.seat[i].hand)
		if n := counts.InSuit(x); n >= least && n < best {
			best, suit = n, x
		}
	}
	return suit
}

// timeout returns what is done for a seat: 14.2, 14.3.
func (o *oracle) timeout(i int) mahjong.Command {
	c := mahjong.Command{Seat: i}
	switch {
	case o.swaps < 4 && o.Swap:
		suit, n := o.fewest(i, 3), 0
		for _, t := range slices.Backward(o.seat[i].hand) {
			if n < 3 && t.Kind().Suit() == suit {
				c.Tiles[n] = t
				n++
			}
		}
		c.Action = mahjong.ActSwap
	case o.voids < 4:
		c.Action, c.Suit = mahjong.ActVoid, o.fewest(i, 0)
	case o.open:
		c.Action = mahjong.ActPass
	default:
		_, _, _, discard := o.turnOffer()
		c.Action, c.Tile = mahjong.ActDiscard, slices.Max(discard)
		if (o.locked(i) || !o.holdsVoid(i)) && o.tile != mahjong.NoTile {
			c.Tile = o.tile
		}
	}
	return c
}

func (o *oracle) apply(c mahjong.Command) {
	i := c.Seat
	if c.Action == mahjong.ActTimeout {
		c = o.timeout(i)
	}
	switch c.Action {
	case mahjong.ActSwap:
		o.given[i] = c.Tiles[:]
		if o.swaps++; o.swaps == 4 {
			o.swap()
		}
	case mahjong.ActVoid:
		o.seat[i].void = c.Suit
		if o.voids++; o.voids == 4 {
			o.event++
			o.begin()
		}
	case mahjong.ActRelease:
		o.hold = false
		o.close()
	case mahjong.ActDiscard:
		o.event++
		o.drop(i, c.Tile)
		o.openWindow(c.Tile, false)
	case mahjong.ActAnGang:
		o.dropKind(i, c.Kind, 4)
		o.gang(o.others(oracleGang{seat: i, feeder: -1}, 2*o.Base), mahjong.AnGang, c.Kind, mahjong.WhyGangAn)
	case mahjong.ActBuGang:
		o.event++
		at := slices.IndexFunc(o.seat[i].hand, func(t mahjong.Tile) bool { return t.Kind() == c.Kind })
		o.openWindow(o.seat[i].hand[at], true)
	case mahjong.ActHu:
		if !o.open {
			o.selfDraw()
			return
		}
		fallthrough
	default:
		o.answer[i] = c.Action
		o.close()
	}
}

func (o *oracle) swap() { // 2.2
	dir := o.deal.SwapDir
	if o.SwapDir > 0 {
		dir = o.SwapDir
	}
	for i := range 4 {
		for _, t := range o.given[i] {
			o.drop(i, t)
		}
	}
	for i := range 4 {
		for _, t := range o.given[i] {
			o.give((i+dir)%4, t)
		}
	}
	o.event++
}

// prompt returns what a seat is asked.
func (o *oracle) prompt(i int) (p mahjong.Prompt) {
	p.Tile, p.From = mahjong.NoTile, -1
	switch {
	case o.end != nil:
	case o.Swap && o.swaps < 4:
		if o.given[i] == nil {
			p.Kind = mahjong.PromptSwap
		}
	case o.voids < 4:
		if o.seat[i].void == mahjong.NoSuit {
			p.Kind = mahjong.PromptVoid
		}
	case !o.open:
		if i == o.turn {
			p.Kind = mahjong.PromptTurn
			p.Hu, p.An, p.Bu, p.Discard = o.turnOffer()
			p.Locked = o.locked(i)
		}
	case o.asked(i):
		p.Kind, p.Tile, p.From = mahjong.PromptClaim, o.claimed, o.turn
		if o.rob {
			p.Kind = mahjong.PromptRob
		}
		p.Hu, p.Gang, p.Peng = o.offers[i].hu, o.offers[i].gang, o.offers[i].peng
	}
	return p
}

// richDeal makes a wall on which equal tiles mostly lie together, so that hands are full of
// triplets: that brings gangs and big wins.
func richDeal(rng *rand.Rand) mahjong.Deal {
	d := mahjong.Deal{Dealer: rng.IntN(mahjong.Seats), SwapDir: 1 + rng.IntN(3)}
	for i, k := range rng.Perm(mahjong.NumKinds) {
		for j := range 4 {
			d.Wall[4*i+j] = mahjong.Tile(4*k + j)
		}
	}
	for range 20 + rng.IntN(60) {
		i, j := rng.IntN(mahjong.NumTiles), rng.IntN(mahjong.NumTiles)
		d.Wall[i], d.Wall[j] = d.Wall[j], d.Wall[i]
	}
	return d
}

// pairsDeal deals one seat thirteen tiles of ranks 2, 5 and 8 in two suits, mostly pairs.
func pairsDeal(rng *rand.Rand) mahjong.Deal {
	d := richDeal(rng)
	nth, tong := rng.IntN(mahjong.Seats), rng.IntN(2)
	var pairs []int // the lower tile of each
	for i := range 6 {
		k := i/3*9*(1+tong) + i%3*3 + 1
		pairs = append(pairs, 4*k, 4*k+2)
	}
	rng.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	for i := range 13 {
		at := i/4*16 + nth*4 + i%4
		if i == 12 {
			at = 48 + nth
		}
		from := slices.Index(d.Wall[:], mahjong.Tile(pairs[i/2]+i%2))
		d.Wall[at], d.Wall[from] = d.Wall[from], d.Wall[at]
	}
	return d
}

// TestOracle plays hands under random rule sets and demands that engine and oracle offer
// the same at each step and end with the same items.
func TestOracle(t *testing.T) {
	inParallel(t, slowly(oracleHands, manyOracleHands), func(t *testing.T, n uint64) {
		rng := rand.New(rand.NewPCG(n, 7))
		rules, d := randomRules(t, rng), testDeal(n)
		switch {
		case n%16 == 0:
			d = pairsDeal(rng)
		case n%4 > 0:
			d = richDeal(rng)
		}
		h, o := mustNew(t, rules, d), newOracle(rules, d)
		player := botPlayer(rules)
		for {
			for seat := range mahjong.Seats {
				got, want := h.Prompt(seat), o.prompt(seat)
				if got.Serial = 0; !reflect.DeepEqual(got, want) {
					t.Fatalf("%+v: seat %d is asked %+v, want %+v", rules, seat, got, want)
				}
			}
			if h.Holding() != (o.open && o.hold) || h.Wall() != o.wall() {
				t.Fatalf("holding %v, %d tiles; want %v, %d", h.Holding(), h.Wall(), o.open && o.hold, o.wall())
			}
			if h.Finished() {
				break
			}
			c := randomCommand(h, rng)
			if c.Action != mahjong.ActRelease && rng.IntN(8) > 0 { // mostly sensible, so that hands are won
				view := h.View(c.Seat)
				c = player(&view)
			} else if c.Action != mahjong.ActRelease && rng.IntN(4) == 0 {
				c = mahjong.Command{Action: mahjong.ActTimeout, Seat: c.Seat}
			}
			mustApply(t, h, c)
			o.apply(c)
		}
		r, _ := h.Result()
		if o.end == nil {
			t.Fatal("the oracle's hand is not over")
		}
		if r.Reason != o.end.Reason || r.Status != o.end.Status || r.NextDealer != o.next || !slices.Equal(r.Items, o.items) {
			t.Fatalf("%+v\ngot  %+v, next %d, %+v\nwant %+v, next %d, %+v", rules, r.End, r.NextDealer, r.Items, *o.end, o.next, o.items)
		}
		for i, s := range r.Scores {
			if s != o.seat[i].score || !slices.Equal(r.Hands[i], o.seat[i].hand) {
				t.Fatalf("seat %d: %d with %v, want %d with %v", i, s, r.Hands[i], o.seat[i].score, o.seat[i].hand)
			}
		}
	})
}
