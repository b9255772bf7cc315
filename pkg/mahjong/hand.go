package mahjong

// Hand is one deal in progress, with everything that is hidden from players. It is not safe for
// concurrent use. Make one with New or UnmarshalBinary.
type Hand struct {
	rules Rules
	deal  Deal
	log   []byte // the commands so far, encoded: together with rules and deal, the whole state

	phase  Phase
	pos    int // next tile of the wall
	seats  [Seats]seat
	asked  [Seats]question
	serial uint32 // of the newest prompt
	turn   turn
	window window

	gangs  []gang
	called bool // somebody has made a peng or gang
	wins   []Win
	items  []Item
	events int // counted like Item.Event
	next   int // next dealer
	end    *End

	out []Event // events of the command being applied
}

// seat is the full state of one seat.
type seat struct {
	tiles  tileSet // concealed, the drawn one included
	counts Counts  // of tiles
	melds  []Meld
	shapes []MeldShape // of melds
	river  []RiverTile
	void   Suit

	given, received []Tile
	lock            int8    // least capped fan that is no longer enough to win by a claim; else noLock
	passed          KindSet // kinds that may not be won by a claim
	drawn           bool    // has drawn in this hand
	wins            int
	score           int
	left            bool // has gone bankrupt and is out
}

const noLock int8 = -1

// turn is the state of the turn of one seat.
type turn struct {
	seat        int
	drawn       Tile // NoTile after a peng and at the dealer's start
	replacement bool // drawn replaces a gang's tile
	first       bool // drawn is the first one of the seat in this hand
	opening     bool // the dealer's start
	afterPeng   bool // only a discard is allowed
	gang        int  // newest gang of this turn, index in gangs; -1 = none
}

// New begins a hand. It returns an error if the rules or the deal are not valid.
func New(rules Rules, deal Deal) (*Hand, error) {
	if err := rules.Validate(); err != nil {
		return nil, err
	}
	if err := deal.validate(); err != nil {
		return nil, err
	}
	h := &Hand{rules: rules, deal: deal, next: deal.Dealer, events: 1}
	h.log = make([]byte, 0, 256) // few hands need more
	for i := range h.seats {
		h.seats[i].void = NoSuit
		h.seats[i].lock = noLock
	}
	for range 3 {
		for i := range Seats {
			h.take(i, 4)
		}
	}
	for i := range Seats {
		h.take(i, 1)
	}
	h.take(0, 1)
	if rules.Swap {
		h.phase = PhaseSwap
		h.askAll(PromptSwap)
	} else {
		h.startVoid()
	}
	return h, nil
}

// take deals n tiles to the i-th seat after the dealer.
func (h *Hand) take(i, n int) {
	s := &h.seats[(h.deal.Dealer+i)%Seats]
	for _, t := range h.deal.Wall[h.pos : h.pos+n] {
		s.add(t)
	}
	h.pos += n
}

// Rules returns the rule set of the hand.
func (h *Hand) Rules() Rules { return h.rules }

// Finished reports whether the hand has ended.
func (h *Hand) Finished() bool { return h.phase == PhaseEnd }

// Opening returns the event of the deal. Call it before the first command; later the dealt tiles
// are no longer available and the event lacks them.
func (h *Hand) Opening() Event {
	e := newEvent(EventDeal, h.deal.Dealer)
	if len(h.log) == 0 {
		e.Shown = &Shown{Hands: h.hands()}
	}
	return e
}

// Apply takes one command. It returns the events that it caused, in order, or an error, in which
// case nothing has changed.
func (h *Hand) Apply(c Command) ([]Event, error) {
	if err := h.apply(c); err != nil {
		return nil, err
	}
	out := h.out
	h.out = nil
	return out, nil
}

// apply is Apply, but leaves the events in h.out.
func (h *Hand) apply(c Command) error {
	if h.Finished() {
		return ErrFinished
	}
	if c.Action == 0 || int(c.Action) >= len(actionNames) {
		return ErrUnknownAction
	}
	do := c
	if c.Action != ActRelease {
		if c.Seat < 0 || c.Seat >= Seats {
			return ErrNoSeat
		}
		if h.asked[c.Seat].serial == 0 {
			return ErrNotYourPrompt
		}
		if c.Action == ActTimeout {
			do = h.timeout(c.Seat)
		}
	}
	if err := h.execute(do); err != nil {
		return err
	}
	h.log = appendCommand(h.log, c)
	return nil
}

