package mahjong_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"teahouse/pkg/mahjong"
)

// A straightforward backtracking evaluator, written from the rules without using the tables: the
// reference for correctness and speed.

// reading is one way to split a winning hand.
type reading struct {
	pairs7   bool
	triplets bool // every set is a triplet or gang
	yao      bool // every set and the pair hold a 1 or 9
}

func terminal(k int) bool { return k%9 == 0 || k%9 == 8 }

// slowReadings lists all readings of the concealed tiles (winning tile included).
func slowReadings(s *mahjong.Shape) []reading {
	suits := map[int]bool{}
	for k, n := range s.Concealed {
		if n > 0 {
			suits[k/9] = true
		}
	}
	all := reading{triplets: true, yao: true}
	for _, m := range s.Melds {
		suits[int(m.Kind)/9] = true
		all.yao = all.yao && terminal(int(m.Kind))
	}
	if len(suits) > 2 || suits[int(s.Void)] || s.Concealed.Len() != 14-3*len(s.Melds) {
		return nil
	}
	var out []reading
	if len(s.Melds) == 0 {
		pairs := 0
		for _, n := range s.Concealed {
			pairs += int(n / 2)
		}
		if pairs == 7 {
			out = append(out, reading{pairs7: true})
		}
	}
	c := s.Concealed
	for k := range c {
		if c[k] >= 2 {
			r := all
			r.yao = r.yao && terminal(k)
			c[k] -= 2
			slowSets(&c, r, &out)
			c[k] += 2
		}
	}
	return out
}

func slowSets(c *mahjong.Counts, r reading, out *[]reading) {
	k := 0
	for k < len(c) && c[k] == 0 {
		k++
	}
	if k == len(c) {
		*out = append(*out, r)
		return
	}
	if c[k] >= 3 {
		next := r
		next.yao = next.yao && terminal(k)
		c[k] -= 3
		slowSets(c, next, out)
		c[k] += 3
	}
	if k%9 < 7 && c[k+1] > 0 && c[k+2] > 0 {
		next := r
		next.triplets = false
		next.yao = next.yao && (terminal(k) || terminal(k+2))
		c[k]--
		c[k+1]--
		c[k+2]--
		slowSets(c, next, out)
		c[k]++
		c[k+1]++
		c[k+2]++
	}
}

func held(s *mahjong.Shape, k int) int {
	n := int(s.Concealed[k])
	for _, m := range s.Melds {
		if int(m.Kind) == k && m.Type == mahjong.Peng {
			n += 3
		} else if int(m.Kind) == k {
			n += 4
		}
	}
	return n
}

func slowWaits(s mahjong.Shape) (waits mahjong.KindSet) {
	for k := range s.Concealed {
		if held(&s, k) >= 4 {
			continue
		}
		s.Concealed[k]++
		if len(slowReadings(&s)) > 0 {
			waits = waits.With(mahjong.Kind(k))
		}
		s.Concealed[k]--
	}
	return waits
}

// slowRaw is the sum of the patterns of the best reading when the hand wins by a claim, -1 if it does not win.
func slowRaw(s *mahjong.Shape, r *mahjong.Rules) int {
	best := -1
	for _, way := range slowReadings(s) {
		raw := 0
		only258, suits := true, map[int]bool{}
		closed, middle := true, true
		for k := range s.Concealed {
			n := held(s, k)
			if n == 0 {
				continue
			}
			suits[k/9] = true
			rank := k%9 + 1
			only258 = only258 && (rank == 2 || rank == 5 || rank == 8)
			middle = middle && !terminal(k)
			if n == 4 {
				raw++
			}
		}
		for _, m := range s.Melds {
			closed = closed && m.Type == mahjong.AnGang
		}
		switch {
		case way.pairs7:
			raw += 2
			if only258 {
				raw += r.JiangQiDui
			}
		case way.triplets:
			raw++
			if only258 && r.JiangDui {
				raw += 2
			}
		}
		if way.yao {
			raw += r.DaiYaoJiu
		}
		if len(suits) == 1 {
			raw += 2
		}
		if len(s.Melds) == 4 && r.JinGouDiao {
			raw++
		}
		if r.MenQing && closed && !r.MenQingZimo {
			raw++
		}
		if r.ZhongZhang && middle {
			raw++
		}
		best = max(best, raw)
	}
	return best
}

func hasOpenMeld(melds []mahjong.MeldShape) bool {
	return slices.ContainsFunc(melds, func(m mahjong.MeldShape) bool { return m.Type != mahjong.AnGang })
}

