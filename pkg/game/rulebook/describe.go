package rulebook

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"teahouse/pkg/game"
)

// Describe writes the options of c as a table for whoever writes rules: keys, values, defaults and help.
func Describe(w io.Writer, c game.Catalogue, l game.Language) error {
	words := wordsOf(l)
	var out strings.Builder
	width := 0
	for o := range options(c) {
		width = max(width, len(o.Key))
	}
	line := func(key, format string, args ...any) {
		fmt.Fprintf(&out, "  %-*s  %s\n", width, key, fmt.Sprintf(format, args...))
	}
	for i, g := range c.Groups {
		if i > 0 {
			fmt.Fprintln(&out)
		}
		fmt.Fprintln(&out, g.Label.In(l))
		for _, o := range g.Options {
			line(o.Key, "%s%s%s", o.Label.In(l), words.colon, values(&o, l))
			line("", "%s", o.Help.In(l))
			if o.Only != nil {
				line("", words.only, o.Only.Key, joined(o.Only.Values, words.or))
			}
		}
	}
	for i, p := range c.Presets {
		if i == 0 {
			fmt.Fprintf(&out, "\n%s\n", words.presets)
		}
		line(p.Name, "%s%s%s", p.Label.In(l), words.colon, p.Help.In(l))
		line("", "%s", p.Rules)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// values lists what an option can be, and its defaults.
func values(o *game.Option, l game.Language) string {
	words := wordsOf(l)
	var parts []string
	span := fmt.Sprintf(words.to, o.Range.Min, o.Range.Max)
	switch o.Kind {
	case game.OptionBool:
		parts = append(parts, "true"+words.or+"false")
	case game.OptionNumber:
		parts = append(parts, span)
	case game.OptionNumbers:
		parts = append(parts, fmt.Sprintf(words.list, o.Length, span))
	}
	if unit := o.Unit.In(l); unit != "" {
		parts[len(parts)-1] += " " + unit
	}
	for _, v := range o.Values {
		said := fmt.Sprintf("%s = %s", v.Value, v.Label.In(l))
		if len(v.Needs) > 0 {
			said += words.open + fmt.Sprintf(words.needs, strings.Join(v.Needs, words.comma)) + words.close
		}
		parts = append(parts, said)
	}
	parts = append(parts, fmt.Sprintf(words.standard, o.Default))
	for _, d := range o.Defaults {
		parts[len(parts)-1] += words.open + fmt.Sprintf("%s = %s%s%s", d.If.Key, joined(d.If.Values, words.or), words.colon, d.Default) + words.close
	}
	return strings.Join(parts, words.semicolon)
}

func joined(values []json.RawMessage, between string) string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return strings.Join(all, between)
}

// JSON is the catalogue of a game as a file for clients that are not in Go: an object with "game" (its name),
// "version", and the fields of game.Catalogue. Equal catalogues give equal bytes.
func JSON(g game.Game) ([]byte, error) {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(struct {
		Game    string `json:"game"`
		Version uint32 `json:"version"`
		game.Catalogue
	}{g.Name(), g.Version(), g.Options()})
	return []byte(out.String()), err
}
