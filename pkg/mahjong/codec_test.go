package mahjong_test

import (
	"bytes"
	"errors"
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
