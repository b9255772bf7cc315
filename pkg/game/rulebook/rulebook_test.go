package rulebook_test

import (
	"encoding/json"
	"strings"
	"testing"

	"teahouse/pkg/game"
	"teahouse/pkg/game/rulebook"
	"teahouse/pkg/wire/wirepb"
)

func say(english, chinese string) game.Text { return game.Text{English: english, Chinese: chinese} }

func raw(texts ...string) (all []json.RawMessage) {
	for _, t := range texts {
		all = append(all, json.RawMessage(t))
	}
	return all
}

// catalogue has an option of every kind.
func catalogue() game.Catalogue {
	return game.Catalogue{
		Groups: []game.OptionGroup{
			{Name: "play", Label: say("Play", "玩法"), Options: []game.Option{
				{
					Key: "kind", Kind: game.OptionChoice, Label: say("Kind", "种类"), Help: say("Which one.", "哪一种。"), Default: raw(`"short"`)[0],
					Values: []game.OptionValue{
						{Value: raw(`"short"`)[0], Label: say("a short game", "短局")},
						{Value: raw(`"long"`)[0], Label: say("a long game", "长局")},
						{Value: raw(`"own"`)[0], Label: say("one of one's own", "自定"), Needs: []string{"stakes"}},
					},
				},
				{
					Key: "turns", Kind: game.OptionNumber, Label: say("Turns", "轮数"), Help: say("How many.", "几轮。"), Unit: say("turns", "轮"),
					Default: raw("4")[0], Defaults: []game.OtherDefault{{If: game.Condition{Key: "kind", Values: raw(`"long"`)}, Default: raw("9")[0]}},
					Range: game.Range{Max: 20}, Values: []game.OptionValue{{Value: raw("0")[0], Label: say("no limit", "不限")}},
				},
			}},
			{Name: "money", Label: say("Money", "输赢"), Options: []game.Option{
				{Key: "double", Kind: game.OptionBool, Label: say("Double", "加倍"), Help: say("Twice.", "两倍。"), Default: raw("false")[0]},
				{
					Key: "stakes", Kind: game.OptionNumbers, Label: say("Stakes", "注"), Help: say("By seat.", "按座位。"), Length: 2,
					Range: game.Range{Min: -5, Max: 5}, Default: raw("[0,0]")[0], Only: &game.Condition{Key: "kind", Values: raw(`"own"`)},
				},
			}},
		},
		Presets: []game.Preset{{Name: "long", Label: say("Long", "长"), Help: say("Takes long.", "要很久。"), Rules: raw(`{"kind":"long"}`)[0]}},
	}
}

