package mahjong_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"teahouse/pkg/mahjong"
)

func FuzzUnmarshal(f *testing.F) {
	for n, text := range ruleSets {
		rules := mustRules(f, text)
		h := mustNew(f, rules, testDeal(uint64(n)))
		f.Add(mustMarshal(f, h))
		playOut(f, h, mixedPlayers(rules, uint64(n)), nil)
		f.Add(mustMarshal(f, h))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var h mahjong.Hand
		if err := h.UnmarshalBinary(data); err != nil {
			if !errors.Is(err, mahjong.ErrCorrupt) {
				t.Fatalf("an error without its sentinel: %v", err)
			}
			return
		}
		if got := mustMarshal(t, &h); !bytes.Equal(got, data) {
			t.Fatalf("%x was accepted for %x", data, got)
		}
	})
}

// TestFirstOptionsArePinned: hands that are in play, or in an archive, are read by the place of each option.
func TestFirstOptionsArePinned(t *testing.T) {
	rules := mustRules(t, `{"mode":"xueliu","base":2,"cap":3,"swap":false,"zimo":"fan","jiangdui":false,"daiyaojiu":4,"jingoudiao":true,`+
		`"menqing":true,"zhongzhang":false,"haidi":true,"tiandihu":5,"qianggang":false,"multi_hu":true,"transfer":"none","late_bugang":"pay",`+
		`"pass_lock":"off","huazhu":false,"dajiao":true,"tuishui":false,"diangang_hua":"dianpao","must_hu_last4":true,"cagua":false,`+
		`"bankrupt":"leave","balances":[6,7,8,9],"swap_suits":"any","swap_dir":3,"void_calls":true,"hide_angang":false,"show_winners":true,"min_claim_ms":700}`)
	want := "0201000000020000000300010000000004010100010000000500010201030001000101000200000000000000060000000000000007000000000000000800000000000000090100000003010001000002bc"
	if got := fmt.Sprintf("%x", mustMarshal(t, mustNew(t, rules, testDeal(1)))[:1+80]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestLaterOptions: a hand without later options has the bytes and rules of builds that know none, and
// what such builds cannot know has a version that they refuse.
func TestLaterOptions(t *testing.T) {
	plainHand := mustMarshal(t, mustNew(t, mahjong.DefaultRules(), testDeal(1)))
	if v, size := plainHand[0], len(plainHand); v != 2 || size != 1+80+2+mahjong.NumTiles {
		t.Errorf("version %d with %d bytes", v, size)
	}
	var data []byte
	var back mahjong.Hand
	for _, later := range []string{`{"transfer_all":true}`, `{"gang_ready":true,"transfer_all":true}`, `{"jiangqidui":2}`, `{"gang_ready":true}`} {
		data = mustMarshal(t, mustNew(t, mustRules(t, later), testDeal(1)))
		if err := back.UnmarshalBinary(data); err != nil || back.Rules() != mustRules(t, later) || data[0] != 3 {
			t.Fatalf("%s, version %d: %+v, %v", later, data[0], back.Rules(), err)
		}
	}
	const count = 1 + 80 // after the version and the options that every build knows
	for name, spoil := range map[string]func([]byte) []byte{
		"a default at the end":       func(b []byte) []byte { b[count]++; return slices.Insert(b, count+2, 0) },
		"more than this build knows": func(b []byte) []byte { b[count] = 200; return b },
		"none":                       func(b []byte) []byte { b[count] = 0; return slices.Delete(b, count+1, count+2) },
		"the default, written":       func(b []byte) []byte { b[count+1] = 0; return b },
		"neither on nor off":         func(b []byte) []byte { b[count+1] = 2; return b },
		"version 2":                  func(b []byte) []byte { b[0] = 2; return b },
		"version 4":                  func(b []byte) []byte { b[0] = 4; return b },
		"cut short at the count":     func(b []byte) []byte { return b[:count] },
		"cut short at the value":     func(b []byte) []byte { return b[:count+1] },
	} {
		if err := back.UnmarshalBinary(spoil(bytes.Clone(data))); !errors.Is(err, mahjong.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUnmarshalCut truncates a hand at every byte: whatever is accepted is an earlier state and
// never panics; whatever is refused leaves the target unchanged.
func TestUnmarshalCut(t *testing.T) {
	rules := mahjong.DefaultRules()
	h := mustNew(t, rules, testDeal(3))
	whole := mustNew(t, rules, testDeal(3))
	playOut(t, whole, mixedPlayers(rules, 3), nil)
	data, before := mustMarshal(t, whole), mustMarshal(t, h)
	taken := 0
	for n := range data {
		target := mustNew(t, rules, testDeal(3))
		if err := target.UnmarshalBinary(data[:n]); err != nil {
			if !bytes.Equal(mustMarshal(t, target), before) {
				t.Fatalf("%d bytes were refused and changed the hand", n)
			}
			continue
		}
		taken++
		if target.Finished() {
			t.Fatalf("%d of %d bytes give a finished hand", n, len(data))
		}
	}
	if taken == 0 {
		t.Error("no intermediate state was accepted")
	}
	if err := h.UnmarshalBinary(append(data, 0)); !errors.Is(err, mahjong.ErrCorrupt) {
		t.Errorf("a byte more: %v", err)
	}
	t.Logf("a finished hand takes %d bytes", len(data))
}
