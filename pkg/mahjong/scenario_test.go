package mahjong_test

import (
	"fmt"
	"strings"
	"testing"

	"teahouse/pkg/mahjong"
)

// scenario is a stacked hand played by a script. Seat 0 deals, nothing is swapped, and
// everybody gives up tiao, so a drawn tiao is a tile of no use to anybody.
type scenario struct {
	name  string // with the paragraph of the rules
	rules string
	hands [mahjong.Seats]string // as "12m34p": ranks, then m wan, p tong, s tiao
	draws string
	// script holds steps "seat action [tile]"; "seat -" discards what was drawn.
	script string
	// want lists the items of the script ("why from>to points"), then, after everybody
	// has let the rest of the time pass, the next dealer and the gang money given back.
	want string
}

// fed is a table on which seat 0 pengs the 1m of seat 3 and later draws the fourth one,
// and seats 1 and 2 wait for 5m.
var fed = [mahjong.Seats]string{
	"11m99m11p99p4m7m56p2p8m",
	"46m222p333p88p678m",
	"46m777p444p55p678m",
	"22m33m99m11p99p66p8m",
}

const (
	pengFirst = "0 discard 4m, 1 -, 2 -, 3 discard 1m, 0 peng, 0 discard 7m, 1 -, 2 -, 3 -, "
	gangThen5 = pengFirst + "0 bu 1m, 0 discard 5m, "
)