// execute validates a command before it changes anything.
func (h *Hand) execute(c Command) error {
	if c.Action == ActRelease {
		return h.release()
	}
	switch h.asked[c.Seat].kind {
	case PromptSwap:
		return h.chooseSwap(c)
	case PromptVoid:
		return h.chooseVoid(c)
	case PromptTurn:
		return h.playTurn(c)
	default:
		return h.answerWindow(c)
	}
}

// Result returns the outcome, and false until the hand has ended.
func (h *Hand) Result() (Result, bool) {
	if h.end == nil {
		return Result{}, false
	}
	r := Result{End: *h.end, Items: clone(h.items), Wins: clone(h.wins), Hands: h.hands()}
	for i := range h.seats {
		r.Melds[i] = cloneMelds(h.seats[i].melds)
	}
	return r, true
}

func (h *Hand) wall() int { return NumTiles - h.pos }

// plays reports whether a seat is still in play. In Xueliu winners never leave.
func (h *Hand) plays(i int) bool {
	return !h.seats[i].left && (h.seats[i].wins == 0 || h.rules.xueliu())
}

// locked reports whether a seat plays on with a fixed hand after a win.
func (h *Hand) locked(i int) bool { return h.seats[i].wins > 0 && h.rules.xueliu() }

// after returns the next seat in play order that is still in play.
func (h *Hand) after(i int) int {
	for d := 1; d < Seats; d++ {
		if j := (i + d) % Seats; h.plays(j) {
			return j
		}
	}
	return i
}

// emit records an event. Recorded hands contain neither secret answers nor bankruptcies, so these
// are not counted.
func (h *Hand) emit(e Event) *Event {
	if e.Kind != EventAnswered && e.Kind != EventLeave {
		h.events++
	}
	if h.out == nil {
		h.out = make([]Event, 0, 2) // most commands cause no more
	}
	h.out = append(h.out, e)
	return &h.out[len(h.out)-1]
}

// pay moves points, or as many as the payer has, and returns how many. The item belongs to the
// newest event.
func (h *Hand) pay(why Why, from, to, points int) int {
	points = h.payable(from, points)
	if points == 0 {
		return 0
	}
	item := Item{Why: why, From: from, To: to, Points: points, Event: h.events - 1}
	h.seats[from].score -= points
	h.seats[to].score += points
	h.items = append(h.items, item)
	e := &h.out[len(h.out)-1]
	e.Items = append(e.Items, item)
	return points
}

// payable returns how much of a debt the payer has.
func (h *Hand) payable(from, points int) int {
	if h.rules.Bankrupt != optionNone {
		return min(points, h.balance(from))
	}
	return points
}

func (h *Hand) balance(i int) int { return h.rules.Balances[i] + h.seats[i].score }

// dropBankrupt takes seats that have nothing left out of play. It is called after all payments of
// an event, so that they are made in order whoever runs out of points on the way.
func (h *Hand) dropBankrupt() {
	if h.rules.Bankrupt != bankruptLeave {
		return
	}
	for i := range h.seats {
		if h.plays(i) && h.balance(i) == 0 {
			h.seats[i].left = true
			h.emit(newEvent(EventLeave, i))
		}
	}
}

func (h *Hand) hands() (hands [Seats][]Tile) {
	for i := range h.seats {
		hands[i] = h.seats[i].tiles.tiles()
	}
	return hands
}

func (s *seat) add(t Tile) {
	s.tiles.add(t)
	s.counts[t.Kind()]++
}

func (s *seat) remove(t Tile) {
	s.tiles.remove(t)
	s.counts[t.Kind()]--
}

// takeKind removes the n lowest tiles of a kind and returns them.
func (s *seat) takeKind(k Kind, n int) []Tile {
	s.counts[k] -= uint8(n)
	return s.tiles.takeKind(k, n)
}

// unlock forgets passed wins.
func (s *seat) unlock() { s.lock, s.passed = noLock, 0 }

func (s *seat) addMeld(m Meld) {
	s.melds = append(s.melds, m)
	s.shapes = append(s.shapes, MeldShape{m.Type, m.Kind})
}

// shape is the hand as it is now.
func (s *seat) shape() Shape {
	return Shape{Concealed: s.counts, Melds: s.shapes, Void: s.void}
}

// holdsVoid reports whether the hand has a tile of its void suit.
func (s *seat) holdsVoid() bool { return s.void.Valid() && s.counts.InSuit(s.void) > 0 }
