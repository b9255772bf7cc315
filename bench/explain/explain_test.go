package explain_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"teahouse/bench/explain"
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
	for _, lang := range []explain.Language{explain.English, explain.Chinese} {
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

func TestRefused(t *testing.T) {
	var out strings.Builder
	var syntax *notation.SyntaxError
	if err := explain.Explain(&out, "123m 45x", explain.English); !errors.As(err, &syntax) || syntax.Position != 8 {
		t.Errorf("bad notation: %v", err)
	}
	var option *mahjong.OptionError
	if err := explain.Explain(&out, `123m456m789m11p23p {"cup":3}`, explain.English); !errors.As(err, &option) || option.Key != "cup" {
		t.Errorf("bad rules: %v", err)
	}
	if out.Len() > 0 {
		t.Errorf("an error, and %q", out.String())
	}
	if l, err := explain.ParseLanguage("de"); err == nil {
		t.Errorf("de is %q", l)
	}
}
