package gomoku

// inRow is how many stones in a row win.
const inRow = 5

// stone is the content of a point.
type stone uint8

const (
	none stone = iota
	black
	white
)

func (s stone) other() stone { return black + white - s }

// board is a position. A point is y*size+x.
type board struct {
	size   int
	points []stone
	placed []int // in order; black begins
}

func newBoard(size int) *board {
	return &board{size: size, points: make([]stone, size*size)}
}

// next is the colour to move.
func (b *board) next() stone {
	if len(b.placed)%2 == 0 {
		return black
	}
	return white
}

func (b *board) full() bool { return len(b.placed) == len(b.points) }

// at is the stone at (x, y); none outside the board.
func (b *board) at(x, y int) stone {
	if !b.inside(x, y) {
		return none
	}
	return b.points[y*b.size+x]
}

func (b *board) inside(x, y int) bool { return x >= 0 && y >= 0 && x < b.size && y < b.size }

// place puts the next stone on a free point.
func (b *board) place(p int) {
	b.points[p] = b.next()
	b.placed = append(b.placed, p)
}

// directions of rows.
var directions = [...][2]int{{1, 0}, {0, 1}, {1, 1}, {1, -1}}

// row is the winning row through the last stone, in order, or nil.
func (b *board) row(exact bool) []int {
	if len(b.placed) == 0 {
		return nil
	}
	last := b.placed[len(b.placed)-1]
	x, y, own := last%b.size, last/b.size, b.points[last]
	for _, d := range directions {
		for b.at(x-d[0], y-d[1]) == own {
			x, y = x-d[0], y-d[1]
		}
		var line []int
		for ; b.at(x, y) == own; x, y = x+d[0], y+d[1] {
			line = append(line, y*b.size+x)
		}
		if len(line) == inRow || len(line) > inRow && !exact {
			return line
		}
		x, y = last%b.size, last/b.size
	}
	return nil
}
