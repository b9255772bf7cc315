package tablegame_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// Prompts are asked more often than anything else is told, so they say only what is asked.
func TestPromptsAreSmall(t *testing.T) {
	g := newGame(t, tablegame.Config{})
	var sizes, questions []int // with and without previews
	for n := range uint64(20) {
		var last [mahjong.Seats]uint32
		play(t, g, deal(t, g, n, ""), rand.New(rand.NewPCG(n, 4)), func(h game.Hand, _ []game.Event) game.Hand {
			for seat := range mahjong.Seats {
				if p := h.Prompt(seat); p.Serial > last[seat] {
					last[seat] = p.Serial
					sizes = append(sizes, len(p.Payload))
					var m mahjongpb.Prompt
					if err := proto.Unmarshal(p.Payload, &m); err != nil {
						t.Fatal(err)
					}
					m.Previews = nil
					questions = append(questions, proto.Size(&m))
				}
			}
			return h
		})
	}
	slices.Sort(sizes)
	slices.Sort(questions)
	if median, longest := sizes[len(sizes)/2], sizes[len(sizes)-1]; median > 10 || longest > 200 {
		t.Errorf("%d prompts: median %d bytes, longest %d", len(sizes), median, longest)
	}
	if longest := questions[len(questions)-1]; longest > 30 {
		t.Errorf("the longest prompt without previews has %d bytes", longest)
	}
}

// FuzzFollow: whatever a server tells is taken in or refused, and the view stays one that can be read.
func FuzzFollow(f *testing.F) {
	g := newGame(f, tablegame.Config{})
	for n, rules := range []string{``, `{"mode":"xueliu","show_winners":true}`} {
		views := [mahjong.Seats][]byte{}
		play(f, g, deal(f, g, uint64(n), rules), rand.New(rand.NewPCG(1, 15)), func(h game.Hand, events []game.Event) game.Hand {
			for _, e := range events {
				if e.Seats[1] != nil {
					f.Add(views[1], e.Seats[1], n == 1)
				}
			}
			views[1] = h.View(1)
			return h
		})
	}
	f.Fuzz(func(t *testing.T, view, event []byte, xueliu bool) {
		rules := ``
		if xueliu {
			rules = `{"mode":"xueliu","show_winners":true}`
		}
		follower, err := g.Follow(1, []byte(rules), view)
		if err != nil {
			return
		}
		follower.Told(event)
		follower.Told(event)
		kept := unmarshal(t, follower.View(), &mahjongpb.View{})
		wire.Tiles(kept, func(field protoreflect.FieldDescriptor, _ wirepb.TileField, value uint32) {
			if value >= mahjong.NumKinds {
				t.Errorf("%s is %d", field.FullName(), value)
			}
		})
	})
}

// Tiles that are none, as a server of protocol 1 shows them, are refused by name, wherever they stand.
func TestFollowRefusesIDs(t *testing.T) {
	g := newGame(t, tablegame.Config{})
	h := deal(t, g, 1, "")
	view := unmarshal(t, h.View(1), &mahjongpb.View{})
	id := proto.Uint32(mahjong.NumKinds)
	for name, e := range map[string]*mahjongpb.Event{
		"deal":    {Body: &mahjongpb.Event_Deal{Deal: &mahjongpb.Deal{Hand: []uint32{1, 57}}}},
		"swap":    {Body: &mahjongpb.Event_Swapped{Swapped: &mahjongpb.Swapped{Hand: []uint32{107}}}},
		"draw":    {Body: &mahjongpb.Event_Draw{Draw: &mahjongpb.Draw{Seat: 1, Tile: id}}},
		"discard": {Body: &mahjongpb.Event_Discard{Discard: &mahjongpb.Discard{Tile: id}}},
		"answer":  {Body: &mahjongpb.Event_Answered{Answered: &mahjongpb.Answered{Move: &mahjongpb.Move{Answer: &mahjongpb.Move_DiscardId{DiscardId: 1}}}}},
		"win":     {Body: &mahjongpb.Event_Win{Win: &mahjongpb.Win{Tile: proto.Uint32(1), Hand: []uint32{99}}}},
	} {
		f, err := g.Follow(1, nil, h.View(1))
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Told(bytesOf(t, e)); err == nil || !strings.Contains(err.Error(), "no kind of tile") {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(f.View(), h.View(1)) {
			t.Errorf("%s has changed the view", name)
		}
	}
	view.Hand[2] = 27
	if _, err := g.Follow(1, nil, bytesOf(t, view)); err == nil {
		t.Error("a view with an id is followed")
	}
}
