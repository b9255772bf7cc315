package mahjong

// question is the open prompt of a seat; serial 0 = none.
type question struct {
	serial uint32
	kind   PromptKind
	offer  offer
}

// offer is the exact set of legal answers, besides the ones that the kind always has.
type offer struct {
	hu, gang, peng bool
	an, bu         KindSet
	discard        tileSet
}

func (o *offer) claims() bool { return o.hu || o.gang || o.peng }

func (h *Hand) ask(i int, kind PromptKind, o offer) {
	h.serial++
	h.asked[i] = question{serial: h.serial, kind: kind, offer: o}
}

func (h *Hand) askAll(kind PromptKind) {
	for i := range Seats {
		h.ask(i, kind, offer{})
	}
}

// anyAsked reports whether a prompt is open.
func (h *Hand) anyAsked() bool {
	for i := range h.asked {
		if h.asked[i].serial != 0 {
			return true
		}
	}
	return false
}

// answered closes a seat's prompt with an answer that only the seat itself may know.
func (h *Hand) answered(c Command) {
	h.asked[c.Seat] = question{}
	e := newEvent(EventAnswered, c.Seat)
	e.Answer = c
	h.emit(e)
}

// Prompt returns the open prompt of a seat, with Serial 0 if there is none.
func (h *Hand) Prompt(i int) Prompt {
	p := Prompt{Tile: NoTile, From: -1}
	if i < 0 || i >= Seats || h.asked[i].serial == 0 {
		return p
	}
	q := &h.asked[i]
	p.Serial, p.Kind = q.serial, q.kind
	p.Hu, p.Gang, p.Peng = q.offer.hu, q.offer.gang, q.offer.peng
	switch q.kind {
	case PromptTurn:
		p.An, p.Bu = q.offer.an.Kinds(), q.offer.bu.Kinds()
		p.Discard, p.Locked = q.offer.discard.tiles(), h.locked(i)
	case PromptClaim, PromptRob:
		p.Tile, p.From = h.window.tile, h.turn.seat
	}
	return p
}