// randomShape draws a hand of 13 tiles (a meld counting three) in few kinds, so that
// near-hands are common.
func randomShape(rng *rand.Rand) mahjong.Shape {
	s := mahjong.Shape{Void: mahjong.Suit(rng.IntN(3))}
	if rng.IntN(4) == 0 {
		s.Void = mahjong.NoSuit
	}
	suits := rng.Perm(3)[:1+rng.IntN(3)]
	kind := func() int {
		for {
			suit := suits[rng.IntN(len(suits))]
			if suit != int(s.Void) || rng.IntN(20) == 0 {
				return suit*9 + rng.IntN(9)
			}
			if len(suits) == 1 {
				s.Void = mahjong.NoSuit
			}
		}
	}
	for range rng.IntN(5) {
		if k := kind(); held(&s, k) == 0 {
			s.Melds = append(s.Melds, mahjong.MeldShape{Type: mahjong.MeldKind(1 + rng.IntN(4)), Kind: mahjong.Kind(k)})
		}
	}
	for left := 13 - 3*len(s.Melds); left > 0; {
		k, n := kind(), 1+rng.IntN(3)
		if rng.IntN(3) == 0 && k%9 < 7 && left >= 3 && held(&s, k) < 4 && held(&s, k+1) < 4 && held(&s, k+2) < 4 {
			s.Concealed[k]++
			s.Concealed[k+1]++
			s.Concealed[k+2]++
			left -= 3
		} else if n <= left && held(&s, k)+n <= 4 {
			s.Concealed[k] += uint8(n)
			left -= n
		}
	}
	return s
}

func TestEvaluatorAgreesWithBacktracking(t *testing.T) {
	rules := []mahjong.Rules{
		mahjong.DefaultRules(),
		mustRules(t, `{"daiyaojiu":3,"menqing":true,"zhongzhang":true,"cap":0}`),
		mustRules(t, `{"daiyaojiu":0,"jiangdui":false,"jingoudiao":false}`),
		mustRules(t, `{"daiyaojiu":1,"cap":3}`),
		mustRules(t, `{"menqing":true,"menqing_zimo":true}`),
		mustRules(t, `{"jiangqidui":2,"cap":0}`),
	}
	rng := rand.New(rand.NewPCG(5, 5))
	wins := 0
	for i := range randomShapes {
		s := randomShape(rng)
		waits := s.Waits()
		if want := slowWaits(s); waits != want {
			t.Fatalf("%+v: waits %v, want %v", s, waits.Kinds(), want.Kinds())
		}
		drawn := waits.Kinds()
		drawn = append(drawn, mahjong.Kind(rng.IntN(mahjong.NumKinds)))
		for _, k := range drawn {
			if held(&s, int(k)) == 4 {
				continue
			}
			s.Concealed[k]++
			r := &rules[i%len(rules)]
			score, ok := s.Best(r, 0)
			raw := slowRaw(&s, r)
			if ok != (raw >= 0) || ok != s.Win() || ok && score.Raw != raw {
				t.Fatalf("%+v: win %v with %+v, want %d", s, ok, score.Items(), raw)
			}
			if ok {
				wins++
			}
			more := 0 // by a self-draw
			if ok && r.MenQing && r.MenQingZimo && !hasOpenMeld(s.Melds) {
				more = 1
			}
			if drawn, _ := s.Best(r, mahjong.CtxZimo); drawn.Raw != score.Raw+more {
				t.Fatalf("%+v: a self-draw gives %+v, want %d more than %d", s, drawn.Items(), more, score.Raw)
			}
			s.Concealed[k]--
		}
	}
	if wins < randomShapes/6 {
		t.Errorf("only %d winning hands were looked at", wins)
	}
}

// TestJiangQiDui looks at every hand of seven pairs of 2, 5 and 8 in two suits, by each of its tiles.
func TestJiangQiDui(t *testing.T) {
	rules := []mahjong.Rules{
		mahjong.DefaultRules(), mustRules(t, `{"jiangqidui":1}`), mustRules(t, `{"jiangqidui":2,"cap":0}`), mustRules(t, `{"jiangqidui":8,"cap":6}`),
	}
	jiang := []int{1, 4, 7, 10, 13, 16} // 258m 258p
	hands := 0
	for code := range 729 { // 0, 2 or 4 of each kind
		s := mahjong.Shape{Void: mahjong.Tiao}
		for i, c := 0, code; i < len(jiang); i, c = i+1, c/3 {
			s.Concealed[jiang[i]] = uint8(2 * (c % 3))
		}
		if s.Concealed.Len() != 14 {
			continue
		}
		hands++
		for i := range rules {
			r := &rules[i]
			score, ok := s.Best(r, 0)
			if raw := slowRaw(&s, r); !ok || score.Raw != raw {
				t.Fatalf("%v: %+v, want %d", s.Concealed, score.Items(), raw)
			}
		}
	}
	if hands != 126 { // one root 6, two 60, three 60
		t.Fatalf("%d hands", hands)
	}
}

