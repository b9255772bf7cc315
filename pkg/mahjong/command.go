package mahjong

import "errors"

// Action says what a Command does.
type Action uint8

// The actions. Gang claims a discard (zhi); AnGang and BuGang are for one's own turn.
const (
	ActSwap    Action = iota + 1 // Tiles: the three to give away
	ActVoid                      // Suit
	ActDiscard                   // Tile
	ActAnGang                    // Kind
	ActBuGang                    // Kind
	ActHu
	ActGang
	ActPeng
	ActPass
	ActTimeout // Seat's open prompt has timed out: the engine answers for it
	ActRelease // the least time of the open window is over; Seat is ignored
)

var actionNames = [...]string{"", "swap", "void", "discard", "an", "bu", "hu", "gang", "peng", "pass", "timeout", "release"}

// String returns the name of an action, as recorded hands write it.
func (a Action) String() string {
	if int(a) < len(actionNames) && a > 0 {
		return actionNames[a]
	}
	return "unknown"
}

// Command is one input of a hand. Fields that its Action does not name are ignored.
type Command struct {
	Action Action
	Seat   int
	Tiles  [3]Tile
	Tile   Tile
	Kind   Kind
	Suit   Suit
}

// The reasons for which Apply refuses a command. They tell the seat no more than its own view and
// prompt do.
var (
	ErrUnknownAction   = errors.New("mahjong: unknown action")
	ErrNoSeat          = errors.New("mahjong: no such seat")
	ErrFinished        = errors.New("mahjong: the hand is over")
	ErrNotYourPrompt   = errors.New("mahjong: the seat has no open prompt")
	ErrNotOffered      = errors.New("mahjong: the prompt does not offer this")
	ErrTileNotHeld     = errors.New("mahjong: the tile is not held")
	ErrSwapTiles       = errors.New("mahjong: the swap takes three different tiles, of one suit unless any go")
	ErrMustDiscardVoid = errors.New("mahjong: tiles of the void suit go first")
	ErrHandLocked      = errors.New("mahjong: after a win only the drawn tile may be discarded")
	ErrNotHolding      = errors.New("mahjong: no window waits for a release")
)

// Pick returns tiles of the given kinds as seat gives them away who names kinds only. Of each
// kind the tile just drawn goes first, as only that one may where the hand is locked, then the lowest. What the
// seat does not hold stands for itself: Apply refuses it.
func (h *Hand) Pick(seat int, kinds ...Kind) []Tile {
	var picked tileSet
	tiles := make([]Tile, len(kinds))
	for i, k := range kinds {
		tiles[i] = h.pick(seat, k, &picked)
		picked.add(tiles[i])
	}
	return tiles
}

// pick returns one tile that is not picked yet. There is one, unless all four are.
func (h *Hand) pick(seat int, k Kind, picked *tileSet) Tile {
	held := &h.seats[seat].tiles
	if t := h.turn.drawn; h.phase == PhaseTurn && h.turn.seat == seat && t != NoTile && t.Kind() == k && held.has(t) && !picked.has(t) {
		return t
	}
	best := NoTile
	for t := Tile(k) * 4; t < Tile(k)*4+4; t++ {
		if picked.has(t) {
			continue
		}
		if held.has(t) {
			return t
		}
		if best == NoTile {
			best = t
		}
	}
	return best
}
