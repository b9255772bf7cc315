package mahjong

// FanID identifies a scoring element.
type FanID uint8

// The scoring elements.
const (
	PingHu FanID = iota + 1
	DuiDuiHu
	QiDui
	DaiYaoJiu
	JiangDui
	JinGouDiao
	QingYiSe
	Gen
	MenQing
	ZhongZhang
	ZimoFan
	GangShangHua
	GangShangPao
	QiangGangHu
	HaiDiLaoYue
	HaiDiPao
	TianHu
	DiHu
)

var fanNames = [...]string{"", "pinghu", "duiduihu", "qidui", "daiyaojiu", "jiangdui", "jingoudiao",
	"qingyise", "gen", "menqing", "zhongzhang", "zimo", "gangshanghua", "gangshangpao",
	"qiangganghu", "haidilaoyue", "haidipao", "tianhu", "dihu"}

// String returns the name of a scoring element, as recorded hands write it.
func (f FanID) String() string {
	if int(f) < len(fanNames) && f > 0 {
		return fanNames[f]
	}
	return "unknown"
}

// FanItem is one element of a score and its fan.
type FanItem struct {
	ID  FanID
	Fan int8
}

// maxFanItems bounds a score's list: a form with one extra, jingoudiao, qingyise, gen,
// menqing, zhongzhang and all eight situations.
const maxFanItems = 16

// Score is what a winning hand is worth. It is a plain value.
type Score struct {
	items [maxFanItems]FanItem
	n     uint8
	Raw   int // sum of all items
	Fan   int // Raw, capped
}

// Items lists the elements of the score; a pinghu of 0 fan is listed too.
func (s *Score) Items() []FanItem { return s.items[:s.n:s.n] }

func (s *Score) add(id FanID, fan int) {
	s.items[s.n] = FanItem{id, int8(fan)}
	s.n++
	s.Raw += fan
}

// Context is the set of situations in which a hand was won, one bit each.
type Context uint16

// The situations.
const (
	CtxZimo Context = 1 << iota
	CtxGangShangHua
	CtxGangShangPao
	CtxQiangGangHu
	CtxHaiDiLaoYue
	CtxHaiDiPao
	CtxTianHu
	CtxDiHu
)

// Has reports whether all situations of x are in c.
func (c Context) Has(x Context) bool { return c&x == x }

// Fan of the fixed elements.
const (
	fanDuiDuiHu = 1
	fanQiDui    = 2
	fanJiangDui = 2
	fanQingYiSe = 2
)

// Best scores a winning hand by its best reading, in the situations of ctx. If the hand does not
// win, it returns an empty score and false.
func (s *Shape) Best(r *Rules, ctx Context) (Score, bool) {
	var score Score
	if !s.Win() {
		return score, false
	}
	codes := s.Concealed.suitCodes()
	a, b, c := suitTable[codes[0]], suitTable[codes[1]], suitTable[codes[2]]
	facts := s.facts()

	s.addForm(&score, r, a, b, c, facts)
	if len(s.Melds) == 4 && r.JinGouDiao {
		score.add(JinGouDiao, 1)
	}
	if mask := s.suits(&codes); mask&(mask-1) == 0 {
		score.add(QingYiSe, fanQingYiSe)
	}
	if facts.roots > 0 {
		score.add(Gen, facts.roots)
	}
	if r.MenQing && facts.closed && (ctx.Has(CtxZimo) || !r.MenQingZimo) {
		score.add(MenQing, 1)
	}
	if r.ZhongZhang && facts.noTerminal {
		score.add(ZhongZhang, 1)
	}
	addSituations(&score, r, ctx)
	score.Fan = r.capped(score.Raw)
	return score, true
}

