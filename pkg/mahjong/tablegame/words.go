package tablegame

import (
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
)

type group struct {
	name    string
	label   game.Text
	options []words
}

// groups is every option in the order in which people read rules, with its words. RULES.md says what each does.
func groups() []group {
	fan := say("fan", "番")
	off := valueWords{value: 0, label: say("off", "不算")}
	return []group{
		{"game", say("The game", "玩法"), []words{
			{key: "mode", label: say("Game", "玩法"),
				help: say("Whether a winner leaves play or plays on with a fixed hand.", "胡牌的人离场，还是锁牌接着打。"), values: []valueWords{
					{value: mahjong.ModeXuezhan, label: say("Xuezhan: winners leave", "血战到底")},
					{value: mahjong.ModeXueliu, label: say("Xueliu: winners play on", "血流成河")},
				}},
			{key: "base", label: say("Base points", "底分"), help: say("What a win of no fan is worth.", "零番的牌值多少分。")},
			{key: "cap", label: say("Cap", "封顶"), help: say("The most fan that count for a win.", "一次胡牌最多算多少番。"), unit: fan, values: []valueWords{
				{value: 0, label: say("no limit", "不封顶")},
			}},
		}},
		{"swap", say("Before play", "开局"), []words{
			{key: "swap", label: say("Swap three", "换三张"), help: say("Before play each seat gives three tiles away and gets three.", "开打前每家换出三张牌。")},
			{key: "swap_suits", label: say("Tiles to swap", "换牌花色"),
				help: say("Which three tiles may be given away.", "换出的三张可以是哪些牌。"), only: on("swap", true), values: []valueWords{
					{value: "same", label: say("three of one suit", "同一花色")},
					{value: "any", label: say("any three", "任意三张")},
				}},
			{key: "swap_dir", label: say("Direction of the swap", "换牌方向"),
				help: say("Who gets the three tiles.", "三张牌换给谁。"), only: on("swap", true), values: []valueWords{
					{value: 0, label: say("by lot", "随机")},
					{value: 1, label: say("the next seat", "下家")},
					{value: 2, label: say("the seat across", "对家")},
					{value: 3, label: say("the previous seat", "上家")},
				}},
		}},
		{"fan", say("What wins are worth", "番型"), []words{
			{key: "zimo", label: say("Self-draw", "自摸"), help: say("What each payer pays more for a self-draw.", "自摸时每家多付多少。"), values: []valueWords{
				{value: "di", label: say("one base more", "自摸加底")},
				{value: "fan", label: say("one fan more", "自摸加番")},
				{value: "none", label: say("no more", "不加")},
			}},
			{key: "jiangdui", label: say("All 2, 5 and 8", "将对"),
				help: say("Two fan more for triplets and a pair of nothing but 2, 5 and 8.", "对对胡全是二、五、八，加两番。")},
			{key: "jiangqidui", label: say("Seven pairs of 2, 5 and 8", "将七对"), unit: fan, values: []valueWords{off},
				help: say("Fan for them beside those of seven pairs and of roots.", "七对全是二、五、八，在七对和根之外另加几番。")},
			{key: "daiyaojiu", label: say("A 1 or 9 in every group", "带幺九"),
				help: say("Fan if every set and the pair have a 1 or 9.", "每副牌和将都带一或九，算几番。"), unit: fan, values: []valueWords{off}},
			{key: "jingoudiao", label: say("Four melds, single wait", "金钩钓"),
				help: say("One fan more with four melds and one tile left in the hand.", "四副碰杠、单钓一张，加一番。")},
			{key: "menqing", label: say("Closed hand", "门清"), help: say("One fan for a hand without melds, concealed gangs aside.", "除暗杠外没有碰杠，加一番。")},
			{key: "menqing_zimo", label: say("Closed hand by self-draw only", "门清限自摸"),
				help: say("A closed hand counts only if it wins by self-draw.", "门清只在自摸时算番。"), only: on("menqing", true)},
			{key: "zhongzhang", label: say("No 1 or 9", "中张"), help: say("One fan for a hand without any 1 or 9.", "没有一和九，加一番。")},
			{key: "haidi", label: say("Last tile", "海底"),
				help: say("One fan for a win by the last tile of the wall, or by a discard once the wall is empty.", "摸到最后一张胡（海底捞月），或牌摸完后胡别人打出的牌（海底炮），加一番。")},
			{key: "tiandihu", label: say("Win at the first chance", "天胡、地胡"),
				help: say("Fan for a win by the dealer's dealt hand, or by a first draw.", "庄家起手即胡，或闲家第一次摸牌即胡，算几番。"), unit: fan, values: []valueWords{off}},
		}},
		{"claims", say("Claims", "碰杠胡"), []words{
			{key: "multi_hu", label: say("Several winners", "一炮多响"),
				help: say("All who claim a tile for a win get it; else the first of them in play order.", "一张牌几家都可以胡；否则只有顺序在前的一家胡。")},
			{key: "qianggang", label: say("Robbing a gang", "抢杠胡"), help: say("A gang added to a peng may be robbed for a win.", "别人补杠时，可以抢来胡。")},
			{key: "pass_lock", label: say("After a passed win", "过水不胡"),
				help: say("What may still be won by claim, until the own next draw, peng or gang.", "放过胡牌后，在自己摸牌或碰、杠之前还能胡别人的什么牌。"), values: []valueWords{
					{value: "higher", label: say("only what has more fan", "番数更大的")},
					{value: "all", label: say("nothing", "什么都不能胡")},
					{value: "same", label: say("all but that tile", "同一种牌以外的")},
					{value: "off", label: say("anything", "不限")},
				}},
			{key: "void_calls", label: say("Melds before the void suit is gone", "缺门未打完可碰杠"),
				help: say("A seat that holds tiles of its void suit may peng and gang.", "手里还有定缺的牌时，也可以碰、杠。")},
			{key: "must_hu_last4", label: say("Forced wins at the end", "最后四张必胡"),
				help: say("With four tiles or fewer in the wall, whoever can win does.", "牌墙剩四张以内时，能胡必胡。")},
		}},
		{"gangs", say("Gangs and their money", "杠与杠钱"), []words{
			{key: "late_bugang", label: say("Gang with a kept tile", "过手杠"),
				help: say("How a gang counts if the tile added to the peng was not just drawn.", "补杠用的不是刚摸到的牌时怎么算。"), values: []valueWords{
					{value: "nopay", label: say("is not paid", "可杠，不收钱")},
					{value: "pay", label: say("is paid", "可杠，照收钱")},
					{value: "forbid", label: say("is forbidden", "不许杠")},
				}},
			{key: "cagua", label: say("All pay for a fed gang", "擦挂"),
				help: say("For a gang of a discard the others pay too, half of what its feeder pays.", "直杠时其他家也付，为点杠者的一半。")},
			{key: "gang_ready", label: say("Gangs paid to ready hands only", "有叫才收杠钱"),
				help: say("Gangs are paid at the end of the hand, to who has won or is ready.", "杠钱到局末才付，只付给已胡或有叫的人。")},
			{key: "transfer", label: say("Gang before a fed win", "呼叫转移"),
				help: say("What becomes of gang money if the discard right after the gang is won on.", "杠后打出的牌被胡时，杠钱怎么办。"), values: []valueWords{
					{value: "transfer", label: say("goes to the winner", "转给胡家")},
					{value: "refund", label: say("goes back", "退还各家")},
					{value: "none", label: say("stays", "不动")},
				}},
			{key: "transfer_all", label: say("All gangs move", "转移全部杠钱"),
				help: say("The money of all gangs of that seat moves, not of the last one alone.", "转移或退还的是该家全部杠钱，而不只是最后一杠。"), only: on("transfer", "transfer", "refund")},
			{key: "diangang_hua", label: say("Self-draw after a fed gang", "点杠花"),
				help: say("Who pays if the tile drawn after a gang of a discard wins.", "直杠后摸到的牌胡了，谁付。"), values: []valueWords{
					{value: "zimo", label: say("all, as for any self-draw", "算自摸，各家付")},
					{value: "dianpao", label: say("who fed the gang", "点杠者一家付")},
				}},
		}},
		{"end", say("When the wall is empty", "流局"), []words{
			{key: "huazhu", label: say("Void tiles pay", "查花猪"),
				help: say("Seats that still hold tiles of their void suit pay the others.", "手里还有定缺牌的向其他家赔。")},
			{key: "dajiao", label: say("Not ready pays ready", "查大叫"), help: say("Seats that are not ready pay those that are.", "没叫的赔有叫的。")},
			{key: "tuishui", label: say("Gang money goes back", "退税"),
				help: say("Seats that are not ready return what they got for gangs.", "没叫的退还收到的杠钱。"), only: on("gang_ready", false)},
		}},
		{"money", say("Balances", "本钱"), []words{
			{key: "bankrupt", label: say("Nothing left", "输光"),
				help: say("What happens to a seat that has lost all it brought.", "把本钱输完的人怎么办。"), values: []valueWords{
					{value: "none", label: say("scores go below zero", "可以输成负分")},
					{value: "clip", label: say("pays no more and plays on", "不再付，接着打"), needs: []string{"balances"}},
					{value: "leave", label: say("pays no more and leaves", "不再付，离场"), needs: []string{"balances"}},
				}},
			{key: "balances", label: say("Balance of each seat", "每家本钱"),
				help: say("The points that each seat brings to the hand, by seat.", "每家带多少分上桌，按座位。"), only: on("bankrupt", "clip", "leave")},
		}},
		{"show", say("Sight and pace", "明暗与节奏"), []words{
			{key: "hide_angang", label: say("Hidden concealed gangs", "暗杠不亮"),
				help: say("The others see the tiles of a concealed gang only at the end of the hand.", "暗杠是什么牌，局末才亮给别家看。")},
			{key: "show_winners", label: say("Winners show their hands", "胡牌亮牌"), help: say("A winner's concealed tiles are shown at once.", "胡牌的人立即亮出手牌。")},
			{key: "min_claim_ms", label: say("Least time for claims", "最短等牌时间"),
				help: say("How long each discard stays open, so that the pace does not tell whether anybody could claim it.", "每张打出的牌至少等多久，免得快慢泄露有没有人能要。"), unit: say("ms", "毫秒"), values: []valueWords{
					{value: 0, label: say("none", "不等")},
				}},
		}},
	}
}

// presetWords is label and help of each preset.
func presetWords() map[string][2]game.Text {
	return map[string][2]game.Text{
		"xuezhan": {say("Xuezhan", "血战到底"), say("The default rules: a winner leaves play.", "默认规则：胡牌的人离场。")},
		"xueliu":  {say("Xueliu", "血流成河"), say("Winners play on until the wall is empty.", "胡牌后接着打，直到牌墙摸完。")},
		"sbr":     {say("Competition", "竞赛规则"), say("Near to the competition rules (SBR) of the Mahjong International League.", "接近国际麻将联盟的四川麻将竞赛规则（SBR）。")},
	}
}
