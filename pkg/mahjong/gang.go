package mahjong

// gang is a completed gang and the money it brought, or will bring.
type gang struct {
	seat     int
	from     int // who fed a zhi-gang, else -1
	why      Why
	payments []payment // what was really paid, if it is paid
	moved    bool      // the money was passed on with the discard after the gang
}

type payment struct{ from, points int }

func (h *Hand) anGang(i int, k Kind) {
	// From a hand that lies open everybody sees the tiles go.
	hidden := h.rules.HideAnGang && h.shownHand(i) == nil
	tiles := h.seats[i].takeKind(k, 4)
	meld := Meld{Type: AnGang, Kind: k, From: -1, Tiles: tiles, Hidden: hidden}
	h.seats[i].addMeld(meld)
	h.finishGang(i, meld, h.anGangMoney(i))
}

// anGangMoney returns who owes what for an an-gang of a seat.
func (h *Hand) anGangMoney(i int) []payment { return h.everyoneElse(i, 2*h.rules.Base) }

// buGangMoney returns who owes what for a bu-gang of a seat.
func (h *Hand) buGangMoney(i int, k Kind) []payment {
	if h.justDrawn(k) || h.rules.LateBuGang == latePay {
		return h.everyoneElse(i, h.rules.Base)
	}
	return nil
}

// zhiGangMoney returns who owes what for a zhi-gang of a seat, fed by another one.
func (h *Hand) zhiGangMoney(i, from int) []payment {
	owed := []payment{{from, 2 * h.rules.Base}}
	if h.rules.CaGua {
		for _, p := range h.everyoneElse(i, h.rules.Base) {
			if p.from != from {
				owed = append(owed, p)
			}
		}
	}
	return owed
}

// declareBuGang opens the window in which the fourth tile may be robbed. The tile is visible from
// now on, but stays in the hand until the window has closed.
func (h *Hand) declareBuGang(i int, k Kind) {
	t := Tile(k * 4)
	for !h.seats[i].tiles.has(t) {
		t++
	}
	e := newEvent(EventBuGang, i)
	e.Tile = t
	h.emit(e)
	h.openRob(t)
}

func (h *Hand) buGang(i int, t Tile) {
	s, k := &h.seats[i], t.Kind()
	s.remove(t)
	at := s.meldOf(k)
	m := &s.melds[at]
	m.Type, m.Tiles = BuGang, fourOf(k)
	s.shapes[at].Type = BuGang
	h.finishGang(i, *m, h.buGangMoney(i, k))
}

func (h *Hand) zhiGang(i, from int, t Tile) {
	s := &h.seats[i]
	s.takeKind(t.Kind(), 3)
	meld := Meld{Type: ZhiGang, Kind: t.Kind(), From: from, Tiles: fourOf(t.Kind())}
	s.addMeld(meld)
	h.finishGang(i, meld, h.zhiGangMoney(i, from))
}

// finishGang pays for a completed gang, unless that waits for the end, and draws the replacement.
func (h *Hand) finishGang(i int, m Meld, paid []payment) {
	g := gang{seat: i, from: -1, why: WhyGangAn, payments: paid}
	e := newEvent(EventGang, i)
	if m.Type == ZhiGang {
		g.from, e.From = m.From, m.From
	}
	e.Meld = cloneMeld(m)
	h.emit(e)
	switch m.Type {
	case ZhiGang:
		g.why = WhyGangZhi
	case BuGang:
		g.why = WhyGangBu
	}
	if !h.rules.GangReady {
		h.payGang(&g)
	}
	h.called = true
	h.seats[i].unlock()
	h.gangs = append(h.gangs, g)
	h.dropBankrupt()
	if !h.ended() {
		h.drawReplacement(i, len(h.gangs)-1)
	}
}

// payGang makes the payments of a gang and notes how much was really paid: no more moves on, or goes
// back.
func (h *Hand) payGang(g *gang) {
	for n, p := range g.payments {
		g.payments[n].points = h.pay(g.why, p.from, g.seat, p.points)
	}
}

// everyoneElse returns a payment by each other seat in play.
func (h *Hand) everyoneElse(i, points int) []payment {
	paid := make([]payment, 0, Seats-1)
	for j := range Seats {
		if j != i && h.plays(j) {
			paid = append(paid, payment{j, points})
		}
	}
	return paid
}

func fourOf(k Kind) []Tile {
	t := Tile(k * 4)
	return []Tile{t, t + 1, t + 2, t + 3}
}
