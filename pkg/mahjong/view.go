package mahjong

// Spectator is the viewer who sees only what is public.
const Spectator = -1

// Phase is the stage of a hand.
type Phase uint8

// The phases.
const (
	PhaseSwap Phase = iota + 1
	PhaseVoid
	PhaseTurn
	PhaseClaim // a discard may be claimed
	PhaseRob   // a bu-gang is declared
	PhaseEnd
)

var phaseNames = [...]string{"", "swap", "void", "turn", "claim", "rob", "end"}

// String returns the name of a phase.
func (p Phase) String() string {
	if int(p) < len(phaseNames) && p > 0 {
		return phaseNames[p]
	}
	return "unknown"
}

// View is everything that one viewer may know of a hand at a moment.
type View struct {
	Seat    int // the viewer's seat, or Spectator
	Dealer  int
	Phase   Phase
	Turn    int  // whose turn it is, or whose tile may be claimed; -1 before and after play
	Open    Tile // the tile that may be claimed or robbed; else NoTile
	Wall    int  // tiles left
	SwapDir int  // 0 before the swap, or without one

	// The viewer's own; empty for a spectator.
	Hand     []Tile // concealed tiles, ascending
	Drawn    Tile   // the tile just drawn, while it is the viewer's turn; else NoTile
	Given    []Tile // the three chosen for the swap
	Received []Tile // those received in the swap
	Void     Suit   // the own choice, even before it is revealed
	Prompt   Prompt

	Seats [Seats]SeatView
	End   *End // after the hand
}

// SeatView is what a viewer may know of one seat.
type SeatView struct {
	Concealed int // number of concealed tiles
	Melds     []Meld
	River     []RiverTile
	Void      Suit // NoSuit until all have chosen
	Out       bool // has won, or has nothing left to lose, and left play
	Locked    bool // has won and plays on with a fixed hand
	Wins      []Win
	Score     int
	Hand      []Tile // concealed tiles: every seat's after the hand; before, a winner's if winners are shown; else nil
}

// RiverTile is a discard.
type RiverTile struct {
	Tile Tile
	// Claimer is who made a meld of the tile or won by it (the first of several winners); -1 if it
	// is still in the river.
	Claimer int
}
