package hand_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"teahouse/bench/hand"
	"teahouse/pkg/bot"
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
)

// TestVerifyNeutralOptions adds options that change nothing in the recorded games, and demands the
// same answers.
func TestVerifyNeutralOptions(t *testing.T) {
	data, err := os.ReadFile(samples + "games.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var changed bytes.Buffer
	for _, rec := range objects(t, data) {
		rules := rec["rules"].(map[string]any)
		for key, value := range map[string]any{
			"min_claim_ms": 700, "swap_suits": "any", "hide_angang": true, "show_winners": true,
			"bankrupt": "leave", "balances": []int{1 << 40, 1 << 40, 1 << 40, 1 << 40},
		} {
			rules[key] = value
		}
		if rec["swap_dir"] != nil {
			rules["swap_dir"], rec["swap_dir"] = rec["swap_dir"], nil
		}
		line, err := json.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		changed.Write(append(line, '\n'))
	}
	var plain, varied bytes.Buffer
	if err := hand.Verify(t.Context(), bytes.NewReader(data), &plain); err != nil {
		t.Fatal(err)
	}
	if err := hand.Verify(t.Context(), &changed, &varied); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(plain.Bytes(), varied.Bytes()) {
		t.Error("options without effect gave other answers")
	}
}

// TestVerifyUnasked records hands with wins that nobody was asked for, once with them written down
// like decisions, and once without.
func TestVerifyUnasked(t *testing.T) {
	rules := `{"must_hu_last4":true,"swap":false,"pass_lock":"off","mode":"xueliu"}`
	unasked := 0
	for n := range uint64(40) {
		with, without, wins := record(t, n, rules)
		unasked += wins
		var out bytes.Buffer
		if err := hand.Verify(t.Context(), strings.NewReader(with+"\n"+without+"\n"), &out); err != nil {
			t.Fatalf("hand %d: %v, %s", n, err, out.String())
		}
		replies := objects(t, out.Bytes())
		more := len(replies[0]["offers"].([]any)) - len(replies[1]["offers"].([]any))
		delete(replies[0], "offers")
		delete(replies[1], "offers")
		if more != wins || !reflect.DeepEqual(replies[0], replies[1]) {
			t.Errorf("hand %d: %d offers more for %d wins unasked; %v, %v", n, more, wins, replies[0], replies[1])
		}
	}
	if unasked == 0 {
		t.Error("no win happened without being asked for")
	}
}

// record plays a hand and writes it down, with and without the wins that nobody was asked for.
func record(t *testing.T, n uint64, rules string) (with, without string, unasked int) {
	r, err := mahjong.ParseRules([]byte(rules))
	if err != nil {
		t.Fatal(err)
	}
	d := mahjong.DealFromSeed([32]byte{byte(n)}, int(n%mahjong.Seats))
	h, err := mahjong.New(r, d)
	if err != nil {
		t.Fatal(err)
	}
	player := bot.New(game.Weak, r)
	var all, asked []map[string]any
	for !h.Finished() {
		var c mahjong.Command
		for seat := range mahjong.Seats {
			if h.Prompt(seat).Serial != 0 {
				view := h.View(seat)
				c = player.Choose(&view)
				break
			}
		}
		in := written(c, h.Prompt(c.Seat))
		all, asked = append(all, in), append(asked, in)
		before := h.Wall()
		events, err := h.Apply(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Kind != mahjong.EventHu || before > 5 || c.Action == mahjong.ActHu {
				continue // asked for
			}
			in := map[string]any{"i": "claim", "s": e.Seat, "a": "hu", "t": e.Tile}
			if e.Win.How == mahjong.Zimo {
				in["i"] = "turn"
			}
			all = append(all, in)
			unasked++
		}
	}
	line := func(inputs []map[string]any) string {
		wall := make([]int, len(d.Wall))
		for i, tile := range d.Wall {
			wall[i] = int(tile)
		}
		text, err := json.Marshal(map[string]any{
			"id": n, "rules": json.RawMessage(rules), "dealer": d.Dealer, "wall": wall, "inputs": inputs,
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	return line(all), line(asked), unasked
}

// written returns a command in the form of recorded hands.
func written(c mahjong.Command, p mahjong.Prompt) map[string]any {
	in := map[string]any{"i": "turn", "s": c.Seat, "a": c.Action.String()}
	switch c.Action {
	case mahjong.ActVoid:
		return map[string]any{"i": "void", "s": c.Seat, "suit": c.Suit}
	case mahjong.ActDiscard:
		in["t"] = c.Tile
	case mahjong.ActAnGang, mahjong.ActBuGang:
		in["t"] = c.Kind
	}
	if p.Kind == mahjong.PromptClaim || p.Kind == mahjong.PromptRob {
		in["i"], in["t"] = "claim", p.Tile
	}
	return in
}
