package bots_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"teahouse/bench/bots"
	"teahouse/pkg/mahjong"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func run(t *testing.T, cfg bots.Config) *bots.Report {
	t.Helper()
	r, err := bots.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestOrder lets stronger players play weaker ones. The deals are fixed, so the test fails either
// always or never. Few hands show only large differences; the slow version demands an interval that
// excludes zero.
func TestOrder(t *testing.T) {
	type pair struct {
		better, worse string
		hands         int
	}
	pairs := []pair{{"strong", "weak", 180}, {"middle", "weak", 180}, {"weak", "random", 60}}
	slow := os.Getenv("TEAHOUSE_SLOW") != ""
	if slow {
		pairs = []pair{{"strong", "middle", 4800}, {"middle", "weak", 3000}, {"weak", "random", 600}}
	}
	for _, rules := range []string{`{}`, `{"mode":"xueliu"}`} {
		parsed, err := mahjong.ParseRules([]byte(rules))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pairs {
			r := run(t, bots.Config{A: p.better, B: p.worse, Hands: p.hands / raceFactor, Rules: parsed, Seed: 7})
			t.Logf("%s against %s, %s: %+.2f (%+.2f to %+.2f)", r.A, r.B, parsed.Mode, r.Difference, r.Low, r.High)
			switch {
			case raceFactor > 1: // too few hands
			case r.Difference <= 0, slow && !r.Clear():
				t.Errorf("%s does not beat %s by %s", r.A, r.B, rules)
			}
		}
	}
}

// A player against its own copy gets from each deal exactly what the copy gets.
func TestLuckCancels(t *testing.T) {
	r := run(t, bots.Config{A: "middle", B: "middle", Hands: 60})
	if r.Difference != 0 || r.Low != 0 || r.High != 0 {
		t.Errorf("%+.3f (%+.3f to %+.3f) between equals", r.Difference, r.Low, r.High)
	}
	if a, b := r.Sides[0], r.Sides[1]; a.WinRate != b.WinRate || a.DealInRate != b.DealInRate || a.Decisions != b.Decisions {
		t.Errorf("equal players were counted as %+v and %+v", a, b)
	}
}

// The result depends on the seed and on nothing that differs from run to run.
func TestSameAgain(t *testing.T) {
	cfg := bots.Config{A: "weak", B: "random", Hands: 100, Seed: 3, Workers: 1}
	first := run(t, cfg)
	if first.Hands != 102 || first.Deals != 17 {
		t.Errorf("%d hands of %d deals for 100", first.Hands, first.Deals)
	}
	cfg.Workers = 5
	again := run(t, cfg)
	if first.Difference != again.Difference || first.Low != again.Low || first.Sides[0].WinRate != again.Sides[0].WinRate {
		t.Errorf("one worker gives %+v, five give %+v", first, again)
	}
	cfg.Seed++
	if other := run(t, cfg); other.Difference == first.Difference {
		t.Error("a different seed gives the same result")
	}
}

// A window with a least time needs no clock here.
func TestHeldWindows(t *testing.T) {
	rules := mahjong.DefaultRules()
	free := run(t, bots.Config{A: "weak", B: "middle", Hands: 12, Rules: rules})
	rules.MinClaimMs = 700
	held := run(t, bots.Config{A: "weak", B: "middle", Hands: 12, Rules: rules})
	if free.Difference != held.Difference {
		t.Errorf("%+.3f, with held windows %+.3f", free.Difference, held.Difference)
	}
}

func TestRefused(t *testing.T) {
	bad := mahjong.DefaultRules()
	bad.Base = -1
	for name, cfg := range map[string]bots.Config{
		"player":  {A: "strong", B: "clever"},
		"hands":   {A: "strong", B: "weak", Hands: -1},
		"rules":   {A: "strong", B: "weak", Rules: bad},
		"workers": {A: "strong", B: "weak", Workers: -1},
	} {
		if r, err := bots.Run(t.Context(), cfg); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := bots.Run(ctx, bots.Config{A: "weak", B: "random"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled run: %v", err)
	}
}

func TestPrint(t *testing.T) {
	var text strings.Builder
	if err := run(t, bots.Config{A: "weak", B: "random", Hands: 12}).Print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"weak against random", "95 % between", "deals in", "hands/s"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
}
