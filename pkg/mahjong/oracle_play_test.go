package mahjong_test

import (
	"slices"

	"teahouse/pkg/mahjong"
)

// How the oracle plays: turns, windows, gangs and the end. Numbers refer to RULES.md.

func (o *oracle) begin() { // 4.1
	o.turn, o.tile, o.opening, o.lastGang = o.deal.Dealer, mahjong.NoTile, true, -1
	if o.settled() {
		return
	}
	if o.playing(o.turn) {
		o.mustWin()
	} else {
		o.pass(o.turn)
	}
}

// pass returns the turn to the next playing seat after i.
func (o *oracle) pass(i int) {
	if o.wall() == 0 {
		o.wallOut()
		return
	}
	for i = (i + 1) % 4; !o.playing(i); {
		i = (i + 1) % 4
	}
	o.draw(i, false, -1)
}

func (o *oracle) draw(i int, replaced bool, gang int) {
	s := &o.seat[i]
	o.turn, o.tile, o.replaced, o.lastGang = i, o.takeTile(), replaced, gang
	o.afterPeng, o.opening, o.firstDraw = false, false, !s.drew
	s.drew = true
	s.lock, s.passed = -1, map[mahjong.Kind]bool{} // 6.2
	o.give(i, o.tile)
	o.event++
	o.mustWin()
}

func (o *oracle) mustWin() { // 5.8
	if o.MustHuLast4 && o.wall() <= 4 && o.turnHu() {
		o.selfDraw()
	}
}

func (o *oracle) turnHu() bool {
	if o.afterPeng { // 4.2
		return false
	}
	_, ok := o.value(o.shape(o.turn), 0)
	return ok
}

// turnOffer returns what the seat whose turn it is may do.
func (o *oracle) turnOffer() (hu bool, an, bu []mahjong.Kind, discard []mahjong.Tile) {
	i := o.turn
	s := &o.seat[i]
	hu = o.turnHu()
	sameWaits := func(k mahjong.Kind, change func(*mahjong.Shape)) bool { // 13.4
		if !o.locked(i) {
			return true
		}
		if o.tile.Kind() != k {
			return false
		}
		before, after := o.shape(i), o.shape(i)
		before.Concealed[k]--
		change(&after)
		return slowWaits(before) == slowWaits(after)
	}
	if !o.afterPeng && o.wall() > 0 && (o.VoidCalls || !o.holdsVoid(i)) {
		for k := range mahjong.Kind(27) {
			if o.count(i, k) == 4 && k.Suit() != s.void && sameWaits(k, func(x *mahjong.Shape) {
				x.Concealed[k] = 0
				x.Melds = append(x.Melds, mahjong.MeldShape{Type: mahjong.AnGang, Kind: k})
			}) {
				an = append(an, k)
			}
			at := slices.Index(s.melds, mahjong.MeldShape{Type: mahjong.Peng, Kind: k})
			late := o.tile == mahjong.NoTile || o.tile.Kind() != k
			if at >= 0 && o.count(i, k) == 1 && !(late && o.LateBuGang == "forbid") && sameWaits(k, func(x *mahjong.Shape) {
				x.Concealed[k] = 0
				x.Melds[at].Type = mahjong.BuGang
			}) {
				bu = append(bu, k)
			}
		}
	}
	switch {
	case o.locked(i): // 13.2
		discard = []mahjong.Tile{o.tile}
	case o.holdsVoid(i): // 3.2
		for _, t := range s.hand {
			if t.Kind().Suit() == s.void {
				discard = append(discard, t)
			}
		}
	default:
		discard = slices.Clone(s.hand)
	}
	return hu, an, bu, discard
}

