package gametest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"teahouse/pkg/game"
	"teahouse/pkg/game/gametest"
	"teahouse/pkg/game/rulebook"
	"teahouse/pkg/wire/wirepb"
)

func say(english, chinese string) game.Text { return game.Text{English: english, Chinese: chinese} }

func raw(text string) json.RawMessage { return json.RawMessage(text) }

// book is a game of which only the rules matter. It keeps its promises unless it is told otherwise.
type book struct {
	game.Game
	options func() game.Catalogue
	rules   func(overrides []byte) ([]byte, error)
}

func (book) Name() string                         { return "book" }
func (book) Version() uint32                      { return 1 }
func (b book) Options() game.Catalogue            { return b.options() }
func (b book) Rules(given []byte) ([]byte, error) { return b.rules(given) }

func bookOptions() game.Catalogue {
	return game.Catalogue{
		Groups: []game.OptionGroup{
			{Name: "play", Label: say("Play", "玩法"), Options: []game.Option{
				{
					Key: "kind", Kind: game.OptionChoice, Label: say("Kind", "种类"), Help: say("Which one.", "哪一种。"), Default: raw(`"short"`),
					Values: []game.OptionValue{
						{Value: raw(`"short"`), Label: say("a short game", "短局")},
						{Value: raw(`"long"`), Label: say("a long game", "长局")},
						{Value: raw(`"own"`), Label: say("one of one's own", "自定"), Needs: []string{"stakes"}},
					},
				},
				{
					Key: "turns", Kind: game.OptionNumber, Label: say("Turns", "轮数"), Help: say("How many.", "几轮。"), Default: raw("4"),
					Defaults: []game.OtherDefault{{If: game.Condition{Key: "kind", Values: []json.RawMessage{raw(`"long"`)}}, Default: raw("9")}},
					Range:    game.Range{Max: 20}, Unit: say("turns", "轮"), Values: []game.OptionValue{{Value: raw("0"), Label: say("no limit", "不限")}},
				},
			}},
			{Name: "money", Label: say("Money", "输赢"), Options: []game.Option{
				{Key: "double", Kind: game.OptionBool, Label: say("Double", "加倍"), Help: say("Twice.", "两倍。"), Default: raw("false")},
				{
					Key: "stakes", Kind: game.OptionNumbers, Label: say("Stakes", "注"), Help: say("By seat.", "按座位。"), Length: 2,
					Range: game.Range{Min: -5, Max: 5}, Default: raw("[0,0]"), Only: &game.Condition{Key: "kind", Values: []json.RawMessage{raw(`"own"`)}},
				},
			}},
		},
		Presets: []game.Preset{
			{Name: "short", Label: say("Short", "短"), Help: say("As usual.", "照常。"), Rules: raw(`{}`)},
			{Name: "long", Label: say("Long", "长"), Help: say("Takes long.", "要很久。"), Rules: raw(`{"kind":"long"}`)},
		},
	}
}

func newBook() book {
	return book{options: bookOptions, rules: func(given []byte) ([]byte, error) { return rulebook.Complete(bookOptions(), given) }}
}

// broken returns how a game breaks a promise.
func broken(t *testing.T, g game.Game, name string, cfg gametest.Config) error {
	t.Helper()
	for _, p := range gametest.Promises() {
		if p.Name == name {
			return p.Check(g, cfg)
		}
	}
	t.Fatalf("nobody promises %q", name)
	return nil
}

func TestBookKeepsItsPromises(t *testing.T) {
	for _, promise := range []string{"options", "rules"} {
		if err := broken(t, newBook(), promise, gametest.Config{}); err != nil {
			t.Errorf("%s: %v", promise, err)
		}
	}
}

