package mahjong

// Wins and their payments, and the end of the hand.

// drawWin returns what it is worth to a seat that can win by the tile just drawn, or by the dealer's first
// fourteen, to do so: the tile, the score, what each payer owes, and who pays.
func (h *Hand) drawWin(i int) (t Tile, score Score, points int, payers []payment) {
	s := &h.seats[i]
	t = h.turn.drawn
	ctx := CtxZimo
	switch {
	case h.turn.opening:
		t = s.tiles.highest()
		ctx |= CtxTianHu
	case h.turn.first && !h.called && i != h.deal.Dealer && s.wins == 0:
		ctx |= CtxDiHu
	}
	if h.turn.replacement {
		ctx |= CtxGangShangHua
	}
	if h.wall() == 0 {
		ctx |= CtxHaiDiLaoYue
	}
	shape := s.shape()
	score, _ = shape.Best(&h.rules, ctx) // hu was offered, so it wins

	points = h.rules.Base << score.Fan
	feeder := h.feeder()
	if feeder >= 0 && h.rules.DianGangHua == huaDianpao {
		return t, score, points, []payment{{feeder, points}}
	}
	if h.rules.Zimo == zimoDi {
		points += h.rules.Base
	}
	return t, score, points, h.everyoneElse(i, points)
}

// selfDraw wins by the tile just drawn, or by the dealer's first fourteen.
func (h *Hand) selfDraw(i int) {
	s := &h.seats[i]
	t, score, points, payers := h.drawWin(i)
	if h.next, s.wins = h.firstWinner(i), s.wins+1; h.rules.xueliu() {
		s.remove(t)
	}
	h.recordWin(Win{Seat: i, From: i, Tile: t, How: Zimo, Score: score, Points: points})
	for _, p := range payers {
		h.pay(WhyHu, p.from, i, p.points)
	}
	h.afterWin(i)
}

// feeder returns the seat that fed the zhi-gang whose replacement was just drawn, else -1.
func (h *Hand) feeder() int {
	if h.turn.gang < 0 {
		return -1
	}
	return h.gangs[h.turn.gang].from
}

// firstWinner returns the next dealer: candidate if this win is the first of the hand.
func (h *Hand) firstWinner(candidate int) int {
	if len(h.wins) > 0 {
		return h.next
	}
	return candidate
}

// winByClaim lets the winners, in play order, win by the tile of the window.
func (h *Hand) winByClaim(w *window, winners []int) {
	from, how := h.turn.seat, Dianpao
	if h.phase == PhaseRob {
		how = Qianggang
		h.seats[from].remove(w.tile)
	} else {
		h.claimRiver(winners[0])
	}
	if len(winners) > 1 {
		h.next = h.firstWinner(from)
	} else {
		h.next = h.firstWinner(winners[0])
	}
	for _, i := range winners {
		points := h.rules.Base << w.scores[i].Fan
		h.seats[i].wins++
		h.recordWin(Win{Seat: i, From: from, Tile: w.tile, How: how, Score: w.scores[i], Points: points})
		h.pay(WhyHu, from, i, points)
	}
	if how == Dianpao {
		h.moveGangMoney(from, winners)
	}
	h.afterWin(winners[len(winners)-1])
}

func (h *Hand) recordWin(w Win) {
	h.wins = append(h.wins, w)
	e := newEvent(EventHu, w.Seat)
	e.From, e.Tile, e.Win = w.From, w.Tile, &w
	if hand := h.shownHand(w.Seat); hand != nil {
		e.Shown = new(Shown)
		e.Shown.Hands[w.Seat] = hand
	}
	h.emit(e)
}

// moveGangMoney passes on the money of the gang before a discard that is won on, or of all gangs of
// that seat. Money that was moved is not refunded at the end of the wall. Where gangs are paid at the
// end, these are paid now, because their money belongs to winners; what would only go back is never
// paid.
func (h *Hand) moveGangMoney(from int, winners []int) {
	if !h.turn.replacement || h.turn.gang < 0 || h.rules.Transfer == optionNone {
		return
	}
	total := 0
	for n := range h.gangs {
		if g := &h.gangs[n]; n == h.turn.gang || h.rules.TransferAll && g.seat == from && !g.moved {
			g.moved = true
			total += h.releaseGang(g)
		}
	}
	for n, i := range winners {
		share := total / len(winners)
		if n < total%len(winners) {
			share++
		}
		h.pay(WhyTransfer, from, i, share)
	}
}

// releaseGang returns how much of a gang's money the winners share. What goes back to its payers goes
// at once.
func (h *Hand) releaseGang(g *gang) (total int) {
	switch {
	case h.rules.Transfer == transferRefund && h.rules.GangReady:
		return 0
	case h.rules.Transfer == transferRefund:
		for _, p := range g.payments {
			h.pay(WhyTransfer, g.seat, p.from, p.points)
		}
		return 0
	case h.rules.GangReady:
		h.payGang(g)
	}
	for _, p := range g.payments {
		total += p.points
	}
	return total
}

// afterWin passes the turn on from seat i unless the hand has ended.
func (h *Hand) afterWin(i int) {
	h.dropBankrupt()
	if !h.ended() {
		h.advance(i)
	}
}

