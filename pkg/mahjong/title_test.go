package mahjong_test

import (
	"strings"
	"testing"

	"teahouse/pkg/mahjong"
)

// TestTitles pins the sums of the named hands, and their names (9.2). Melds are written like
// "zhi-1m".
func TestTitles(t *testing.T) {
	for _, c := range []struct {
		concealed, melds, id, chinese string
		fan                           int
	}{
		{"123456m678m33345p", "", "pinghu", "平胡", 0},
		{"111333m55m", "peng-2p peng-4p", "duiduihu", "对对胡", 1},
		{"111333m55m", "peng-2m peng-4m", "qingdui", "清对", 3},
		{"1133557799m2244p", "", "qidui", "七对", 2},
		{"11335577m228899m", "", "qingqidui", "清七对", 4},
		{"1111557799m2244p", "", "longqidui", "龙七对", 3},
		{"1111555599m2244p", "", "shuanglongqidui", "双龙七对", 4},
		{"1111555599m2222p", "", "sanlongqidui", "三龙七对", 5},
		{"225588m22558888p", "", "jiangqidui", "将七对", 5},
		{"22558888m558888p", "", "jiangshuanglongqidui", "将双龙七对", 6},
		{"22225555m558888p", "", "jiangsanlongqidui", "将三龙七对", 7},
		{"224488m22558888p", "", "longqidui", "龙七对", 3},
		{"1111557799m2244m", "", "qinglongqidui", "清龙七对", 5},
		{"12345612344999m", "", "qingyise", "清一色", 2},
		{"123789m99m789p", "peng-1p", "daiyaojiu", "带幺九", 2},
		{"12312312378999m", "", "qingyaojiu", "清幺九", 4},
		{"222555m88m", "peng-2p peng-5p", "jiangdui", "将对", 3},
		{"55p", "peng-1m peng-2m peng-4p peng-7p", "jingoudiao", "金钩钓", 2},
		{"55m", "peng-1m peng-2m peng-4m peng-7m", "qingjingoudiao", "清金钩钓", 4},
		{"55p", "peng-2m peng-5m peng-2p peng-8p", "jiangjingoudiao", "将金钩钓", 4},
		{"55p", "zhi-1m bu-2m an-4p zhi-7p", "shibaluohan", "十八罗汉", 6},
		{"55m", "zhi-1m bu-2m an-4m zhi-7m", "qingshibaluohan", "清十八罗汉", 8},
	} {
		s := mahjong.Shape{Void: mahjong.Tiao}
		for _, k := range parseKinds(t, c.concealed) {
			s.Concealed[k]++
		}
		for _, m := range strings.Fields(c.melds) {
			name, kind, _ := strings.Cut(m, "-")
			for x := mahjong.Peng; x <= mahjong.AnGang; x++ {
				if x.String() == name {
					s.Melds = append(s.Melds, mahjong.MeldShape{Type: x, Kind: parseKinds(t, kind)[0]})
				}
			}
		}
		rules := mahjong.DefaultRules()
		rules.Cap, rules.JiangQiDui = 0, 2
		score, ok := s.Best(&rules, mahjong.CtxZimo)
		id, chinese := score.Title()
		if !ok || id != c.id || chinese != c.chinese || score.Fan != c.fan {
			t.Errorf("%s %s: %v, %s %s %d fan, want %s %s %d", c.concealed, c.melds, ok, id, chinese, score.Fan, c.id, c.chinese, c.fan)
		}
	}
}
