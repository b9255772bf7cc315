package mahjong

// Rules is a rule set: data that can be stored, sent and shown to players before they sit down. The
// zero value is not valid; start from DefaultRules or ParseRules.
type Rules struct {
	Mode string `json:"mode"` // ModeXuezhan or ModeXueliu
	Base int    `json:"base"` // points for a win of no fan
	Cap  int    `json:"cap"`  // the most fan that count; 0 = no limit
	Swap bool   `json:"swap"` // swap three tiles before play

	SwapSuits string `json:"swap_suits"` // the three tiles are of the "same" suit or of "any"
	SwapDir   int    `json:"swap_dir"`   // 0 = from the deal, else 1 next, 2 across, 3 previous

	// Scoring elements. The numbers are fan, 0 = off.
	Zimo       string `json:"zimo"` // for a self-draw each payer pays: "di" one base more, "fan" one fan more, "none" no more
	JiangDui   bool   `json:"jiangdui"`
	DaiYaoJiu  int    `json:"daiyaojiu"`
	JinGouDiao bool   `json:"jingoudiao"`
	MenQing    bool   `json:"menqing"`
	ZhongZhang bool   `json:"zhongzhang"`
	HaiDi      bool   `json:"haidi"`
	TianDiHu   int    `json:"tiandihu"`

	// Claims and gangs.
	QiangGang   bool   `json:"qianggang"`     // a bu-gang may be robbed
	MultiHu     bool   `json:"multi_hu"`      // several seats may win by one tile
	Transfer    string `json:"transfer"`      // gang money before a discard that is won on: "transfer" to the winners, "refund", "none"
	LateBuGang  string `json:"late_bugang"`   // a bu-gang with a tile not just drawn: "nopay", "pay", "forbid"
	PassLock    string `json:"pass_lock"`     // after passing a win, by claim: "higher" only higher ones, "all" none, "same" none by that kind, "off" any
	DianGangHua string `json:"diangang_hua"`  // a self-draw right after a fed gang: "zimo" all pay, "dianpao" the feeder alone
	CaGua       bool   `json:"cagua"`         // a fed gang is paid by the others too, half of what the feeder pays
	VoidCalls   bool   `json:"void_calls"`    // a seat may peng and gang while it holds void tiles
	MustHuLast4 bool   `json:"must_hu_last4"` // with four tiles or fewer in the wall a seat that can win does so without being asked

	// The end of the wall.
	HuaZhu  bool `json:"huazhu"`  // seats that hold void tiles pay
	DaJiao  bool `json:"dajiao"`  // seats that are not ready pay those that are
	TuiShui bool `json:"tuishui"` // seats that are not ready return gang money

	// Bankrupt says what happens to a seat that has nothing left: with "none" scores may go below
	// zero; with "clip" nobody pays more than the rest of their balance; with "leave" such a seat
	// also leaves for the rest of the hand. Balances is what each seat brings to the hand.
	Bankrupt string     `json:"bankrupt"`
	Balances [Seats]int `json:"balances"`

	// What the others may see.
	HideAnGang  bool `json:"hide_angang"`  // show the tiles of an an-gang only at the end of the hand
	ShowWinners bool `json:"show_winners"` // show a winner's concealed tiles at once

	// MinClaimMs is the least time, in milliseconds, that the window of every discard and bu-gang
	// stays open, whatever was offered to whom. The engine only waits for the Release; its owner
	// has the clock.
	MinClaimMs int `json:"min_claim_ms"`

	// The options of later versions are left out of the text where they have their default, so that
	// who knows only an earlier version can read every rule set that it can play.

	GangReady   bool `json:"gang_ready,omitzero"`   // gangs are paid at the end of the hand, only to seats that have won or are ready
	TransferAll bool `json:"transfer_all,omitzero"` // what transfer moves is the money of all gangs of the seat, not only of the last one
	MenQingZimo bool `json:"menqing_zimo,omitzero"` // menqing counts at a self-draw only
	JiangQiDui  int  `json:"jiangqidui,omitzero"`   // fan beside those of seven pairs and roots if all tiles are 2, 5 or 8; 0 = off
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
	lockSame                    = "same"
	suitsSame, suitsAny         = "same", "any"
	bankruptClip, bankruptLeave = "clip", "leave"
	huaZimo, huaDianpao         = "zimo", "dianpao"
	optionNone, optionOff       = "none", "off"
)

// capXueliu is the default cap of the mode xueliu.
const capXueliu = 6

// DefaultRules is the default rule set: Xuezhan.
func DefaultRules() Rules {
	return Rules{
		Mode: ModeXuezhan, Base: 1, Cap: 4, Swap: true, Zimo: zimoDi, HaiDi: true,
		JiangDui: true, DaiYaoJiu: 2, JinGouDiao: true, TianDiHu: 5,
		QiangGang: true, MultiHu: true, HuaZhu: true, DaJiao: true, TuiShui: true,
		Transfer: transferOn, LateBuGang: lateNoPay, PassLock: lockHigher, DianGangHua: huaZimo,
		SwapSuits: suitsSame, VoidCalls: true, Bankrupt: optionNone,
	}
}

// xueliu reports whether winners play on.
func (r *Rules) xueliu() bool { return r.Mode == ModeXueliu }

// capped applies the cap to a sum of fan.
func (r *Rules) capped(fan int) int {
	if r.Cap > 0 {
		return min(fan, r.Cap)
	}
	return fan
}