var scenarios = []scenario{
	{
		name: "7.5 money moves to two winners, the odd point to the first", rules: `{}`,
		hands: fed, draws: "1s2s1m3s4s5s1m5m", script: gangThen5 + "1 hu, 2 hu",
		want: "gang_bu 1>0 1, gang_bu 2>0 1, gang_bu 3>0 1, hu 0>1 2, hu 0>2 2, transfer 0>1 2, transfer 0>2 1; dealer 0",
	}, {
		name: "7.5 refund", rules: `{"transfer":"refund"}`,
		hands: fed, draws: "1s2s1m3s4s5s1m5m", script: gangThen5 + "2 hu, 1 hu",
		want: "gang_bu 1>0 1, gang_bu 2>0 1, gang_bu 3>0 1, hu 0>1 2, hu 0>2 2, transfer 0>1 1, transfer 0>2 1, transfer 0>3 1; dealer 0",
	}, {
		name: "7.5 none", rules: `{"transfer":"none"}`,
		hands: fed, draws: "1s2s1m3s4s5s1m5m", script: gangThen5 + "1 hu, 2 pass",
		want: "gang_bu 1>0 1, gang_bu 2>0 1, gang_bu 3>0 1, hu 0>1 2; dealer 1, 0>1 back, 0>2 back, 0>3 back",
	}, {
		name: "5.4 only the first wins", rules: `{"multi_hu":false}`,
		hands: fed, draws: "1s2s1m3s4s5s1m5m", script: gangThen5 + "2 hu, 1 hu",
		want: "gang_bu 1>0 1, gang_bu 2>0 1, gang_bu 3>0 1, hu 0>1 2, transfer 0>1 3; dealer 1",
	}, {
		name: "7.2 a late bu-gang earns nothing", rules: `{}`,
		hands: late, draws: "1s2s1m3s4s5s3p5m", script: lateBu + "1 hu, 2 hu",
		want: "hu 0>1 2, hu 0>2 2; dealer 0",
	}, {
		name: "7.2 a late bu-gang pays", rules: `{"late_bugang":"pay","transfer":"none"}`,
		hands: late, draws: "1s2s1m3s4s5s3p5m", script: lateBu + "1 hu, 2 pass",
		want: "gang_bu 1>0 1, gang_bu 2>0 1, gang_bu 3>0 1, hu 0>1 2; dealer 1, 0>1 back, 0>2 back, 0>3 back",
	}, {
		name: "7.2 a late bu-gang is forbidden", rules: `{"late_bugang":"forbid"}`,
		hands: late, draws: "1s2s1m3s4s5s3p5m", script: pengFirst + "0 refuse-bu 1m",
		want: "; dealer 0",
	}, {
		name: "7.4 a robbed gang brings no money", rules: `{}`,
		hands: robbed, draws: "1s2s1m3s4s5s1m5m", script: pengPassed + "0 bu 1m, 1 hu, 2 -",
		want: "hu 0>1 2; dealer 1",
	}, {
		name: "7.4 no robbing", rules: `{"qianggang":false}`,
		hands: robbed, draws: "1s2s1m3s4s5s1m6s", script: pengPassed + "0 bu 1m, 0 -",
		want: "gang_bu 1>0 1, gang_bu 2>0 1, gang_bu 3>0 1; dealer 0, 0>1 back, 0>2 back, 0>3 back",
	}, {
		name: "6.1 a passed win locks wins of no more fan", rules: `{}`,
		hands: fed, draws: "1s2s5m5m3s", script: "0 discard 4m, 1 -, 2 -, 3 discard 5m, 1 pass, 2 hu, 3 refuse-hu",
		want: "hu 3>2 1; dealer 2",
	}, {
		name: "7.6 after a fed gang all pay", rules: `{}`,
		hands: flower, draws: "1s2s1m5m", script: "0 discard 4p, 1 -, 2 -, 3 discard 1m, 0 gang, 0 hu",
		want: "gang_zhi 3>0 2, hu 1>0 5, hu 2>0 5, hu 3>0 5; dealer 0",
	}, {
		name: "7.6 after a fed gang the feeder pays", rules: `{"diangang_hua":"dianpao"}`,
		hands: flower, draws: "1s2s1m5m", script: "0 discard 4p, 1 -, 2 -, 3 discard 1m, 0 gang, 0 hu",
		want: "gang_zhi 3>0 2, hu 3>0 4; dealer 0",
	}, {
		name: "9 dihu is for the first draw of who does not deal", rules: `{}`,
		hands: fed, draws: "5m", script: "0 discard 4m, 1 hu",
		want: "hu 0>1 17, hu 2>1 17, hu 3>1 17; dealer 1",
	}, {
		name: "9 dihu is not for the dealer", rules: `{}`,
		hands: [mahjong.Seats]string{"45646m789m222p88p4p", flower[1], flower[2], flower[3]},
		draws: "1s2s3s5m", script: "0 discard 4p, 1 -, 2 -, 3 -, 0 hu",
		want: "hu 1>0 2, hu 2>0 2, hu 3>0 2; dealer 0",
	}, {
		name: "13.4 a locked hand gangs what keeps its waits", rules: `{"mode":"xueliu"}`,
		hands: fed, draws: "5m1s2s3s3p", script: "0 discard 4m, 1 hu, 2 -, 3 -, 0 -, 1 an 3p",
		want: "hu 0>1 33, hu 2>1 33, hu 3>1 33, gang_an 0>1 2, gang_an 2>1 2, gang_an 3>1 2; dealer 1",
	}, {
		name: "13.4 a locked hand gangs nothing else", rules: `{"mode":"xueliu"}`,
		hands: [mahjong.Seats]string{"11p33p55p77p99p22m34m", "2223p456m678m789p", "44p6666p99m11m358m", "33m44m55m88m99m148p"},
		draws: "1p1s2s3s2p", script: "0 discard 9p, 1 hu, 2 -, 3 -, 0 -, 1 refuse-an 2p",
		want: "hu 0>1 33, hu 2>1 33, hu 3>1 33; dealer 1",
	},
}

// late is fed with the fourth 1m in hand at the peng; robbed lets seat 1 wait for 1m
// instead; flower lets seat 0 wait for 5m with three 1m.
var (
	late   = [mahjong.Seats]string{"111m9m11p99p4m7m56p2p8m", fed[1], fed[2], fed[3]}
	robbed = [mahjong.Seats]string{fed[0], "23m222p333p88p678m", fed[2], "22m33m99m11p99p66p5m"}
	flower = [mahjong.Seats]string{"111m46m222p88p678m4p", "11p33p55p77p99p22m3m", "33p88p55p77p99p22m3m", "66p66p1p99m33m44m5m4p"}
)

const (
	lateBu     = pengFirst + "0 bu 1m, 0 discard 5m, "
	pengPassed = "0 discard 8m, 1 -, 2 -, 3 discard 1m, 1 pass, 0 peng, 0 discard 7m, 1 -, 2 -, 3 -, "
)

func TestScenarios(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, s.run)
	}
}