// TestFalseCatalogues: each way in which a catalogue can differ from the rules, or be of no use to people, is
// found and named.
func TestFalseCatalogues(t *testing.T) {
	for name, c := range map[string]struct {
		change func(c *game.Catalogue, kind, turns, double, stakes *game.Option)
		want   string
	}{
		"an option less": {func(c *game.Catalogue, _, _, _, _ *game.Option) { c.Groups[1].Options = c.Groups[1].Options[1:] },
			"Rules knows what Options does not list: double: false"},
		"an option more": {func(c *game.Catalogue, _, _, double, _ *game.Option) {
			more := *double
			more.Key = "triple"
			c.Groups[1].Options = append(c.Groups[1].Options, more)
		}, `Rules refuses {"triple":true}`},
		"a higher maximum": {func(_ *game.Catalogue, _, turns, _, _ *game.Option) { turns.Range.Max++ }, "21 is not in 0 to 20"},
		"a lower maximum":  {func(_ *game.Catalogue, _, turns, _, _ *game.Option) { turns.Range.Max-- }, `Rules takes {"turns":20}`},
		"a lower minimum":  {func(_ *game.Catalogue, _, _, _, stakes *game.Option) { stakes.Range.Min-- }, "-6 is not in -5 to 5"},
		"a higher minimum": {func(_ *game.Catalogue, _, _, _, stakes *game.Option) { stakes.Range.Min++ }, "Rules takes"},
		"another length": {func(_ *game.Catalogue, _, _, _, stakes *game.Option) {
			stakes.Length, stakes.Default = 3, raw("[0,0,0]")
		}, "is not a list of 2"},
		"a value less": {func(_ *game.Catalogue, kind, _, _, _ *game.Option) { kind.Values = kind.Values[:2] }, "option stakes: its effect is"},
		"a value more": {func(_ *game.Catalogue, kind, _, _, _ *game.Option) { kind.Values[1].Value = raw(`"longer"`) }, "option turns: its other default is"},
		"another kind": {func(_ *game.Catalogue, _, _, double, _ *game.Option) {
			double.Kind, double.Range, double.Default = game.OptionNumber, game.Range{Max: 1}, raw("0")
		}, "option \"double\": false is not a whole number"},
		"another default":      {func(_ *game.Catalogue, _, _, double, _ *game.Option) { double.Default = raw("true") }, "Rules has the default false, Options true"},
		"no other default":     {func(_ *game.Catalogue, _, turns, _, _ *game.Option) { turns.Defaults = nil }, `{"kind":"long"}: option turns is 9, and by Options 4`},
		"another default if":   {func(_ *game.Catalogue, _, turns, _, _ *game.Option) { turns.Defaults[0].Default = raw("8") }, "option turns is 9, and by Options 8"},
		"a need less":          {func(_ *game.Catalogue, kind, _, _, _ *game.Option) { kind.Values[2].Needs = nil }, `Rules refuses {"kind":"own"}`},
		"a need more":          {func(_ *game.Catalogue, kind, _, _, _ *game.Option) { kind.Values[1].Needs = []string{"double"} }, `Rules takes {"kind":"long"}`},
		"a need of nothing":    {func(_ *game.Catalogue, kind, _, _, _ *game.Option) { kind.Values[1].Needs = []string{"komi"} }, `needs "komi"`},
		"depends on nothing":   {func(_ *game.Catalogue, _, _, _, stakes *game.Option) { stakes.Only.Key = "komi" }, `its effect depends on "komi"`},
		"depends on itself":    {func(_ *game.Catalogue, _, _, _, stakes *game.Option) { stakes.Only.Key = "stakes" }, `its effect depends on "stakes"`},
		"a key twice":          {func(_ *game.Catalogue, _, _, double, _ *game.Option) { double.Key = "turns" }, "option turns is there twice"},
		"a value twice":        {func(_ *game.Catalogue, kind, _, _, _ *game.Option) { kind.Values[1] = kind.Values[0] }, "is there twice"},
		"a group twice":        {func(c *game.Catalogue, _, _, _, _ *game.Option) { c.Groups[1].Name = "play" }, "group play: its name"},
		"a default with space": {func(_ *game.Catalogue, _, _, _, stakes *game.Option) { stakes.Default = raw("[0, 0]") }, "option stakes: its default is [0, 0]"},
		"no label":             {func(_ *game.Catalogue, _, _, double, _ *game.Option) { double.Label.Chinese = "" }, `option double, label: "" in zh`},
		"no help":              {func(_ *game.Catalogue, _, _, double, _ *game.Option) { double.Help.English = "" }, `option double, help: "" in en`},
		"help in pieces":       {func(_ *game.Catalogue, _, _, double, _ *game.Option) { double.Help.English = "twice\nas much" }, "is not a line of words"},
		"half a help":          {func(_ *game.Catalogue, _, _, double, _ *game.Option) { double.Help.English = "twice" }, "is not a sentence"},
		"a value's label":      {func(_ *game.Catalogue, _, turns, _, _ *game.Option) { turns.Values[0].Label = game.Text{} }, `option turns, value 0: "" in en`},
		"a group's label":      {func(c *game.Catalogue, _, _, _, _ *game.Option) { c.Groups[1].Label = game.Text{} }, `group money, label: "" in en`},
		"one language twice":   {func(_ *game.Catalogue, _, _, double, _ *game.Option) { double.Label.Chinese = "Double" }, `"Double" is not in zh`},
		"half a unit":          {func(_ *game.Catalogue, _, turns, _, _ *game.Option) { turns.Unit.Chinese = "" }, "option turns, unit"},
		"a false preset":       {func(c *game.Catalogue, _, _, _, _ *game.Option) { c.Presets[1].Rules = raw(`{"turns":99}`) }, "preset long:"},
		"a preset twice":       {func(c *game.Catalogue, _, _, _, _ *game.Option) { c.Presets[1].Rules = raw(`{"turns":4}`) }, "are the same"},
		"no default preset":    {func(c *game.Catalogue, _, _, _, _ *game.Option) { c.Presets = c.Presets[1:] }, "is not the default"},
	} {
		b := newBook()
		b.options = func() game.Catalogue {
			made := bookOptions()
			play, money := made.Groups[0].Options, made.Groups[1].Options
			c.change(&made, &play[0], &play[1], &money[0], &money[1])
			return made
		}
		if err := broken(t, b, "options", gametest.Config{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSharedCatalogue: a catalogue that its callers share is found, however deep it is shared.
func TestSharedCatalogue(t *testing.T) {
	for name, share := range map[string]func(to, from *game.Catalogue){
		"groups":    func(to, from *game.Catalogue) { to.Groups = from.Groups },
		"a default": func(to, from *game.Catalogue) { to.Groups[0].Options[0].Default = from.Groups[0].Options[0].Default },
		"a need": func(to, from *game.Catalogue) {
			to.Groups[0].Options[0].Values[2].Needs = from.Groups[0].Options[0].Values[2].Needs
		},
		"an effect": func(to, from *game.Catalogue) { to.Groups[1].Options[1].Only = from.Groups[1].Options[1].Only },
		"a preset":  func(to, from *game.Catalogue) { to.Presets[1].Rules = from.Presets[1].Rules },
	} {
		b, shared := newBook(), bookOptions()
		b.options = func() game.Catalogue {
			c := bookOptions()
			share(&c, &shared)
			return c
		}
		if err := broken(t, b, "options", gametest.Config{}); err == nil || !strings.Contains(err.Error(), "changes it for others") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFalseRules: each way of reading rules too widely, or of writing them in more than one form, is found.
func TestFalseRules(t *testing.T) {
	complete := newBook().rules
	for name, c := range map[string]struct {
		rules   func(given []byte) ([]byte, error)
		promise string
		want    string
	}{
		"a repeated key": {func(given []byte) ([]byte, error) {
			var m map[string]json.RawMessage
			if json.Unmarshal(given, &m) != nil {
				return complete(given)
			}
			text, _ := json.Marshal(m)
			return complete(text)
		}, "options", `"turns":4,"turns":4`},
		"a key of its own": {func(given []byte) ([]byte, error) {
			whole, err := complete(given)
			if err == nil {
				whole = append(whole[:len(whole)-1], `,"komi":6}`...)
			}
			return whole, err
		}, "options", "Rules knows what Options does not list: komi: 6"},
		"no name": {func(given []byte) ([]byte, error) {
			whole, err := complete(given)
			if err != nil {
				err = game.Errorf(wirepb.Code_RULES_INVALID, "something is wrong")
			}
			return whole, err
		}, "options", "without a word of"},
		"no code": {func(given []byte) ([]byte, error) {
			whole, err := complete(given)
			if err != nil {
				err = errors.New(err.Error())
			}
			return whole, err
		}, "rules", "with the code OK"},
		"as it was given": {func(given []byte) ([]byte, error) {
			if _, err := complete(given); err != nil || len(given) == 0 {
				return complete(given)
			}
			return bytes.Clone(given), nil
		}, "rules", "and nothing as"},
		"null": {func(given []byte) ([]byte, error) {
			if string(given) == "null" {
				given = nil
			}
			return complete(given)
		}, "rules", "Rules takes null"},
		"kept": {func() func(given []byte) ([]byte, error) {
			kept := make(map[string][]byte)
			return func(given []byte) ([]byte, error) {
				if whole := kept[string(given)]; whole != nil {
					return whole, nil
				}
				whole, err := complete(given)
				kept[string(given)] = whole
				return whole, err
			}
		}(), "rules", "changes it for others"},
		"what is given is changed": {func(given []byte) ([]byte, error) {
			whole, err := complete(given)
			if err != nil {
				clear(given)
			}
			return whole, err
		}, "rules", "has changed what it was given"},
		"too narrow": {func(given []byte) ([]byte, error) {
			whole, err := complete(given)
			if err == nil && slices.Contains(given, '\n') {
				err = game.Errorf(wirepb.Code_RULES_INVALID, "turns, on one line please")
			}
			return whole, err
		}, "rules", "on one line please"},
		"a panic": {func(given []byte) ([]byte, error) {
			if len(given) > 0 && given[0] == 0xff {
				panic("what is that?")
			}
			return complete(given)
		}, "rules", "a panic: what is that?"},
	} {
		b := newBook()
		b.rules = c.rules
		if err := broken(t, b, c.promise, gametest.Config{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOptionsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "options.json")
	cfg := gametest.Config{OptionsFile: file}
	stale := func() bool {
		err := broken(t, newBook(), "options", cfg)
		return err != nil && strings.Contains(err.Error(), "is not fresh")
	}
	if !stale() {
		t.Error("a file that is not there is fresh")
	}
	t.Setenv("TEAHOUSE_UPDATE", "1")
	if stale() {
		t.Error("it is not written")
	}
	t.Setenv("TEAHOUSE_UPDATE", "")
	if stale() {
		t.Error("what was written is not fresh")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(text, []byte("twice"), []byte("thrice"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(text, []byte("Twice"), []byte("Thrice"), 1), 0o644); err != nil || !stale() {
		t.Errorf("a changed file is fresh, %v", err)
	}
}
