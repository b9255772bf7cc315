package explain_test

import (
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"teahouse/bench/explain"
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/notation"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden explains the hands of testdata/hands.txt, one per line, in both languages.
func TestGolden(t *testing.T) {
	hands, err := os.ReadFile(filepath.Join("testdata", "hands.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []game.Language{game.English, game.Chinese} {
		var got strings.Builder
		for text := range strings.Lines(string(hands)) {
			if err := explain.Explain(&got, strings.TrimSpace(text), lang); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			got.WriteString("----\n")
		}
		file := filepath.Join("testdata", "explained."+string(lang)+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("%s: got\n%s", file, got.String())
		}
	}
}

// TestSaysWaitsOnlyWhereItWaits explains random hands that are near to a win, many of them full of four of a kind: whatever is said
// to wait has a tile that can come, in both languages.
func TestSaysWaitsOnlyWhereItWaits(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	said := map[string]int{}
	for range 3000 {
		text, s, fourteen := nearlyWaiting(rng)
		var out [2]strings.Builder
		for i, lang := range []game.Language{game.English, game.Chinese} {
			if err := explain.Explain(&out[i], text, lang); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
		english, chinese := out[0].String(), out[1].String()
		for _, said := range [][2]string{{"It waits for:", "\n听牌:\n"}, {"no tile can come", "无牌可听"}, {"once its tiles of the third suit", "打完第三门"}} {
			if strings.Count(english, said[0]) != strings.Count(chinese, said[1]) {
				t.Fatalf("%q but not %q:\n%s%s", said[0], said[1], english, chinese)
			}
		}
		if !fourteen {
			if waits := s.Waits() != 0; waits != strings.Contains(english, "It waits for:") || strings.Contains(english, "then it waits") {
				t.Fatalf("waits %v:\n%s", waits, english)
			}
		}
		for line := range strings.Lines(english) {
			name, what, _ := strings.Cut(strings.TrimSpace(line), ": ")
			for _, phrase := range []string{"then it waits", "no tile can come", "it waits once", "(0 tiles)"} {
				if strings.Contains(line, phrase) {
					said[phrase]++
				}
			}
			if strings.HasPrefix(what, "then it waits") {
				rest := s
				for k := range mahjong.Kind(mahjong.NumKinds) {
					if k.String() == name {
						rest.Concealed[k]--
					}
				}
				if rest.Waits() == 0 {
					t.Fatalf("%s does not wait for anything:\n%s", name, english)
				}
			}
		}
	}
	if said["then it waits"] == 0 || said["no tile can come"] == 0 || said["it waits once"] == 0 || said["(0 tiles)"] > 0 {
		t.Errorf("said %v", said)
	}
}

// nearlyWaiting returns a hand of 13 or 14 tiles of few kinds that does not win.
func nearlyWaiting(rng *rand.Rand) (text string, s mahjong.Shape, fourteen bool) {
	for {
		s = mahjong.Shape{Void: mahjong.Tiao}
		fourteen = rng.IntN(2) == 0
		var left [mahjong.NumKinds]uint8
		for k := range left {
			left[k] = 4
		}
		low := rng.IntN(4)
		kind := func() int { return low + rng.IntN(5) + 9*(rng.IntN(4)/3) }
		for range rng.IntN(5) {
			m := mahjong.MeldShape{Type: []mahjong.MeldKind{mahjong.Peng, mahjong.ZhiGang, mahjong.AnGang}[rng.IntN(3)], Kind: mahjong.Kind(kind())}
			if left[m.Kind] == 4 {
				left[m.Kind] = 0
				if m.Type == mahjong.Peng {
					left[m.Kind] = 1
				}
				s.Melds = append(s.Melds, m)
			}
		}
		need := 13 - 3*len(s.Melds)
		if fourteen {
			need++
		}
		for tries := 0; need > 0 && tries < 99; tries++ {
			k := kind()
			if rng.IntN(24) == 0 {
				k = 18 + rng.IntN(9)
			}
			if n := min(int(left[k]), need, 1+rng.IntN(4)); n > 0 {
				s.Concealed[k] += uint8(n)
				left[k] -= uint8(n)
				need -= n
			}
		}
		if need > 0 || fourteen && s.Win() {
			continue
		}
		text = notation.Tiles(&s.Concealed)
		for _, m := range s.Melds {
			text += " " + notation.Meld(m)
		}
		return text + " void=s", s, fourteen
	}
}

func TestRefused(t *testing.T) {
	var out strings.Builder
	var syntax *notation.SyntaxError
	if err := explain.Explain(&out, "123m 45x", game.English); !errors.As(err, &syntax) || syntax.Position != 8 {
		t.Errorf("bad notation: %v", err)
	}
	var option *mahjong.OptionError
	if err := explain.Explain(&out, `123m456m789m11p23p {"cup":3}`, game.English); !errors.As(err, &option) || option.Key != "cup" {
		t.Errorf("bad rules: %v", err)
	}
	if out.Len() > 0 {
		t.Errorf("an error, and %q", out.String())
	}
}
