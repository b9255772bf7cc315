package mahjong_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"teahouse/pkg/mahjong"
)

var update = flag.Bool("update", false, "write the golden output of the scenarios anew")

// TestScenarios plays the scripts in testdata/scenarios, about rules that are often disputed;
// testdata/scenarios/README.md explains the format. What happens is compared with what follows
// "----" in the same file.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, _ := bytes.Cut(text, []byte("----\n"))
			s := parseScenario(t, string(input))
			got := s.run(t)
			if *update {
				if err := os.WriteFile(file, append(append(input, "----\n"...), got...), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// scenario is a stacked hand played by a script.
type scenario struct {
	rules  string
	swap   bool
	dealer int
	hands  [mahjong.Seats][]mahjong.Kind
	void   string // by seat
	wall   []mahjong.Kind
	last   []mahjong.Kind
	steps  []string
}

func parseScenario(t *testing.T, text string) *scenario {
	s := &scenario{void: "ssss"}
	for _, line := range strings.Split(text, "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "", "#":
		case "rules":
			s.rules = rest
		case "dealer":
			s.dealer = int(rest[0] - '0')
		case "0", "1", "2", "3":
			s.hands[word[0]-'0'] = parseKinds(t, rest)
		case "void":
			s.void = rest
		case "wall":
			s.wall = parseKinds(t, rest)
		case "last":
			s.last = parseKinds(t, rest)
		case ">":
			s.swap = s.swap || strings.Contains(rest, "swap")
			s.steps = append(s.steps, strings.Split(rest, ", ")...)
		default:
			t.Fatalf("line %q", line)
		}
	}
	return s
}

func (s *scenario) run(t *testing.T) string {
	rules := mustRules(t, s.rules)
	rules.Swap = s.swap
	p := &player{t: t, h: mustNew(t, rules, s.deal(t))}
	if !s.swap {
		p.chooseVoids(s.void)
	}
	for _, step := range s.steps {
		fmt.Fprintf(&p.out, "> %s\n", step)
		p.step(strings.Fields(step))
		if p.h.View(mahjong.Spectator).Phase == mahjong.PhaseVoid {
			p.chooseVoids(s.void)
		}
	}
	if r, over := p.h.Result(); over {
		fmt.Fprintf(&p.out, "scores %+d, dealer %d\n", r.Scores, r.NextDealer)
	}
	return p.out.String()
}

// deal stacks the wall: the hands, the next draws, the last draws, and in between what is left,
// tiao first and the highest ranks first.
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
	d := mahjong.Deal{Dealer: s.dealer, SwapDir: 1}
	for seat, kinds := range s.hands {
		nth := (seat - s.dealer + mahjong.Seats) % mahjong.Seats // to be dealt
		if want := 13 + max(0, 1-nth); len(kinds) != want {
			t.Fatalf("seat %d has %d tiles", seat, len(kinds))
		}
		for i, k := range kinds {
			switch {
			case i < 12:
				d.Wall[i/4*16+nth*4+i%4] = take(k)
			case i == 12:
				d.Wall[48+nth] = take(k)
			default:
				d.Wall[52] = take(k)
			}
		}
	}
	pos, end := 53, mahjong.NumTiles-len(s.last)
	for i, k := range s.last {
		d.Wall[end+i] = take(k)
	}
	for _, k := range s.wall {
		d.Wall[pos] = take(k)
		pos++
	}
	for k := mahjong.Kind(mahjong.NumKinds - 1); pos < end; k-- {
		for used[k] < 4 {
			d.Wall[pos] = take(k)
			pos++
		}
	}
	return d
}

// player plays a script and records what happens.
type player struct {
	t     *testing.T
	h     *mahjong.Hand
	out   strings.Builder
	quiet bool // record only wins, gangs and the end
}

func (p *player) chooseVoids(suits string) {
	for seat := range mahjong.Seats {
		suit := mahjong.Suit(strings.IndexByte("mps", suits[seat]))
		p.apply(mahjong.Command{Action: mahjong.ActVoid, Seat: seat, Suit: suit})
	}
	p.offers()
}

// step plays one step: "until n", "end", "release", "view seat", or a seat and its action.
func (p *player) step(words []string) {
	p.t.Helper()
	switch words[0] {
	case "until":
		left, err := strconv.Atoi(words[1])
		if err != nil {
			p.t.Fatal(err)
		}
		p.timeouts(func() bool { return p.h.Wall() == left && p.h.View(0).Phase == mahjong.PhaseTurn })
	case "end":
		p.timeouts(func() bool { return false })
	case "release":
		p.apply(mahjong.Command{Action: mahjong.ActRelease})
	case "view":
		p.view(int(words[1][0] - '0'))
		return
	default:
		p.seatDoes(int(words[0][0]-'0'), words[1:])
	}
	p.offers()
}

// timeouts lets all prompts time out until done.
func (p *player) timeouts(done func() bool) {
	p.quiet = true
	for !p.h.Finished() && !done() {
		p.apply(next(p.t, p.h, onlyTimeouts(p.h)))
	}
	p.quiet = false
}