func TestEvaluatorDoesNotAllocate(t *testing.T) {
	s, rules := readyShape(), mahjong.DefaultRules()
	won := s
	won.Concealed[8]++
	if n := testing.AllocsPerRun(100, func() {
		s.Waits()
		won.Win()
		won.Best(&rules, mahjong.CtxZimo)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// readyShape is 1112345678999 of one suit, which waits for all nine ranks.
func readyShape() mahjong.Shape {
	s := mahjong.Shape{Void: mahjong.Tiao}
	copy(s.Concealed[:], []uint8{3, 1, 1, 1, 1, 1, 1, 1, 3})
	return s
}

func benchShapes(n int, keep func(s *mahjong.Shape) bool) []mahjong.Shape {
	rng := rand.New(rand.NewPCG(9, 9))
	var shapes []mahjong.Shape
	for len(shapes) < n {
		if s := randomShape(rng); keep(&s) {
			shapes = append(shapes, s)
		}
	}
	return shapes
}

// winning turns ready hands into won ones.
func winning(shapes []mahjong.Shape) []mahjong.Shape {
	for i := range shapes {
		shapes[i].Concealed[shapes[i].Waits().Kinds()[0]]++
	}
	return shapes
}

func ready(s *mahjong.Shape) bool { return s.Waits() != 0 }

func anyShape(s *mahjong.Shape) bool {
	for k := range s.Concealed {
		if held(s, k) < 4 {
			s.Concealed[k]++ // to fourteen
			return true
		}
	}
	return false
}

func BenchmarkWin(b *testing.B) {
	for _, set := range []struct {
		name   string
		shapes []mahjong.Shape
	}{
		{"random", benchShapes(1024, anyShape)},
		{"winning", winning(benchShapes(1024, ready))},
	} {
		b.Run(set.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				set.shapes[i&1023].Win()
			}
		})
		b.Run(set.name+"-backtracking", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				slowReadings(&set.shapes[i&1023])
			}
		})
	}
}

func BenchmarkWaits(b *testing.B) {
	for _, set := range []struct {
		name   string
		shapes []mahjong.Shape
	}{
		{"random", benchShapes(1024, func(*mahjong.Shape) bool { return true })},
		{"ready", benchShapes(1024, ready)},
	} {
		b.Run(set.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				set.shapes[i&1023].Waits()
			}
		})
		b.Run(set.name+"-backtracking", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				slowWaits(set.shapes[i&1023])
			}
		})
	}
}

func BenchmarkFan(b *testing.B) {
	shapes := winning(benchShapes(1024, ready))
	rules := mahjong.DefaultRules()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		shapes[i&1023].Best(&rules, mahjong.CtxZimo)
	}
}

func BenchmarkFanBacktracking(b *testing.B) {
	shapes := winning(benchShapes(1024, ready))
	rules := mahjong.DefaultRules()
	for i := 0; b.Loop(); i++ {
		slowRaw(&shapes[i&1023], &rules)
	}
}

// BenchmarkTables builds the look-up table.
func BenchmarkTables(b *testing.B) {
	for b.Loop() {
		mahjong.BuildSuitTable()
	}
}

// BenchmarkHand plays complete hands, on one core: with legal-but-random players, and
// with bots.
func BenchmarkHand(b *testing.B) {
	rules := mahjong.DefaultRules()
	players := []chooser{botPlayer(rules), botPlayer(rules), botPlayer(rules), botPlayer(rules)}
	for _, set := range []struct {
		name string
		play func(h *mahjong.Hand, rng *rand.Rand)
	}{
		{"random", func(h *mahjong.Hand, rng *rand.Rand) { playRandomly(b, h, rng, nil) }},
		{"bot", func(h *mahjong.Hand, _ *rand.Rand) { playOut(b, h, players, nil) }},
	} {
		b.Run(set.name, func(b *testing.B) {
			b.ReportAllocs()
			rng := rand.New(rand.NewPCG(1, 1))
			n := uint64(0)
			for b.Loop() {
				set.play(mustNew(b, rules, testDeal(n)), rng)
				n++
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "hands/s")
		})
	}
}