func (o *oracle) selfDraw() {
	i := o.turn
	s := &o.seat[i]
	extra := 0
	if o.Zimo == "fan" {
		extra++
	}
	if o.replaced {
		extra++
	}
	if o.wall() == 0 && o.HaiDi {
		extra++
	}
	if o.opening || o.firstDraw && !o.anyCall && i != o.deal.Dealer && s.wins == 0 {
		extra += o.TianDiHu
	}
	if o.MenQing && o.MenQingZimo && !hasOpenMeld(s.melds) {
		extra++
	}
	fan, _ := o.value(o.shape(i), extra)
	if o.xueliu() { // 13.2
		if o.opening {
			o.tile = slices.Max(s.hand)
		}
		o.drop(i, o.tile)
	}
	if !o.anyWin {
		o.next = i
	}
	var payers []int
	for j := range 4 {
		if j != i && o.playing(j) {
			payers = append(payers, j)
		}
	}
	points := o.Base << fan
	if o.lastGang >= 0 && o.gangs[o.lastGang].feeder >= 0 && o.DianGangHua == "dianpao" { // 7.6
		payers = []int{o.gangs[o.lastGang].feeder}
	} else if o.Zimo == "di" {
		points += o.Base
	}
	o.event++
	o.anyWin = true
	s.wins++
	for _, j := range payers {
		o.pay(mahjong.WhyHu, j, i, points)
	}
	if !o.settled() {
		o.pass(i)
	}
}

// openWindow offers a discard or a declared bu-gang to the others: 5.1, 7.4.
func (o *oracle) openWindow(t mahjong.Tile, rob bool) {
	o.open, o.rob, o.claimed, o.hold = true, rob, t, o.MinClaimMs > 0
	o.offers, o.answer = [4]oracleOffer{}, [4]mahjong.Action{}
	extra := 0
	if rob || o.replaced {
		extra++
	}
	if !rob && o.wall() == 0 && o.HaiDi {
		extra++
	}
	k := t.Kind()
	for i := range 4 {
		s := &o.seat[i]
		if i == o.turn || !o.playing(i) || k.Suit() == s.void || rob && !o.QiangGang {
			continue
		}
		var offer oracleOffer
		shape := o.shape(i)
		shape.Concealed[k]++
		fan, wins := o.value(shape, extra)
		switch o.PassLock {
		case "higher":
			wins = wins && fan > s.lock
		case "all":
			wins = wins && s.lock < 0
		case "same":
			wins = wins && !s.passed[k]
		}
		offer.hu, offer.fan = wins, fan
		if !rob && (o.VoidCalls || !o.holdsVoid(i)) {
			offer.peng = o.count(i, k) >= 2 && !o.locked(i)
			if offer.gang = o.count(i, k) == 3 && o.wall() > 0; offer.gang && o.locked(i) {
				after := o.shape(i)
				after.Concealed[k] = 0
				after.Melds = append(after.Melds, mahjong.MeldShape{Type: mahjong.ZhiGang, Kind: k})
				offer.gang = slowWaits(o.shape(i)) == slowWaits(after)
			}
		}
		if wins && o.MustHuLast4 && o.wall() <= 4 { // 5.8
			o.answer[i] = mahjong.ActHu
			offer.gang, offer.peng = false, false
		}
		o.offers[i] = offer
	}
	o.close()
}

func (o *oracle) asked(i int) bool {
	f := o.offers[i]
	return o.open && o.answer[i] == 0 && (f.hu || f.gang || f.peng)
}

