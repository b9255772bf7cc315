package mahjong

// Title returns the name by which players know a winning hand, for display: its id as in recorded
// hands, and its Chinese name. Situations do not matter.
func (s *Score) Title() (id, chinese string) {
	var has [len(fanNames)]bool
	roots := 0
	for _, item := range s.Items() {
		has[item.ID] = true
		if item.ID == Gen {
			roots = int(item.Fan)
		}
	}
	switch {
	case has[QiDui] && has[JiangDui]: // seven pairs of at most six kinds have a root
		dragons := [...][2]string{{}, {"jiangqidui", "将七对"}, {"jiangshuanglongqidui", "将双龙七对"}, {"jiangsanlongqidui", "将三龙七对"}}
		return dragons[roots][0], dragons[roots][1]
	case has[QiDui]:
		dragons := [...][2]string{{"qidui", "七对"}, {"longqidui", "龙七对"}, {"shuanglongqidui", "双龙七对"}, {"sanlongqidui", "三龙七对"}}
		id, chinese = dragons[roots][0], dragons[roots][1]
	case has[JinGouDiao] && roots == 4:
		id, chinese = "shibaluohan", "十八罗汉"
	case has[JinGouDiao] && has[JiangDui]:
		return "jiangjingoudiao", "将金钩钓"
	case has[JinGouDiao]:
		id, chinese = "jingoudiao", "金钩钓"
	case has[JiangDui]:
		return "jiangdui", "将对"
	case has[DaiYaoJiu] && has[QingYiSe]:
		return "qingyaojiu", "清幺九"
	case has[DaiYaoJiu]:
		return "daiyaojiu", "带幺九"
	case has[DuiDuiHu] && has[QingYiSe]:
		return "qingdui", "清对"
	case has[DuiDuiHu]:
		return "duiduihu", "对对胡"
	case has[QingYiSe]:
		return "qingyise", "清一色"
	default:
		return "pinghu", "平胡"
	}
	if has[QingYiSe] {
		return "qing" + id, "清" + chinese
	}
	return id, chinese
}
