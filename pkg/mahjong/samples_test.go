package mahjong_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"teahouse/pkg/mahjong"
)

// sampleGame is the part of a recorded game that these tests use. Package bench/hand compares
// offers, scores and items; these compare the order of events and the final state.
type sampleGame struct {
	ID      string          `json:"id"`
	Rules   json.RawMessage `json:"rules"`
	Dealer  int             `json:"dealer"`
	Wall    []mahjong.Tile  `json:"wall"`
	SwapDir int             `json:"swap_dir"`
	Inputs  []struct {
		Kind   string         `json:"i"`
		Seat   int            `json:"s"`
		Tiles  []mahjong.Tile `json:"tiles"`
		Suit   mahjong.Suit   `json:"suit"`
		Action string         `json:"a"`
		Tile   mahjong.Tile   `json:"t"`
	} `json:"inputs"`
	Events     []map[string]any `json:"events"`
	FinalHands any              `json:"final_hands"`
	FinalMelds [][]any          `json:"final_melds"`
}

var actions = map[string]mahjong.Action{
	"hu": mahjong.ActHu, "an": mahjong.ActAnGang, "bu": mahjong.ActBuGang, "discard": mahjong.ActDiscard,
	"gang": mahjong.ActGang, "peng": mahjong.ActPeng, "pass": mahjong.ActPass,
}

func TestSampleEvents(t *testing.T) {
	data, err := os.ReadFile("testdata/games.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	games := 0
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var g sampleGame
		if err := json.Unmarshal(lines.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		games++
		t.Run(g.ID, func(t *testing.T) { checkSample(t, &g) })
	}
	if games < 50 {
		t.Errorf("only %d games", games)
	}
}

func checkSample(t *testing.T, g *sampleGame) {
	d := mahjong.Deal{Dealer: g.Dealer, SwapDir: max(g.SwapDir, 1)}
	copy(d.Wall[:], g.Wall)
	h := mustNew(t, mustRules(t, string(g.Rules)), d)
	got := recorded(h.Opening())
	for _, in := range g.Inputs {
		c := mahjong.Command{Seat: in.Seat, Action: actions[in.Action], Tile: in.Tile, Kind: mahjong.Kind(in.Tile), Suit: in.Suit}
		switch in.Kind {
		case "swap":
			c.Action, c.Tiles = mahjong.ActSwap, [3]mahjong.Tile(in.Tiles)
		case "void":
			c.Action = mahjong.ActVoid
		case "claim":
			if p := h.Prompt(in.Seat); p.Tile != in.Tile {
				continue // the window has closed early
			}
		}
		for _, e := range mustApply(t, h, c) {
			got = append(got, recorded(e)...)
		}
	}
	for i, want := range g.Events {
		delete(want, "ctx")
		if i >= len(got) || !reflect.DeepEqual(plain(t, got[i]), plain(t, want)) {
			t.Fatalf("event %d: got %v, want %v", i, plain(t, got[min(i, len(got)-1)]), want)
		}
	}
	if len(got) != len(g.Events) {
		t.Errorf("%d events, want %d", len(got), len(g.Events))
	}
	r, ok := h.Result()
	if !ok {
		t.Fatal("the hand is not over")
	}
	if !reflect.DeepEqual(plain(t, idLists(r.Hands)), g.FinalHands) {
		t.Errorf("final hands %v, want %v", r.Hands, g.FinalHands)
	}
	for seat, melds := range g.FinalMelds {
		if len(melds) != len(r.Melds[seat]) {
			t.Errorf("seat %d: %d melds, want %d", seat, len(r.Melds[seat]), len(melds))
		}
	}
}

// recorded writes an event as in recorded games: nothing for a secret answer, two for the end of a
// wall.
func recorded(e mahjong.Event) []map[string]any {
	m := map[string]any{"e": e.Kind.String(), "s": e.Seat}
	switch e.Kind {
	case mahjong.EventAnswered:
		return nil
	case mahjong.EventDeal:
		return []map[string]any{{"e": "deal", "hands": idLists(e.Shown.Hands)}}
	case mahjong.EventSwap:
		return []map[string]any{{"e": "swap", "dir": e.Dir, "out": idLists(e.Shown.Given), "hands": idLists(e.Shown.Hands)}}
	case mahjong.EventVoid:
		return []map[string]any{{"e": "void", "suits": e.Suits}}
	case mahjong.EventDraw:
		m["t"], m["g"] = e.Tile, e.Replacement
	case mahjong.EventDiscard, mahjong.EventBuGang:
		m["t"] = e.Tile
	case mahjong.EventPeng:
		var use []int
		for _, t := range e.Meld.Tiles {
			if t != e.Tile {
				use = append(use, int(t))
			}
		}
		m["t"], m["frm"], m["use"] = e.Tile, e.From, use
	case mahjong.EventGang:
		m["kind"], m["tiles"] = e.Meld.Type.String(), ids(e.Meld.Tiles)
		if e.From >= 0 {
			m["frm"] = e.From
		}
	case mahjong.EventHu:
		var fans [][2]any
		for _, f := range e.Win.Score.Items() {
			fans = append(fans, [2]any{f.ID.String(), f.Fan})
		}
		m["frm"], m["t"], m["how"], m["fans"] = e.From, e.Tile, e.Win.How.String(), fans
		m["raw"], m["fan"] = e.Win.Score.Raw, e.Win.Score.Fan
		title, _ := e.Win.Score.Title()
		m["titles"] = []string{title}
	case mahjong.EventEnd:
		list := []map[string]any{{"e": "end", "reason": e.End.Reason.String()}}
		if e.End.Reason == mahjong.WallEmpty {
			var status []string
			for _, s := range e.End.Status {
				status = append(status, s.String())
			}
			list = append(list, map[string]any{"e": "check", "status": status})
		}
		return list
	}
	return []map[string]any{m}
}

func ids(tiles []mahjong.Tile) []int {
	out := make([]int, len(tiles))
	for i, t := range tiles {
		out[i] = int(t)
	}
	return out
}

func idLists(hands [mahjong.Seats][]mahjong.Tile) (out [mahjong.Seats][]int) {
	for i, tiles := range hands {
		out[i] = ids(tiles)
	}
	return out
}

// plain converts a value to what JSON decoding yields, for comparison.
func plain(t testing.TB, v any) (out any) {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