// ended ends the hand if fewer than two seats are left to play, and reports whether it did.
func (h *Hand) ended() bool {
	playing, won := 0, 0
	for i := range h.seats {
		if h.plays(i) {
			playing++
		}
		if h.seats[i].wins > 0 {
			won++
		}
	}
	switch {
	case playing > 1:
		return false
	case won == 3 && !h.rules.xueliu():
		h.endEarly(ThreeWon)
	default:
		h.endEarly(OneLeft)
	}
	return true
}

// endEarly ends a hand before its wall runs out: only gangs may still have to be paid.
func (h *Hand) endEarly(why Reason) {
	e := h.finish(why, [Seats]Status{})
	if h.rules.GangReady {
		var status [Seats]Status
		for i := range h.seats {
			status[i], _ = h.classify(i)
		}
		h.payGangs(status)
		h.tellScores(e)
	}
}

// endWall settles a hand whose wall has run out.
func (h *Hand) endWall() {
	var status [Seats]Status
	var ready [Seats]int // capped fan of the best wait
	for i := range h.seats {
		status[i], ready[i] = h.classify(i)
	}
	e := h.finish(WallEmpty, status)
	h.events++ // the check that follows the end
	h.payPigs(status)
	if h.rules.GangReady {
		h.payGangs(status)
	} else {
		h.refundGangs(status)
	}
	h.payReady(status, ready)
	h.tellScores(e)
}

// tellScores updates the scores of the end after its payments.
func (h *Hand) tellScores(e *Event) {
	h.end.Scores = h.scores()
	*e.End = *h.end
}

func (h *Hand) classify(i int) (Status, int) {
	s := &h.seats[i]
	if s.wins > 0 {
		return Won, 0
	}
	if s.left {
		return Out, 0
	}
	if s.holdsVoid() {
		return Pig, 0
	}
	shape := s.shape()
	if fan, ok := shape.BestWait(&h.rules, shape.Waits()); ok {
		return Ready, fan
	}
	return NotReady, 0
}

// finish ends the hand.
func (h *Hand) finish(why Reason, status [Seats]Status) *Event {
	h.phase = PhaseEnd
	h.turn = turn{seat: -1, drawn: NoTile, gang: -1}
	end := End{Reason: why, Status: status, Scores: h.scores(), NextDealer: h.next}
	h.end = &end
	told := end // the event belongs to its receiver
	e := newEvent(EventEnd, -1)
	e.End, e.Shown = &told, &Shown{Hands: h.hands()}
	for i := range h.seats {
		e.Shown.Melds[i] = cloneMelds(h.seats[i].melds)
	}
	return h.emit(e)
}

func (h *Hand) scores() (scores [Seats]int) {
	for i := range h.seats {
		scores[i] = h.seats[i].score
	}
	return scores
}

// fromDealer returns the seats in play order from the dealer.
func (h *Hand) fromDealer() (order [Seats]int) {
	for d := range order {
		order[d] = (h.deal.Dealer + d) % Seats
	}
	return order
}

// fanWithoutCap is what a pig pays if there is no cap.
const fanWithoutCap = 5

// payPigs makes each pig pay the highest win to all seats that are not pigs. In Xuezhan winners
// have left; in Xueliu they are paid too.
func (h *Hand) payPigs(status [Seats]Status) {
	if !h.rules.HuaZhu {
		return
	}
	fan := h.rules.Cap
	if fan == 0 {
		fan = fanWithoutCap
	}
	for _, i := range h.fromDealer() {
		if status[i] != Pig {
			continue
		}
		for _, j := range h.fromDealer() {
			if status[j] != Pig && h.plays(j) {
				h.pay(WhyHuaZhu, i, j, h.rules.Base<<fan)
			}
		}
	}
}

// refundGangs makes seats that are not ready return the gang money that they kept, in the order in
// which the gangs were made.
func (h *Hand) refundGangs(status [Seats]Status) {
	if !h.rules.TuiShui {
		return
	}
	for _, g := range h.gangs {
		if s := status[g.seat]; g.moved || s != Pig && s != NotReady {
			continue
		}
		for _, p := range g.payments {
			h.pay(WhyTuiShui, g.seat, p.from, p.points)
		}
	}
}

// payGangs pays the gangs of seats that have won or are ready, in the order in which they were made.
// Who owes has been settled with the gang, so that winners who have left since then pay too.
func (h *Hand) payGangs(status [Seats]Status) {
	for i := range h.gangs {
		if g := &h.gangs[i]; !g.moved && (status[g.seat] == Won || status[g.seat] == Ready) {
			h.payGang(g)
		}
	}
}

// payReady makes seats that are not ready pay those that are, by the best wait. A pig has already
// paid, unless pigs do not pay.
func (h *Hand) payReady(status [Seats]Status, ready [Seats]int) {
	if !h.rules.DaJiao {
		return
	}
	for _, i := range h.fromDealer() {
		if status[i] != NotReady && (status[i] != Pig || h.rules.HuaZhu) {
			continue
		}
		for _, j := range h.fromDealer() {
			if status[j] == Ready {
				h.pay(WhyDaJiao, i, j, h.rules.Base<<ready[j])
			}
		}
	}
}