// close decides the window once the missing answers no longer matter: 5.3-5.6.
func (o *oracle) close() {
	var winners []int
	meld, missing, missingHu := -1, false, false
	for d := 1; d < 4; d++ {
		i := (o.turn + d) % 4
		missing = missing || o.asked(i)
		missingHu = missingHu || o.asked(i) && o.offers[i].hu
		switch o.answer[i] {
		case mahjong.ActHu:
			winners = append(winners, i)
		case mahjong.ActGang, mahjong.ActPeng:
			meld = i
		}
	}
	if o.hold || missingHu || missing && len(winners) == 0 {
		return
	}
	o.open = false
	if len(winners) > 1 && !o.MultiHu {
		winners = winners[:1]
	}
	k, from := o.claimed.Kind(), o.turn
	for i := range 4 { // 6
		s := &o.seat[i]
		if !o.offers[i].hu || o.answer[i] == mahjong.ActHu {
			continue
		}
		switch o.PassLock {
		case "higher", "all":
			s.lock = max(s.lock, o.offers[i].fan)
		case "same":
			s.passed[k] = true
		}
	}
	switch {
	case len(winners) > 0:
		o.claimWins(winners)
	case o.rob:
		o.buGang()
	case meld < 0:
		o.pass(from)
	case o.answer[meld] == mahjong.ActPeng:
		s := &o.seat[meld]
		o.dropKind(meld, k, 2)
		s.melds = append(s.melds, mahjong.MeldShape{Type: mahjong.Peng, Kind: k})
		s.lock, s.passed = -1, map[mahjong.Kind]bool{}
		o.anyCall = true
		o.event++
		o.turn, o.tile, o.replaced, o.afterPeng, o.opening, o.lastGang = meld, mahjong.NoTile, false, true, false, -1
	default:
		o.dropKind(meld, k, 3)
		g := oracleGang{seat: meld, feeder: from, from: []int{from}, points: []int{2 * o.Base}}
		if o.CaGua {
			g = o.others(g, o.Base)
		}
		o.gang(g, mahjong.ZhiGang, k, mahjong.WhyGangZhi)
	}
}

func (o *oracle) claimWins(winners []int) {
	from := o.turn
	if o.rob {
		o.drop(from, o.claimed)
	}
	if !o.anyWin {
		if o.next = winners[0]; len(winners) > 1 {
			o.next = from
		}
	}
	o.anyWin = true
	for _, i := range winners {
		o.event++
		o.seat[i].wins++
		o.pay(mahjong.WhyHu, from, i, o.Base<<o.offers[i].fan)
	}
	if !o.rob && o.replaced && o.lastGang >= 0 && o.Transfer != "none" { // 7.5
		moving := []int{o.lastGang}
		for n := o.lastGang - 1; n >= 0 && o.TransferAll; n-- {
			if o.gangs[n].seat == from && !o.gangs[n].moved {
				moving = append(moving, n)
			}
		}
		slices.Sort(moving)
		total := 0
		for _, gang := range moving {
			g := &o.gangs[gang]
			g.moved = true
			unpaid := g.owed
			if g.owed = g.owed && o.Transfer == "transfer"; g.owed {
				o.collect(gang)
			}
			for n, payer := range g.from {
				total += g.points[n]
				if o.Transfer == "refund" && !unpaid {
					o.pay(mahjong.WhyTransfer, from, payer, g.points[n])
				}
			}
		}
		if o.Transfer == "transfer" {
			for n, i := range winners {
				share := total / len(winners)
				if n < total%len(winners) {
					share++
				}
				o.pay(mahjong.WhyTransfer, from, i, share)
			}
		}
	}
	if !o.settled() {
		o.pass(winners[len(winners)-1])
	}
}

// others adds a payment by every other seat in play that does not pay yet.
func (o *oracle) others(g oracleGang, points int) oracleGang {
	for j := range 4 {
		if j != g.seat && o.playing(j) && !slices.Contains(g.from, j) {
			g.from, g.points = append(g.from, j), append(g.points, points)
		}
	}
	return g
}

func (o *oracle) gang(g oracleGang, kind mahjong.MeldKind, k mahjong.Kind, why mahjong.Why) {
	s := &o.seat[g.seat]
	if at := slices.Index(s.melds, mahjong.MeldShape{Type: mahjong.Peng, Kind: k}); kind == mahjong.BuGang {
		s.melds[at].Type = kind
	} else {
		s.melds = append(s.melds, mahjong.MeldShape{Type: kind, Kind: k})
	}
	o.event++
	g.why, g.owed = why, true
	o.gangs = append(o.gangs, g)
	if !o.GangReady {
		o.collect(len(o.gangs) - 1)
	}
	o.anyCall = true
	if !o.settled() {
		o.draw(g.seat, true, len(o.gangs)-1)
	}
}