func (p *player) seatDoes(seat int, words []string) {
	p.t.Helper()
	view := p.h.View(seat)
	refused := words[0] == "refused"
	if refused {
		words = words[1:]
	}
	var kinds []mahjong.Kind
	if len(words) > 1 && words[0] != "void" {
		kinds = parseKinds(p.t, words[1])
	}
	c := mahjong.Command{Seat: seat, Tile: mahjong.NoTile}
	switch words[0] {
	case "-":
		c.Action, c.Tile = mahjong.ActDiscard, view.Drawn
	case "timeout":
		c.Action = mahjong.ActTimeout
	case "auto":
		c = p.h.Auto(seat)
	case "swap":
		c.Action = mahjong.ActSwap
		copy(c.Tiles[:], tilesOf(view.Hand, kinds))
	case "discard":
		c.Action, c.Tile = mahjong.ActDiscard, tilesOf(view.Hand, kinds)[0]
	default:
		c.Action = actions[words[0]]
		if len(kinds) > 0 {
			c.Kind = kinds[0]
		}
	}
	if !refused {
		p.apply(c)
		return
	}
	_, err := p.h.Apply(c)
	if err == nil {
		p.t.Fatalf("%d %v was not refused", seat, words)
	}
	fmt.Fprintf(&p.out, "%v\n", err)
}

// tilesOf picks the highest tiles of kinds from a hand, which holds them in ascending
// order.
func tilesOf(hand []mahjong.Tile, kinds []mahjong.Kind) (tiles []mahjong.Tile) {
	for _, k := range kinds {
		found := mahjong.NoTile
		for _, t := range hand {
			if t.Kind() == k && !slices.Contains(tiles, t) {
				found = t
			}
		}
		tiles = append(tiles, found)
	}
	return tiles
}

func (p *player) apply(c mahjong.Command) {
	p.t.Helper()
	for _, e := range mustApply(p.t, p.h, c) {
		if text := p.event(e); text != "" {
			p.out.WriteString(text)
			for _, it := range e.Items {
				fmt.Fprintf(&p.out, "  %s %d>%d %d\n", it.Why, it.From, it.To, it.Points)
			}
		}
	}
}

func (p *player) event(e mahjong.Event) string {
	switch e.Kind {
	case mahjong.EventGang:
		text := fmt.Sprintf("%d %s gang %v", e.Seat, e.Meld.Type, e.Meld.Kind)
		if e.From >= 0 {
			text += fmt.Sprintf(" from %d", e.From)
		}
		return text + "\n"
	case mahjong.EventHu:
		var fans []string
		for _, f := range e.Win.Score.Items() {
			fans = append(fans, fmt.Sprintf("%s %d", f.ID, f.Fan))
		}
		title, _ := e.Win.Score.Title()
		return fmt.Sprintf("%d wins %v from %d by %s: %s; %s, %d fan, %d points\n", e.Seat, e.Tile.Kind(), e.From,
			e.Win.How, strings.Join(fans, " "), title, e.Win.Score.Fan, e.Win.Points)
	case mahjong.EventEnd:
		return fmt.Sprintf("end %s, %v\n", e.End.Reason, e.End.Status)
	case mahjong.EventLeave:
		return fmt.Sprintf("%d is out\n", e.Seat)
	}
	if p.quiet {
		return ""
	}
	switch e.Kind {
	case mahjong.EventSwap:
		given := e.Shown.Given
		return fmt.Sprintf("swap %d: %s %s %s %s\n", e.Dir, kindsText(given[0]), kindsText(given[1]), kindsText(given[2]), kindsText(given[3]))
	case mahjong.EventDraw:
		text := fmt.Sprintf("%d draws %v", e.Seat, e.Tile.Kind())
		if e.Replacement {
			text += " for a gang"
		}
		return text + "\n"
	case mahjong.EventDiscard, mahjong.EventBuGang:
		return fmt.Sprintf("%d %s %v\n", e.Seat, e.Kind, e.Tile.Kind())
	case mahjong.EventPeng:
		return fmt.Sprintf("%d peng %v from %d\n", e.Seat, e.Tile.Kind(), e.From)
	}
	return ""
}

// offers records what the open prompts offer besides a discard and a pass.
func (p *player) offers() {
	for seat := range mahjong.Seats {
		o := p.h.Prompt(seat)
		text := ""
		for _, x := range []struct {
			offered bool
			what    string
		}{{o.Hu, " hu"}, {o.Gang, " gang"}, {o.Peng, " peng"}} {
			if x.offered {
				text += x.what
			}
		}
		for _, k := range o.An {
			text += " an " + k.String()
		}
		for _, k := range o.Bu {
			text += " bu " + k.String()
		}
		if text != "" {
			fmt.Fprintf(&p.out, "? %d%s\n", seat, text)
		}
	}
}

// view records what a seat sees of the others' melds and concealed tiles.
func (p *player) view(viewer int) {
	v := p.h.View(viewer)
	for seat, s := range v.Seats {
		text := fmt.Sprintf("%d:", seat)
		for _, m := range s.Melds {
			text += fmt.Sprintf(" %s-%v", m.Type, m.Kind)
		}
		fmt.Fprintf(&p.out, "%s %d concealed %s\n", text, s.Concealed, cmp.Or(kindsText(s.Hand), "hidden"))
	}
}

// kindsText writes tiles as parseKinds reads them.
func kindsText(tiles []mahjong.Tile) (text string) {
	for i, t := range tiles {
		k := t.Kind().String()
		text += k[:1]
		if i == len(tiles)-1 || tiles[i+1].Kind().Suit() != t.Kind().Suit() {
			text += k[1:]
		}
	}
	return text
}

func parseKinds(t testing.TB, text string) (kinds []mahjong.Kind) {
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
