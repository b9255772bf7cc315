package tablegame_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
)

// TestRules: rules mean to a table what they mean to the engine. How they are read, TestContract says.
func TestRules(t *testing.T) {
	g := newGame(t, tablegame.Config{})
	for name, overrides := range ruleSets {
		rules, err := g.Rules([]byte(overrides))
		if err != nil {
			t.Fatal(err)
		}
		want, _ := mahjong.ParseRules([]byte(overrides))
		if got, err := mahjong.ParseRules(rules); err != nil || got != want {
			t.Errorf("%s: the whole rule set is %+v, want %+v", name, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	if _, err := tablegame.New(tablegame.Config{Turn: -1}); err == nil {
		t.Error("a negative limit was accepted")
	}
	g := newGame(t, tablegame.Config{Void: time.Second})
	want := map[mahjongpb.Prompt_Kind]time.Duration{
		mahjongpb.Prompt_SWAP: 15 * time.Second, mahjongpb.Prompt_VOID: time.Second, mahjongpb.Prompt_TURN: 15 * time.Second,
		mahjongpb.Prompt_CLAIM: 8 * time.Second, mahjongpb.Prompt_ROB: 8 * time.Second,
	}
	asked := make(map[mahjongpb.Prompt_Kind]bool)
	for n := range uint64(8) {
		play(t, g, deal(t, g, n, ""), rand.New(rand.NewPCG(n, 10)), func(h game.Hand, _ []game.Event) game.Hand {
			for _, seat := range open(h) {
				p := h.Prompt(seat)
				m := unmarshal(t, p.Payload, &mahjongpb.Prompt{})
				asked[m.Kind] = true
				if p.Limit != want[m.Kind] {
					t.Fatalf("seat %d is asked %v about %v", seat, m.Kind, p.Limit)
				}
			}
			return h
		})
	}
	for _, k := range []mahjongpb.Prompt_Kind{mahjongpb.Prompt_SWAP, mahjongpb.Prompt_VOID, mahjongpb.Prompt_TURN, mahjongpb.Prompt_CLAIM} {
		if !asked[k] {
			t.Errorf("prompt %v never occurred", k)
		}
	}
}

// TestHold demands that the window of every discard is held, whether it has offers or not.
func TestHold(t *testing.T) {
	g := newGame(t, tablegame.Config{})
	rng := rand.New(rand.NewPCG(1, 11))
	discards := 0
	play(t, g, deal(t, g, 1, ruleSets["people"]), rng, func(h game.Hand, events []game.Event) game.Hand {
		for _, e := range events {
			if e.Seats[0] == nil || unmarshal(t, e.Seats[0], &mahjongpb.Event{}).GetDiscard() == nil {
				continue
			}
			discards++
			if h.Hold() != 700*time.Millisecond {
				t.Fatalf("a discard is held for %v", h.Hold())
			}
		}
		return h
	})
	if discards == 0 {
		t.Error("nothing was discarded")
	}
}

// TestEnums compares the numbers of the wire with the engine's.
func TestEnums(t *testing.T) {
	for _, c := range []struct {
		enum  protoreflect.EnumDescriptor
		name  func(int) string
		other map[string]string // where the wire name differs
	}{
		{mahjongpb.Prompt_Kind(0).Descriptor(), func(n int) string { return mahjong.PromptKind(n).String() }, nil},
		{mahjongpb.View_Phase(0).Descriptor(), func(n int) string { return mahjong.Phase(n).String() }, nil},
		{mahjongpb.Win_How(0).Descriptor(), func(n int) string { return mahjong.How(n).String() }, nil},
		{mahjongpb.Fan(0).Descriptor(), func(n int) string { return mahjong.FanID(n).String() }, map[string]string{"zimofan": "zimo"}},
		{mahjongpb.Meld_Type(0).Descriptor(), func(n int) string { return mahjong.MeldKind(n).String() + "gang" }, map[string]string{"peng": "penggang"}},
		{
			mahjongpb.Item_Why(0).Descriptor(), func(n int) string { return mahjong.Why(n).String() },
			map[string]string{"win": "hu", "zhigang": "gang_zhi", "bugang": "gang_bu", "angang": "gang_an"},
		},
		{mahjongpb.End_Reason(0).Descriptor(), func(n int) string { return mahjong.Reason(n).String() }, map[string]string{"threewon": "three_won", "wallempty": "wall", "oneleft": "one_left"}},
		{mahjongpb.End_Status(0).Descriptor(), func(n int) string { return mahjong.Status(n).String() }, map[string]string{"notchecked": "none"}},
	} {
		count := c.enum.Values().Len()
		for i := range count {
			n := int(c.enum.Values().Get(i).Number())
			wire := strings.ToLower(strings.ReplaceAll(string(c.enum.Values().Get(i).Name()), "_", ""))
			if strings.HasSuffix(wire, "unspecified") {
				continue
			}
			want := wire
			if other, ok := c.other[wire]; ok {
				want = other
			}
			if got := c.name(n); got != want {
				t.Errorf("%s %d is %s on the wire and %s in the engine", c.enum.FullName(), n, wire, got)
			}
		}
		if got := c.name(count); !strings.HasPrefix(got, "unknown") {
			t.Errorf("the engine's %s is missing in %s", got, c.enum.FullName())
		}
	}
	if fmt.Sprint(mahjong.Wan, mahjong.Tong, mahjong.Tiao) != "0 1 2" {
		t.Error("the wire's suits differ from the engine's")
	}
}