// collect pays a gang that is still owed.
func (o *oracle) collect(gang int) {
	g := &o.gangs[gang]
	for n := range g.from {
		if g.owed {
			g.points[n] = o.pay(g.why, g.from[n], g.seat, g.points[n])
		}
	}
	g.owed = false
}

// collectAll pays all owed gangs whose owners have won, or were not out and could still win.
func (o *oracle) collectAll() {
	for n, g := range o.gangs {
		i := g.seat
		waiting := !o.seat[i].out && slowWaits(o.shape(i)) != 0 && !o.holdsVoid(i)
		if o.seat[i].wins > 0 || waiting {
			o.collect(n)
		}
	}
}

func (o *oracle) buGang() {
	i, k := o.turn, o.claimed.Kind()
	o.drop(i, o.claimed)
	g := oracleGang{seat: i, feeder: -1}
	if o.LateBuGang == "pay" || o.tile != mahjong.NoTile && o.tile.Kind() == k { // 7.2
		g = o.others(g, o.Base)
	}
	o.gang(g, mahjong.BuGang, k, mahjong.WhyGangBu)
}

// wallOut settles the end of the wall: 11, 13.6.
func (o *oracle) wallOut() {
	o.event += 2
	end := &mahjong.End{Reason: mahjong.WallEmpty}
	var best [4]int
	for i := range 4 {
		s := &o.seat[i]
		switch {
		case s.wins > 0:
			end.Status[i] = mahjong.Won
		case s.out:
			end.Status[i] = mahjong.Out
		case o.holdsVoid(i):
			end.Status[i] = mahjong.Pig
		default:
			end.Status[i] = mahjong.NotReady
			for _, k := range slowWaits(o.shape(i)).Kinds() {
				shape := o.shape(i)
				shape.Concealed[k]++
				fan, _ := o.value(shape, 0)
				end.Status[i], best[i] = mahjong.Ready, max(best[i], fan)
			}
		}
	}
	each := func(payer func(i int) bool, receiver func(j int) bool, do func(i, j int)) {
		for d := range 4 {
			for e := range 4 {
				if i, j := (o.deal.Dealer+d)%4, (o.deal.Dealer+e)%4; payer(i) && receiver(j) {
					do(i, j)
				}
			}
		}
	}
	is := func(statuses ...mahjong.Status) func(int) bool {
		return func(i int) bool { return slices.Contains(statuses, end.Status[i]) }
	}
	if o.HuaZhu {
		receivers := is(mahjong.Ready, mahjong.NotReady)
		if o.xueliu() {
			receivers = func(j int) bool { return end.Status[j] != mahjong.Pig && !o.seat[j].out }
		}
		fan := o.Cap
		if fan == 0 {
			fan = 5
		}
		each(is(mahjong.Pig), receivers, func(i, j int) { o.pay(mahjong.WhyHuaZhu, i, j, o.Base<<fan) })
	}
	o.collectAll()
	if o.TuiShui {
		for _, g := range o.gangs {
			for n := range g.from {
				if !g.moved && !g.owed && is(mahjong.Pig, mahjong.NotReady)(g.seat) {
					o.pay(mahjong.WhyTuiShui, g.seat, g.from[n], g.points[n])
				}
			}
		}
	}
	if o.DaJiao {
		payers := is(mahjong.NotReady)
		if !o.HuaZhu {
			payers = is(mahjong.NotReady, mahjong.Pig)
		}
		each(payers, is(mahjong.Ready), func(i, j int) { o.pay(mahjong.WhyDaJiao, i, j, o.Base<<best[j]) })
	}
	o.end = end
}
