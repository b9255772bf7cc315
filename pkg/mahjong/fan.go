package mahjong

// FanID names a scoring element.
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

// String gives the name of a scoring element, as recorded hands write it.
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

// Score is what a winning hand is worth.
type Score struct {
	items [maxFanItems]FanItem
	n     uint8
	Raw   int // sum of all items
	Fan   int // Raw, capped
}

// maxFanItems bounds a list: one form, daiyaojiu or jiangdui, jingoudiao, qingyise, gen,
// menqing, zhongzhang and all eight situations.
const maxFanItems = 16

// Items lists the elements of the score; a pinghu of 0 fan is listed too.
func (s *Score) Items() []FanItem { return s.items[:s.n:s.n] }

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
