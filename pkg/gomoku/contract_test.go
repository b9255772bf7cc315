package gomoku

import (
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game/gametest"
	"teahouse/pkg/gomoku/gomokupb"
)

func TestContract(t *testing.T) {
	gametest.Run(t, New(), gametest.Config{
		Legal: legal, Open: true, OptionsFile: "options.json",
		Bounds: gametest.Bounds{Prompt: 1, Event: 80, View: 4 << 10, Snapshot: 1 << 10, Move: 10, Events: 2, Acts: maxSize * maxSize},
	})
}

// legal is every free point, and to resign.
func legal(_, view, _ []byte, _ *rand.Rand) ([][]byte, error) {
	var v gomokupb.View
	if err := proto.Unmarshal(view, &v); err != nil {
		return nil, err
	}
	b := newBoard(int(v.Size))
	for _, p := range v.Stones {
		b.place(int(p.Y)*b.size + int(p.X))
	}
	moves := [][]byte{marshal(&gomokupb.Move{Answer: &gomokupb.Move_Resign{}})}
	for p, s := range b.points {
		if s == none {
			moves = append(moves, at(p%b.size, p/b.size))
		}
	}
	return moves, nil
}
