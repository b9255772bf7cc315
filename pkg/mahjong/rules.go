package mahjong

// Rules is a rule set: data that can be stored, sent and shown to players before they
// sit down. The zero value is not valid; start from DefaultRules or ParseRules.
type Rules struct {
	Mode  string `json:"mode"` // ModeXuezhan or ModeXueliu
	Base  int    `json:"base"` // points of a win of no fan
	Cap   int    `json:"cap"`  // most fan that count; 0 = no limit
	Swap  bool   `json:"swap"` // swap three tiles before play
	Zimo  string `json:"zimo"` // self-draw: "di" one base more a payer, "fan" one fan more, "none"
	Haidi bool   `json:"haidi"`

	JiangDui   bool `json:"jiangdui"`
	DaiYaoJiu  int  `json:"daiyaojiu"` // its fan; 0 = off
	JinGouDiao bool `json:"jingoudiao"`
	MenQing    bool `json:"menqing"`
	ZhongZhang bool `json:"zhongzhang"`
	TianDiHu   int  `json:"tiandihu"` // its fan; 0 = off
	QiangGang  bool `json:"qianggang"`
	MultiHu    bool `json:"multi_hu"` // several seats may win by one tile
	HuaZhu     bool `json:"huazhu"`   // pigs pay
	DaJiao     bool `json:"dajiao"`   // who is not ready pays
	TuiShui    bool `json:"tuishui"`  // who is not ready gives gang money back
	MinClaimMs int  `json:"min_claim_ms"`

	Transfer    string `json:"transfer"`     // gang money on the discard after it: "transfer", "refund", "none"
	LateBuGang  string `json:"late_bugang"`  // a bu-gang with a tile not just drawn: "nopay", "pay", "forbid"
	PassLock    string `json:"pass_lock"`    // after a passed win: "higher" ones only, "all" locked, "off"
	DianGangHua string `json:"diangang_hua"` // self-draw after a fed gang: "zimo" all pay, "dianpao" the feeder pays
}

// The values of Rules.Mode.
const (
	ModeXuezhan = "xuezhan" // a winner leaves play
	ModeXueliu  = "xueliu"  // a winner plays on with a locked hand
)

// Values of the other named options.
const (
	zimoDi, zimoFan             = "di", "fan"
	transferOn, transferRefund  = "transfer", "refund"
	lateNoPay, latePay, lateBan = "nopay", "pay", "forbid"
	lockHigher, lockAll         = "higher", "all"
	huaZimo, huaDianpao         = "zimo", "dianpao"
	optionNone, optionOff       = "none", "off"
)

// capXueliu is the cap that the mode xueliu brings along unless a cap is given.
const capXueliu = 6

// DefaultRules is the default rule set: Xuezhan.
func DefaultRules() Rules {
	return Rules{
		Mode: ModeXuezhan, Base: 1, Cap: 4, Swap: true, Zimo: zimoDi, Haidi: true,
		JiangDui: true, DaiYaoJiu: 2, JinGouDiao: true, TianDiHu: 5,
		QiangGang: true, MultiHu: true, HuaZhu: true, DaJiao: true, TuiShui: true,
		Transfer: transferOn, LateBuGang: lateNoPay, PassLock: lockHigher, DianGangHua: huaZimo,
	}
}

// xueliu says whether winners play on.
func (r *Rules) xueliu() bool { return r.Mode == ModeXueliu }

// capped applies the cap to a sum of fan.
func (r *Rules) capped(fan int) int {
	if r.Cap > 0 {
		return min(fan, r.Cap)
	}
	return fan
}