func TestComplete(t *testing.T) {
	for overrides, want := range map[string]string{
		"":                               `{"kind":"short","turns":4,"double":false,"stakes":[0,0]}`,
		" {}\n":                          `{"kind":"short","turns":4,"double":false,"stakes":[0,0]}`,
		`{"kind":"long"}`:                `{"kind":"long","turns":9,"double":false,"stakes":[0,0]}`,
		`{"turns":3,"kind":"long"}`:      `{"kind":"long","turns":3,"double":false,"stakes":[0,0]}`,
		`{"turns":-0,"double": true}`:    `{"kind":"short","turns":0,"double":true,"stakes":[0,0]}`,
		`{"stakes":[ -5, 5 ]}`:           `{"kind":"short","turns":4,"double":false,"stakes":[-5,5]}`,
		`{"kind":"\u006f"}`:              `option "kind": "\u006f" is none of "short", "long", "own"`,
		`{"kind":"l\u006fng"}`:           `{"kind":"long","turns":9,"double":false,"stakes":[0,0]}`,
		`{"kind":"own","stakes":[0,0]}`:  `{"kind":"own","turns":4,"double":false,"stakes":[0,0]}`,
		`{"kind":"own"}`:                 `option "stakes": missing: kind needs it`,
		`{"kind":null}`:                  `option "kind": null is not text`,
		`{"turns":21}`:                   `option "turns": 21 is not in 0 to 20`,
		`{"turns":-1}`:                   `option "turns": -1 is not in 0 to 20`,
		`{"turns":1.5}`:                  `option "turns": 1.5 is not a whole number`,
		`{"turns":1e1}`:                  `option "turns": 1e1 is not a whole number`,
		`{"turns":null}`:                 `option "turns": null is not a whole number`,
		`{"turns":99999999999999999999}`: `option "turns": 99999999999999999999 is not a whole number`,
		`{"double":1}`:                   `option "double": 1 is not true or false`,
		`{"double":null}`:                `option "double": null is not true or false`,
		`{"stakes":[0]}`:                 `option "stakes": [0] is not a list of 2`,
		`{"stakes":[0,0,0]}`:             `option "stakes": [0,0,0] is not a list of 2`,
		`{"stakes":[0,6]}`:               `option "stakes": 6 is not in -5 to 5`,
		`{"stakes":[0,null]}`:            `option "stakes": null is not a whole number`,
		`{"stakes":0}`:                   `option "stakes": 0 is not a list of 2`,
		`{"Turns":1}`:                    `option "Turns": there is no such option`,
		`{"":1}`:                         `option "": there is no such option`,
		`{"turns":1,"turns":1}`:          `option "turns": given twice`,
		`[]`:                             `rules are a JSON object`,
		`null`:                           `rules are a JSON object`,
		`{"turns":1`:                     `rules: unexpected end of JSON input`,
		`{} {}`:                          `rules: invalid character '{' after top-level value`,
	} {
		got, err := rulebook.Complete(catalogue(), []byte(overrides))
		if err == nil {
			if string(got) != want {
				t.Errorf("%s gives %s", overrides, got)
			}
			continue
		}
		if !strings.Contains(err.Error(), want) || game.CodeOf(err, 0) != wirepb.Code_RULES_INVALID {
			t.Errorf("%s: %v, want %s", overrides, err, want)
		}
	}
	if got, err := rulebook.Complete(game.Catalogue{}, nil); string(got) != "{}" || err != nil {
		t.Errorf("without options: %s, %v", got, err)
	}
}

