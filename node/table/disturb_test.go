package table_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
	"teahouse/pkg/wire/wirepb"
)

// disturb sometimes does something on both tables that is not part of the hand, and returns a difference
// in the answers.
func (w *twins) disturb() string {
	w.t.Helper()
	seat, viewer := w.rng.IntN(4), w.pair.Viewer
	player := 11 + uint64(seat)
	switch w.rng.IntN(40) {
	case 0:
		auto := []wirepb.AutoPlay{wirepb.AutoPlay_AUTO_ON, wirepb.AutoPlay_AUTO_OFF}[w.rng.IntN(2)]
		return w.both(seat, func(_, next uint64) *tablepb.Command { return autoCommand(player, next, auto) })
	case 1:
		return w.both(seat, func(uint64, uint64) *tablepb.Command {
			return detachCommand(uint32((viewer+1+seat%3)%4), 0)
		})
	case 2:
		return w.both(seat, func(uint64, uint64) *tablepb.Command { return attachCommand(player, 1, 1_000_000) })
	case 3, 4, 5: // the viewer comes back: after the last event, from far behind, or lost
		seen := w.rng.Uint64N(200)
		if seen > 150 {
			seen = 1_000_000
		}
		return w.both(viewer, func(uint64, uint64) *tablepb.Command { return attachCommand(11+uint64(viewer), 1, seen) })
	case 6, 7, 8: // the viewer tries a forbidden move
		c := mahjong.Command{Action: mahjong.ActDiscard, Tile: mahjong.Tile(w.rng.IntN(mahjong.NumTiles))}
		if w.rng.IntN(2) == 0 {
			c.Action = []mahjong.Action{mahjong.ActHu, mahjong.ActGang, mahjong.ActPeng, mahjong.ActAnGang}[w.rng.IntN(4)]
		}
		wrong := w.rng.Uint64N(3)
		if open, _ := w.rigs[0].open(viewer); open != 0 && wrong == 0 {
			wrong = 1
		}
		move := moveOf(w.t, c)
		return w.both(viewer, func(prompt, next uint64) *tablepb.Command {
			return moveCommand(11+uint64(viewer), 1, next, prompt+wrong, move...)
		})
	case 9: // a new leader
		return w.both(seat, func(uint64, uint64) *tablepb.Command { return tookOver })
	case 10: // the replica is restored from a snapshot
		for i, r := range w.rigs {
			again, err := table.Restore(state(w.t, r.table), func(string) (game.Game, bool) { return w.games[i], true })
			if err != nil {
				w.t.Fatal(err)
			}
			r.table = again
		}
	}
	return ""
}

// moveOf encodes a command as a client does.
func moveOf(t testing.TB, c mahjong.Command) []byte {
	t.Helper()
	m := &mahjongpb.Move{}
	switch c.Action {
	case mahjong.ActSwap:
		swap := &mahjongpb.Swap{}
		for _, tile := range c.Tiles {
			swap.Tiles = append(swap.Tiles, uint32(tile.Kind()))
		}
		m.Answer = &mahjongpb.Move_Swap{Swap: swap}
	case mahjong.ActVoid:
		m.Answer = &mahjongpb.Move_Void{Void: uint32(c.Suit)}
	case mahjong.ActDiscard:
		m.Answer = &mahjongpb.Move_Discard{Discard: uint32(c.Tile.Kind())}
	case mahjong.ActAnGang:
		m.Answer = &mahjongpb.Move_AnGang{AnGang: uint32(c.Kind)}
	case mahjong.ActBuGang:
		m.Answer = &mahjongpb.Move_BuGang{BuGang: uint32(c.Kind)}
	default:
		m.Answer = &mahjongpb.Move_Call{Call: map[mahjong.Action]mahjongpb.Call{
			mahjong.ActHu: mahjongpb.Call_HU, mahjong.ActGang: mahjongpb.Call_GANG,
			mahjong.ActPeng: mahjongpb.Call_PENG, mahjong.ActPass: mahjongpb.Call_PASS,
		}[c.Action]}
	}
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// leaky is a hand that reveals something hidden.
type leaky struct {
	game.Hand
	hold   func(h game.Hand) time.Duration
	prompt func(p game.Prompt) game.Prompt
	view   func(h game.Hand, view []byte) []byte
	event  func(e game.Event)
}

func (l leaky) Hold() time.Duration {
	if l.hold != nil {
		return l.hold(l.Hand)
	}
	return l.Hand.Hold()
}

func (l leaky) Prompt(seat int) game.Prompt {
	if p := l.Hand.Prompt(seat); l.prompt != nil && p.Serial != 0 {
		return l.prompt(p)
	}
	return l.Hand.Prompt(seat)
}

func (l leaky) View(seat int) []byte {
	if l.view != nil {
		return l.view(l.Hand, l.Hand.View(seat))
	}
	return l.Hand.View(seat)
}

func (l leaky) Move(seat int, move []byte) (game.Step, error) {
	step, err := l.Hand.Move(seat, move)
	for _, e := range step.Events {
		if l.event != nil {
			l.event(e)
		}
	}
	return step, err
}

var tableLeaks = map[string]leaky{
	"that a seat is asked is no secret": {prompt: func(p game.Prompt) game.Prompt {
		p.Secret = false
		return p
	}},
	"the number of prompts": {prompt: func(p game.Prompt) game.Prompt {
		p.Payload = append(p.Payload[:len(p.Payload):len(p.Payload)], 0xf8, 0x01, byte(p.Serial&0x7f))
		return p
	}},
	"a window where nobody is asked is short": {hold: func(h game.Hand) time.Duration {
		for seat := range 4 {
			if h.Prompt(seat).Serial != 0 {
				return h.Hold()
			}
		}
		return min(h.Hold(), 350*time.Millisecond)
	}},
	"the number of answers, to who comes back": {view: func(h game.Hand, view []byte) []byte {
		return append(view, 0xf8, 0x01, byte(len(h.Snapshot())&0x7f))
	}},
	"that somebody has answered": {event: func(e game.Event) {
		for seat, payload := range e.Seats {
			if payload == nil {
				e.Seats[seat] = []byte{}
			}
		}
	}},
}

// TestTableLeaksAreFound checks that the comparison finds each of the leaks.
func TestTableLeaksAreFound(t *testing.T) {
	for name, leak := range tableLeaks {
		found := false
		for n := uint64(0); n < 300 && !found; n++ {
			w := newTwins(t, n, func(h game.Hand) game.Hand {
				l := leak
				l.Hand = h
				return l
			})
			found = w.play() != ""
		}
		if !found {
			t.Errorf("%s: not found", name)
		}
	}
}
