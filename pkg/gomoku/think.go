package gomoku

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/gomoku/gomokupb"
)

// Think plays the point that is worth most to either side, at every strength.
func (gomoku) Think(_, view, _ []byte, _ game.Strength) ([]byte, error) {
	var v gomokupb.View
	if err := proto.Unmarshal(view, &v); err != nil {
		return nil, fmt.Errorf("gomoku: view: %w", err)
	}
	size := int(v.GetSize())
	if size < minSize || size > maxSize {
		return nil, fmt.Errorf("gomoku: view: a board of %d lines", size)
	}
	b := newBoard(size)
	for _, s := range v.GetStones() {
		x, y := int(s.GetX()), int(s.GetY())
		if !b.inside(x, y) || b.at(x, y) != none {
			return nil, fmt.Errorf("gomoku: view: a stone at %d,%d", x, y)
		}
		b.place(y*size + x)
	}
	if b.full() {
		return nil, errors.New("gomoku: view: the board is full")
	}
	at := best(b)
	return proto.Marshal(&gomokupb.Move{Answer: &gomokupb.Move_Place{
		Place: &gomokupb.Point{X: uint32(at % size), Y: uint32(at / size)},
	}})
}

// The worth of five points in a line to the side that adds a stone there, by the stones already on
// them, all of one side. Own fours come before theirs, theirs before own threes.
var (
	attack  = [inRow]int{1, 8, 60, 500, 100_000}
	defence = [inRow]int{0, 6, 50, 400, 20_000}
)

// best is the free point with the highest worth; of equals, the nearest to the middle, then the
// first. The board must not be full.
func best(b *board) int {
	own := b.next()
	at, most := -1, -1
	for p, s := range b.points {
		if s != none {
			continue
		}
		x, y := p%b.size, p/b.size
		worth := b.size - max(abs(2*x-b.size+1), abs(2*y-b.size+1))/2
		for _, d := range directions {
			for start := 1 - inRow; start <= 0; start++ {
				worth += 20 * b.line(x+start*d[0], y+start*d[1], d, own)
			}
		}
		if worth > most {
			at, most = p, worth
		}
	}
	return at
}

// line is the worth of one more stone on the five points starting at (x, y).
func (b *board) line(x, y int, d [2]int, own stone) int {
	if !b.inside(x, y) || !b.inside(x+(inRow-1)*d[0], y+(inRow-1)*d[1]) {
		return 0
	}
	var count [3]int
	for i := range inRow {
		count[b.at(x+i*d[0], y+i*d[1])]++
	}
	switch {
	case count[own.other()] == 0:
		return attack[count[own]]
	case count[own] == 0:
		return defence[count[own.other()]]
	}
	return 0
}

func abs(n int) int { return max(n, -n) }