func TestSheet(t *testing.T) {
	for _, c := range []struct {
		rules string
		lang  game.Language
		want  string
	}{
		{`{}`, game.English, `All as by default.

Play
  Kind: a short game
  Turns: 4 turns

Money
  Double: no
  Stakes: 0, 0 (no effect here)
`},
		{`{"kind":"long","turns":4,"double":true,"stakes":[1,-1]}`, game.Chinese, `与默认不同：
  种类：长局（默认：短局）
  轮数：4 轮（默认：9 轮）
  加倍：是（默认：否）
  注：1、-1（默认：0、0）

玩法
* 种类：长局
* 轮数：4 轮

输赢
* 加倍：是
* 注：1、-1（在此不起作用）
`},
		{`{"kind":"own","turns":0,"stakes":[1,-1],"swing":{"a":1}}`, game.English, `Differs from the default:
  Kind: one of one's own (default: a short game)
  Turns: no limit (default: 4 turns)
  Stakes: 1, -1 (default: 0, 0)
  swing: {"a":1} (unknown to this program)

Play
* Kind: one of one's own
* Turns: no limit

Money
  Double: no
* Stakes: 1, -1
`},
	} {
		sheet, err := rulebook.Read(catalogue(), []byte(c.rules))
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := sheet.Write(&out, c.lang); err != nil || out.String() != c.want {
			t.Errorf("%s: %v\n%s", c.rules, err, out.String())
		}
	}
	for _, bad := range []string{`{"turns":21}`, `[]`, `{"turns":1,"turns":2}`} {
		if _, err := rulebook.Read(catalogue(), []byte(bad)); game.CodeOf(err, 0) != wirepb.Code_RULES_INVALID {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestDescribe(t *testing.T) {
	for lang, want := range map[game.Language]string{
		game.English: `Play
  kind    Kind: "short" = a short game; "long" = a long game; "own" = one of one's own (needs stakes too); default: "short"
          Which one.
  turns   Turns: 0 to 20 turns; 0 = no limit; default: 4 (kind = "long": 9)
          How many.

Money
  double  Double: true or false; default: false
          Twice.
  stakes  Stakes: 2 numbers, each -5 to 5; default: [0,0]
          By seat.
          Has an effect only where kind is "own".

Presets
  long    Long: Takes long.
          {"kind":"long"}
`,
		game.Chinese: `玩法
  kind    种类："short" = 短局；"long" = 长局；"own" = 自定（须同时给出 stakes）；默认："short"
          哪一种。
  turns   轮数：0 到 20 轮；0 = 不限；默认：4（kind = "long"：9）
          几轮。

输赢
  double  加倍：true 或 false；默认：false
          两倍。
  stakes  注：2 个数，各为 -5 到 5；默认：[0,0]
          按座位。
          仅当 kind 为 "own" 时起作用。

预设
  long    长：要很久。
          {"kind":"long"}
`,
	} {
		var out strings.Builder
		if err := rulebook.Describe(&out, catalogue(), lang); err != nil || out.String() != want {
			t.Errorf("%v\n%s", err, out.String())
		}
	}
}

// named is a game of which only the name and the catalogue matter.
type named struct{ game.Game }

func (named) Name() string            { return "tiny" }
func (named) Version() uint32         { return 3 }
func (named) Options() game.Catalogue { return catalogue() }

// TestJSON pins the form that clients in other languages read.
func TestJSON(t *testing.T) {
	got, err := rulebook.JSON(named{})
	if err != nil {
		t.Fatal(err)
	}
	var compact strings.Builder
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(got, &whole); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"game", "version", "groups", "presets"} {
		var value any
		if err := json.Unmarshal(whole[key], &value); err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal(value) // with sorted keys
		compact.WriteString(key + " " + string(text) + "\n")
	}
	want := `game "tiny"
version 3
groups [{"label":{"en":"Play","zh":"玩法"},"name":"play","options":[` +
		`{"default":"short","help":{"en":"Which one.","zh":"哪一种。"},"key":"kind","kind":"choice","label":{"en":"Kind","zh":"种类"},"values":[` +
		`{"label":{"en":"a short game","zh":"短局"},"value":"short"},{"label":{"en":"a long game","zh":"长局"},"value":"long"},` +
		`{"label":{"en":"one of one's own","zh":"自定"},"needs":["stakes"],"value":"own"}]},` +
		`{"default":4,"defaults":[{"default":9,"if":{"key":"kind","values":["long"]}}],"help":{"en":"How many.","zh":"几轮。"},"key":"turns","kind":"number",` +
		`"label":{"en":"Turns","zh":"轮数"},"range":{"max":20,"min":0},"unit":{"en":"turns","zh":"轮"},"values":[{"label":{"en":"no limit","zh":"不限"},"value":0}]}]},` +
		`{"label":{"en":"Money","zh":"输赢"},"name":"money","options":[` +
		`{"default":false,"help":{"en":"Twice.","zh":"两倍。"},"key":"double","kind":"bool","label":{"en":"Double","zh":"加倍"}},` +
		`{"default":[0,0],"help":{"en":"By seat.","zh":"按座位。"},"key":"stakes","kind":"numbers","label":{"en":"Stakes","zh":"注"},"length":2,` +
		`"only":{"key":"kind","values":["own"]},"range":{"max":5,"min":-5}}]}]
presets [{"help":{"en":"Takes long.","zh":"要很久。"},"label":{"en":"Long","zh":"长"},"name":"long","rules":{"kind":"long"}}]
`
	if compact.String() != want {
		t.Errorf("got\n%s", compact.String())
	}
	if !strings.HasSuffix(string(got), "}\n") || strings.Contains(string(got), "\\u") {
		t.Errorf("not as people read it:\n%s", got)
	}
}

func FuzzComplete(f *testing.F) {
	for _, text := range []string{``, `{"kind":"own","stakes":[1,2]}`, `{"turns":1,"turns":2}`, `{"double":true}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, overrides []byte) {
		whole, err := rulebook.Complete(catalogue(), overrides)
		if err != nil {
			return
		}
		if again, err := rulebook.Complete(catalogue(), whole); err != nil || string(again) != string(whole) {
			t.Fatalf("%s is read as %s, %v", whole, again, err)
		}
		if sheet, err := rulebook.Read(catalogue(), whole); err != nil || len(sheet.Unknown) > 0 {
			t.Fatalf("%s: %+v, %v", whole, sheet, err)
		}
	})
}
