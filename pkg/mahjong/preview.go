package mahjong

// Preview says what an answer to an open question brings at once. The fan and the points are those that
// Apply gives; what cannot be known yet is left out: gang money that passes on to winners of a
// discard, since it is shared with others who win by it, and that a bu-gang may be robbed.
type Preview struct {
	Action Action // ActHu, ActGang, ActAnGang or ActBuGang
	Kind   Kind   // of a gang, or of the tile that is won by
	Score  Score  // of a win
	Pays   []Pays // who really pays what, in order; without those who have nothing
	Later  bool   // a gang's money is paid at the end, if the seat has won or is ready then
}

// Pays is a payment that an answer would bring.
type Pays struct{ From, Points int }

// Previews lists what the answers to a seat's open question bring, of those that bring anything.
func (h *Hand) Previews(i int) (all []Preview) {
	if i < 0 || i >= Seats {
		return nil
	}
	q := &h.asked[i]
	switch q.kind {
	case PromptTurn:
		if q.offer.hu {
			t, score, _, payers := h.drawWin(i)
			all = append(all, Preview{Action: ActHu, Kind: t.Kind(), Score: score, Pays: h.pays(payers)})
		}
		for _, k := range q.offer.an.Kinds() {
			all = append(all, h.previewGang(ActAnGang, k, h.anGangMoney(i)))
		}
		for _, k := range q.offer.bu.Kinds() {
			all = append(all, h.previewGang(ActBuGang, k, h.buGangMoney(i, k)))
		}
	case PromptClaim, PromptRob:
		k, from := h.window.tile.Kind(), h.turn.seat
		if q.offer.hu {
			score := h.window.scores[i]
			owed := []payment{{from, h.rules.Base << score.Fan}}
			all = append(all, Preview{Action: ActHu, Kind: k, Score: score, Pays: h.pays(owed)})
		}
		if q.offer.gang {
			all = append(all, h.previewGang(ActGang, k, h.zhiGangMoney(i, from)))
		}
	}
	return all
}

func (h *Hand) previewGang(a Action, k Kind, owed []payment) Preview {
	return Preview{Action: a, Kind: k, Pays: h.pays(owed), Later: h.rules.GangReady && len(owed) > 0}
}

// pays returns what the payers have of what they owe.
func (h *Hand) pays(owed []payment) (all []Pays) {
	for _, p := range owed {
		if points := h.payable(p.from, p.points); points > 0 {
			all = append(all, Pays{p.from, points})
		}
	}
	return all
}