// addForm adds the form of the best reading. Readings differ only in the form and what depends on
// it, so the rest of the score need not be looked at; ties prefer qidui to duiduihu to pinghu.
func (s *Shape) addForm(score *Score, r *Rules, a, b, c uint8, facts shapeFacts) {
	best, form := -1, PingHu
	if a&b&c&evenBit != 0 && len(s.Melds) == 0 {
		best, form = fanQiDui, QiDui
	}
	jiang := 0
	if read(a, b, c, tripletShift) == formPair {
		if r.JiangDui && facts.only258 {
			jiang = fanJiangDui
		}
		if fanDuiDuiHu+jiang > best {
			best, form = fanDuiDuiHu+jiang, DuiDuiHu
		}
	}
	// A reading with a 1 or 9 in every set always has a run: triplets alone would need five kinds
	// of terminals, and two suits have four. So it is a pinghu.
	yao := 0
	if read(a, b, c, plainShift) == formPair {
		if read(a, b, c, yaoShift) == formPair && facts.terminalMelds {
			yao = r.DaiYaoJiu
		}
		if yao > best {
			form = PingHu
		}
	}
	switch form {
	case QiDui:
		score.add(QiDui, fanQiDui)
		if facts.only258 && r.JiangQiDui > 0 { // pairs of 2, 5 and 8 can be read in no other way
			score.add(JiangDui, r.JiangQiDui)
		}
	case DuiDuiHu:
		score.add(DuiDuiHu, fanDuiDuiHu)
		if jiang > 0 {
			score.add(JiangDui, jiang)
		}
	default:
		score.add(PingHu, 0)
		if yao > 0 {
			score.add(DaiYaoJiu, yao)
		}
	}
}

// shapeFacts is what the score needs to know about individual tiles.
type shapeFacts struct {
	roots         int  // kinds with all four tiles present
	only258       bool // every tile is a 2, 5 or 8
	noTerminal    bool // no tile is a 1 or 9
	terminalMelds bool // every meld is of a 1 or 9
	closed        bool // no meld but an-gangs
}

// Kinds by rank, as sets.
const (
	kinds19  KindSet = 0x101 | 0x101<<9 | 0x101<<18
	kinds258 KindSet = 0x92 | 0x92<<9 | 0x92<<18
)

func (s *Shape) facts() shapeFacts {
	f := shapeFacts{terminalMelds: true, closed: true}
	var held KindSet
	for k, n := range s.Concealed {
		if n > 0 {
			held |= 1 << k
		}
		if n == 4 {
			f.roots++
		}
	}
	for _, m := range s.Melds {
		held |= 1 << m.Kind
		if s.Concealed[m.Kind]+m.size() == 4 {
			f.roots++
		}
		f.terminalMelds = f.terminalMelds && m.Kind.terminal()
		f.closed = f.closed && m.Type == AnGang
	}
	f.only258 = held&^kinds258 == 0
	f.noTerminal = held&kinds19 == 0
	return f
}

func addSituations(score *Score, r *Rules, ctx Context) {
	if ctx == 0 {
		return
	}
	haidi := 0
	if r.HaiDi {
		haidi = 1
	}
	zimo := 0
	if r.Zimo == zimoFan {
		zimo = 1
	}
	for _, x := range [...]struct {
		situation Context
		id        FanID
		fan       int
	}{
		{CtxZimo, ZimoFan, zimo},
		{CtxGangShangHua, GangShangHua, 1},
		{CtxGangShangPao, GangShangPao, 1},
		{CtxQiangGangHu, QiangGangHu, 1},
		{CtxHaiDiLaoYue, HaiDiLaoYue, haidi},
		{CtxHaiDiPao, HaiDiPao, haidi},
		{CtxTianHu, TianHu, r.TianDiHu},
		{CtxDiHu, DiHu, r.TianDiHu},
	} {
		if ctx.Has(x.situation) && x.fan > 0 {
			score.add(x.id, x.fan)
		}
	}
}

// BestWait returns the capped fan of the best of waits by patterns and roots alone, or false if
// there is no wait.
func (s *Shape) BestWait(r *Rules, waits KindSet) (int, bool) {
	best, ready := 0, false
	for k := range Kind(NumKinds) {
		if !waits.Has(k) {
			continue
		}
		s.Concealed[k]++
		if score, ok := s.Best(r, 0); ok {
			best, ready = max(best, score.Fan), true
		}
		s.Concealed[k]--
	}
	return best, ready
}
