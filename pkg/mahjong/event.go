package mahjong

// EventKind says what happened.
type EventKind uint8

// The events of a hand, and the fields that each one uses.
const (
	EventDeal     EventKind = iota + 1 // Seat dealer, Shown.Hands
	EventAnswered                      // Seat, Answer: a choice that is still secret
	EventSwap                          // Dir, Shown: Given, Received, Hands afterwards
	EventVoid                          // Suits
	EventDraw                          // Seat, Tile, Replacement
	EventDiscard                       // Seat, Tile
	EventPeng                          // Seat, From, Tile, Meld
	EventBuGang                        // Seat, Tile: declared, may still be robbed
	EventGang                          // Seat, From (zhi, else -1), Meld, Items
	EventHu                            // Seat, From (itself at a self-draw), Win, Items; Shown.Hands of the winner if winners are shown
	EventEnd                           // End, Shown: Hands, Melds; Items
	EventLeave                         // Seat: has nothing left to lose and is out
)

var eventNames = [...]string{"", "deal", "answered", "swap", "void", "draw", "discard", "peng", "bugang", "gang", "hu", "end", "leave"}

// String returns the name of an event kind.
func (k EventKind) String() string {
	if int(k) < len(eventNames) && k > 0 {
		return eventNames[k]
	}
	return "unknown"
}

// Event is something that happened, with all hidden tiles. Unused seats are -1, unused tiles
// NoTile. Slices are the receiver's own.
type Event struct {
	Kind        EventKind
	Seat        int
	From        int
	Tile        Tile
	Replacement bool    // a draw after a gang
	Answer      Command // what the seat chose or, after a timeout, what was chosen for it
	Dir         int     // swap direction 1..3

	Suits [Seats]Suit // void suits

	Meld  *Meld
	Win   *Win
	End   *End
	Items []Item // the points that this event moved, in order
	Shown *Shown // at the deal, the swap, the end, and a win whose tiles are shown; else nil
}

// Shown is what an event shows of several seats. The tiles are nil if they are hidden from the
// viewer, and if the event shows none.
type Shown struct {
	Hands           [Seats][]Tile // concealed tiles, ascending
	Given, Received [Seats][]Tile // of the swap
	Melds           [Seats][]Meld // at the end, when none of them is hidden any more
}

// MeldKind is the kind of an open set.
type MeldKind uint8

// The melds.
const (
	Peng MeldKind = iota + 1
	ZhiGang
	BuGang
	AnGang
)

var meldNames = [...]string{"", "peng", "zhi", "bu", "an"}

// String returns the name of a meld kind, as recorded hands write it.
func (k MeldKind) String() string {
	if int(k) < len(meldNames) && k > 0 {
		return meldNames[k]
	}
	return "unknown"
}

// Meld is a set that lies open on the table.
type Meld struct {
	Type  MeldKind
	Kind  Kind   // NoKind where it is hidden from the viewer
	From  int    // who fed it; -1 for an an-gang
	Tiles []Tile // ascending; a peng's three, a gang's four; nil where they are hidden
	// Hidden says that until the end of the hand only the seat itself may know which
	// tiles they are.
	Hidden bool
}

// closed returns the meld as others see it.
func (m Meld) closed() Meld {
	if m.Hidden {
		m.Kind, m.Tiles = NoKind, nil
	}
	return m
}

// Why says what moved points.
type Why uint8

// The reasons of score items.
const (
	WhyHu Why = iota + 1
	WhyGangZhi
	WhyGangBu
	WhyGangAn
	WhyTransfer // gang money that a fed winner takes over
	WhyHuaZhu   // a pig pays
	WhyTuiShui  // gang money given back
	WhyDaJiao   // seats that are not ready pay those that are
)

var whyNames = [...]string{"", "hu", "gang_zhi", "gang_bu", "gang_an", "transfer", "huazhu", "tuishui", "dajiao"}

// String returns the name of a reason, as recorded hands write it.
func (w Why) String() string {
	if int(w) < len(whyNames) && w > 0 {
		return whyNames[w]
	}
	return "unknown"
}

// Item is one movement of points.
type Item struct {
	Why      Why
	From, To int
	Points   int // always positive
	// Event is the number, within the hand, of the event that caused it: the deal is 0, secret
	// answers do not count, and the end of a wall counts twice (the end, then the check of who was
	// ready, which the items of the settlement name).
	Event int
}

// Win is one win.
type Win struct {
	Seat, From int
	Tile       Tile
	How        How
	Score      Score
	Points     int // what each payer owes for it, including the self-draw bonus
}

// How is the way in which a hand was won.
type How uint8

// The ways to win.
const (
	Zimo      How = iota + 1 // self-draw
	Dianpao                  // on a discard
	Qianggang                // by robbing a bu-gang
)

var howNames = [...]string{"", "zimo", "dianpao", "qianggang"}

// String returns the name of a way to win, as recorded hands write it.
func (h How) String() string {
	if int(h) < len(howNames) && h > 0 {
		return howNames[h]
	}
	return "unknown"
}

// Reason says why a hand ended.
type Reason uint8

// The reasons.
const (
	ThreeWon Reason = iota + 1
	WallEmpty
	OneLeft // the others have won or have nothing left to lose
)

// String returns the name of a reason, as recorded hands write it.
func (r Reason) String() string {
	switch r {
	case ThreeWon:
		return "three_won"
	case WallEmpty:
		return "wall"
	case OneLeft:
		return "one_left"
	}
	return "unknown"
}

// Status is a seat's state when the wall ran out.
type Status uint8

// The statuses. StatusNone means that nothing was checked.
const (
	StatusNone Status = iota
	Won
	Pig
	Ready
	NotReady
	Out // went bankrupt and left without a win
)

var statusNames = [...]string{"none", "won", "pig", "ready", "notready", "out"}

// String returns the name of a status, as recorded hands write it.
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return "unknown"
}

// End is how a hand ended.
type End struct {
	Reason     Reason
	Status     [Seats]Status // StatusNone for all unless the wall ran out
	Scores     [Seats]int    // sum zero
	NextDealer int
}

// Result is the outcome of a finished hand.
type Result struct {
	End
	Items []Item
	Wins  []Win
	// Hands holds the concealed tiles left, ascending. A self-drawn winning tile is
	// among them in Xuezhan; a claimed one never is, and in Xueliu none is.
	Hands [Seats][]Tile
	Melds [Seats][]Meld
}
