package explain

import (
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
)

// words are the phrases of a language.
type words struct {
	wins, loses, holdsVoid, threeSuits    string
	reading, title, total, capped         string
	fedPrice, drawnPrice, drawnPriceBonus string
	ready, shanten, useful, tiles         string
	third, dead                           string // why a hand that lacks one tile does not wait
	waits, waitFan, discards              string
	fan                                   func(mahjong.FanID) string
	tile                                  func(mahjong.Kind) string
}

func wordsOf(l game.Language) *words {
	if l == game.Chinese {
		return &words{
			wins: "胡牌。", loses: "没有胡牌。", holdsVoid: "手里还有定缺的花色。", threeSuits: "三门花色齐全，没有缺一门。",
			reading: "牌型", title: "名称", total: "合计番数", capped: "封顶：%d 番",
			fedPrice: "点炮者付 %d 分。", drawnPrice: "每家付 %d 分。", drawnPriceBonus: "每家付 %d 分，含自摸加底 %d 分。",
			third: "打完第三门的牌才听牌", dead: "无牌可听：能胡的牌四张都在自己手里，不算有叫",
			ready: "听牌", shanten: "向听数 %d", useful: "进张", tiles: "%s（共 %d 张）",
			waits: "听牌", waitFan: "%s：%s，%d 番，点炮 %d 分", discards: "建议打出",
			fan:  func(id mahjong.FanID) string { _, name := fanName(id); return name },
			tile: func(k mahjong.Kind) string { return k.String() + " " + chineseTile(k) },
		}
	}
	return &words{
		wins: "The hand wins.", loses: "The hand does not win.", holdsVoid: "It holds tiles of its void suit.",
		threeSuits: "It has tiles of all three suits.",
		reading:    "read as", title: "title", total: "total fan", capped: "capped at: %d fan",
		fedPrice: "The one who fed it pays %d.", drawnPrice: "Each payer pays %d.",
		drawnPriceBonus: "Each payer pays %d, %d of them for the self-draw.",
		third:           "it waits once its tiles of the third suit are gone",
		dead:            "no tile can come: the hand itself holds all four of each kind that would win, so it does not count as ready",
		ready:           "then it waits", shanten: "%d away from waiting", useful: "useful", tiles: "%s (%d tiles)",
		waits: "It waits for", waitFan: "%s: %s, %d fan, %d by a discard", discards: "Best discards",
		fan: func(id mahjong.FanID) string {
			english, chinese := fanName(id)
			return english + " " + chinese
		},
		tile: func(k mahjong.Kind) string { return k.String() },
	}
}

func chineseTile(k mahjong.Kind) string {
	return string([]rune("一二三四五六七八九")[k.Rank()-1]) + string([]rune("万筒条")[k.Suit()])
}

// fanName names a scoring element in both languages.
func fanName(id mahjong.FanID) (english, chinese string) {
	switch id {
	case mahjong.PingHu:
		return "plain win", "平胡"
	case mahjong.DuiDuiHu:
		return "all triplets", "对对胡"
	case mahjong.QiDui:
		return "seven pairs", "七对"
	case mahjong.DaiYaoJiu:
		return "a 1 or 9 in every group", "带幺九"
	case mahjong.JiangDui:
		return "all 2, 5 and 8", "将对"
	case mahjong.JinGouDiao:
		return "four melds, single wait", "金钩钓"
	case mahjong.QingYiSe:
		return "one suit", "清一色"
	case mahjong.Gen:
		return "four of a kind, each", "根"
	case mahjong.MenQing:
		return "closed hand", "门清"
	case mahjong.ZhongZhang:
		return "no 1 or 9", "中张"
	case mahjong.ZimoFan:
		return "self-draw", "自摸"
	case mahjong.GangShangHua:
		return "self-draw after a gang", "杠上花"
	case mahjong.GangShangPao:
		return "discard after a gang", "杠上炮"
	case mahjong.QiangGangHu:
		return "robbed gang", "抢杠胡"
	case mahjong.HaiDiLaoYue:
		return "last tile of the wall", "海底捞月"
	case mahjong.HaiDiPao:
		return "discard with an empty wall", "海底炮"
	case mahjong.TianHu:
		return "dealer's first hand", "天胡"
	case mahjong.DiHu:
		return "first draw", "地胡"
	}
	return id.String(), id.String()
}