func (s *scenario) run(t *testing.T) {
	rules := mustRules(t, s.rules)
	rules.Swap = false
	h := mustNew(t, rules, s.deal(t))
	for seat := range mahjong.Seats {
		mustApply(t, h, mahjong.Command{Action: mahjong.ActVoid, Seat: seat, Suit: mahjong.Tiao})
	}
	var items []string
	for _, step := range strings.Split(s.script, ", ") {
		for _, e := range s.step(t, h, strings.Fields(step)) {
			for _, it := range e.Items {
				items = append(items, fmt.Sprintf("%s %d>%d %d", it.Why, it.From, it.To, it.Points))
			}
		}
	}
	playOut(t, h, onlyTimeouts(h), nil)
	r, _ := h.Result()
	got := fmt.Sprintf("%s; dealer %d", strings.Join(items, ", "), r.NextDealer)
	for _, it := range r.Items {
		if it.Why == mahjong.WhyTuiShui {
			got += fmt.Sprintf(", %d>%d back", it.From, it.To)
		}
	}
	if got != s.want {
		t.Errorf("got  %s\nwant %s", got, s.want)
	}
}

func (s *scenario) step(t *testing.T, h *mahjong.Hand, words []string) []mahjong.Event {
	t.Helper()
	seat := int(words[0][0] - '0')
	view := h.View(seat)
	c := mahjong.Command{Seat: seat}
	var kind mahjong.Kind
	if len(words) > 2 {
		kind = parseKinds(t, words[2])[0]
	}
	action, refused := strings.CutPrefix(words[1], "refuse-")
	switch action {
	case "-":
		c.Action, c.Tile = mahjong.ActDiscard, view.Drawn
	case "discard":
		c.Action, c.Tile = mahjong.ActDiscard, mahjong.NoTile
		for _, tile := range view.Hand {
			if tile.Kind() == kind {
				c.Tile = tile
			}
		}
	case "an":
		c.Action, c.Kind = mahjong.ActAnGang, kind
	case "bu":
		c.Action, c.Kind = mahjong.ActBuGang, kind
	default:
		c.Action = actions[action]
	}
	if refused {
		if _, err := h.Apply(c); err == nil {
			t.Fatalf("%v was not refused", words)
		}
		return nil
	}
	events, err := h.Apply(c)
	if err != nil {
		t.Fatalf("%v: %v", words, err)
	}
	return events
}

// deal stacks the wall: the hands, the draws, and then what is left, tiao first.
func (s *scenario) deal(t *testing.T) mahjong.Deal {
	t.Helper()
	var used [mahjong.NumKinds]int
	take := func(k mahjong.Kind) mahjong.Tile {
		if used[k] == 4 {
			t.Fatalf("five tiles %v", k)
		}
		used[k]++
		return mahjong.Tile(int(k)*4 + used[k] - 1)
	}
	d := mahjong.Deal{SwapDir: 1}
	for seat, text := range s.hands {
		kinds := parseKinds(t, text)
		if want := 13 + max(0, 1-seat); len(kinds) != want {
			t.Fatalf("seat %d has %d tiles", seat, len(kinds))
		}
		for i, k := range kinds {
			switch {
			case i < 12:
				d.Wall[i/4*16+seat*4+i%4] = take(k)
			case i == 12:
				d.Wall[48+seat] = take(k)
			default:
				d.Wall[52] = take(k)
			}
		}
	}
	pos := 53
	for _, k := range parseKinds(t, s.draws) {
		d.Wall[pos] = take(k)
		pos++
	}
	for k := mahjong.Kind(mahjong.NumKinds - 1); pos < mahjong.NumTiles; k-- {
		for used[k] < 4 {
			d.Wall[pos] = take(k)
			pos++
		}
	}
	return d
}

func parseKinds(t *testing.T, text string) (kinds []mahjong.Kind) {
	t.Helper()
	var ranks []byte
	for _, c := range []byte(text) {
		suit := strings.IndexByte("mps", c)
		if suit < 0 {
			ranks = append(ranks, c-'1')
			continue
		}
		for _, r := range ranks {
			kinds = append(kinds, mahjong.Kind(suit*9)+mahjong.Kind(r))
		}
		ranks = ranks[:0]
	}
	if len(ranks) > 0 {
		t.Fatalf("%q ends without a suit", text)
	}
	return kinds
}
