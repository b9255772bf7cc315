package mahjong_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"teahouse/pkg/mahjong"
)

func TestParseRules(t *testing.T) {
	for _, text := range []string{"", "{}", " {} \n"} {
		if r := mustRules(t, text); r != mahjong.DefaultRules() {
			t.Errorf("%q gives %+v", text, r)
		}
	}
	if r := mustRules(t, `{"mode":"xueliu"}`); r.Cap != 6 {
		t.Errorf("xueliu has the default cap %d", r.Cap)
	}
	for _, text := range []string{`{"mode":"xueliu","cap":3}`, `{"cap":3,"mode":"xueliu"}`} {
		if r := mustRules(t, text); r.Cap != 3 {
			t.Errorf("%s: cap %d", text, r.Cap)
		}
	}
}

// TestDefaultRulesText pins the default rule set as text.
func TestDefaultRulesText(t *testing.T) {
	want := `{"mode":"xuezhan","base":1,"cap":4,"swap":true,"zimo":"di","jiangdui":true,"daiyaojiu":2,` +
		`"jingoudiao":true,"menqing":false,"zhongzhang":false,"haidi":true,"tiandihu":5,"qianggang":true,` +
		`"multi_hu":true,"transfer":"transfer","late_bugang":"nopay","pass_lock":"higher","huazhu":true,` +
		`"dajiao":true,"tuishui":true,"diangang_hua":"zimo","must_hu_last4":false,"cagua":false,"bankrupt":"none",` +
		`"balances":[0,0,0,0],"swap_suits":"same","swap_dir":0,"void_calls":true,"hide_angang":false,` +
		`"show_winners":false,"min_claim_ms":0}`
	var fields map[string]any
	if err := json.Unmarshal([]byte(want), &fields); err != nil {
		t.Fatal(err)
	}
	if got := plain(t, mahjong.DefaultRules()); !reflect.DeepEqual(got, any(fields)) {
		t.Errorf("got %v", got)
	}
	if r := mustRules(t, want); r != mahjong.DefaultRules() {
		t.Errorf("the text parses as %+v", r)
	}
}

// TestLaterOptionsText pins that the text of a rule set names later options only where they are set:
// builds that do not know them read and write the same text for everything that they can play.
func TestLaterOptionsText(t *testing.T) {
	text, err := json.Marshal(mahjong.DefaultRules())
	if err != nil {
		t.Fatal(err)
	}
	for _, later := range []string{`"gang_ready":true`, `"transfer_all":true`, `"menqing_zimo":true`, `"jiangqidui":2`, `"gang_ready":true,"transfer_all":true`} {
		got, err := json.Marshal(mustRules(t, "{"+later+"}"))
		if want := string(text[:len(text)-1]) + "," + later + "}"; err != nil || string(got) != want {
			t.Errorf("got %s, %v", got, err)
		}
	}
}

func TestParseRulesRefusesByName(t *testing.T) {
	for text, key := range map[string]string{
		`{"chow":true}`:                 "chow",
		`{"Cap":4}`:                     "Cap",
		`{"mode":"guobiao"}`:            "mode",
		`{"mode":null}`:                 "mode",
		`{"base":0}`:                    "base",
		`{"base":1.5}`:                  "base",
		`{"cap":-1}`:                    "cap",
		`{"cap":"4"}`:                   "cap",
		`{"cap":4,"cap":5}`:             "cap",
		`{"swap":1}`:                    "swap",
		`{"zimo":"di "}`:                "zimo",
		`{"min_claim_ms":3001}`:         "min_claim_ms",
		`{"pass_lock":"sometimes"}`:     "pass_lock",
		`{"tiandihu":99999999999999e9}`: "tiandihu",
		`{"swap_suits":"two"}`:          "swap_suits",
		`{"swap_dir":4}`:                "swap_dir",
		`{"bankrupt":true}`:             "bankrupt",
		`{"bankrupt":"clip"}`:           "balances",
		`{"balances":4}`:                "balances",
		`{"balances":[1,2,3]}`:          "balances",
		`{"balances":[1,2,3,4,5]}`:      "balances",
		`{"balances":[1,2,3,-4]}`:       "balances",
		`{"balances":[1,2,3,null]}`:     "balances",
		`{"balances":[1,2,3,4.5]}`:      "balances",
		`{"must_hu_last4":"yes"}`:       "must_hu_last4",
		`{"void_calls":null}`:           "void_calls",
		`{"gang_ready":"end"}`:          "gang_ready",
		`{"transfer_all":"last"}`:       "transfer_all",
		`{"menqing_zimo":1}`:            "menqing_zimo",
		`{"jiangqidui":9}`:              "jiangqidui",
		`{"jiangqidui":true}`:           "jiangqidui",
	} {
		_, err := mahjong.ParseRules([]byte(text))
		var bad *mahjong.OptionError
		if !errors.As(err, &bad) || bad.Key != key {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{`[]`, `{`, `{}{}`, `{}}`, `{}]`, `{} x`, `{"cap":4`, `null`, `{"cap":}`} {
		if _, err := mahjong.ParseRules([]byte(text)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

func TestPresets(t *testing.T) {
	want := map[string]func(*mahjong.Rules){
		"xuezhan": func(*mahjong.Rules) {},
		"xueliu":  func(r *mahjong.Rules) { r.Mode, r.Cap = mahjong.ModeXueliu, 6 },
		"sbr": func(r *mahjong.Rules) {
			r.Swap, r.Cap, r.Transfer, r.JiangDui, r.DaiYaoJiu, r.TianDiHu = false, 3, "refund", false, 0, 0
		},
	}
	for _, p := range mahjong.Presets() {
		rules := mahjong.DefaultRules()
		want[p.Name](&rules)
		if got := mustRules(t, p.Rules); got != rules {
			t.Errorf("%s: %+v", p.Name, got)
		}
		delete(want, p.Name)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

// TestOptions holds the list of options and the fields of Rules together. What is accepted beside each value, the
// contract tests of package tablegame try.
func TestOptions(t *testing.T) {
	standard := plain(t, mahjong.DefaultRules()).(map[string]any)
	for _, o := range mahjong.Options() {
		var want any
		if err := json.Unmarshal([]byte(o.Default), &want); err != nil {
			t.Fatal(err)
		}
		got, written := standard[o.Key]
		if written && !reflect.DeepEqual(got, want) || !written && want != false && want != 0.0 {
			t.Errorf("%s: the default is %v, and listed as %v", o.Key, got, want)
		}
		if (o.Xueliu != "") != (o.Key == "cap") || o.Key == "cap" && o.Xueliu != "6" {
			t.Errorf("%s: default %s in xueliu", o.Key, o.Xueliu)
		}
		delete(standard, o.Key)
	}
	if len(standard) > 0 {
		t.Errorf("not listed: %v", standard)
	}
	fields := reflect.TypeFor[mahjong.Rules]().NumField()
	if listed := len(mahjong.Options()); listed != fields {
		t.Errorf("%d options, %d fields", listed, fields)
	}
}

func TestNewValidates(t *testing.T) {
	good := testDeal(1)
	bad := mahjong.DefaultRules()
	bad.Zimo = ""
	if _, err := mahjong.New(bad, good); err == nil {
		t.Error("an empty option was accepted")
	}
	for name, spoil := range map[string]func(*mahjong.Deal){
		"dealer":    func(d *mahjong.Deal) { d.Dealer = 4 },
		"direction": func(d *mahjong.Deal) { d.SwapDir = 0 },
		"twice":     func(d *mahjong.Deal) { d.Wall[3] = d.Wall[4] },
		"no tile":   func(d *mahjong.Deal) { d.Wall[3] = mahjong.NoTile },
	} {
		d := good
		spoil(&d)
		if _, err := mahjong.New(mahjong.DefaultRules(), d); err == nil {
			t.Errorf("%s: the deal was accepted", name)
		}
	}
}

func FuzzParseRules(f *testing.F) {
	for _, text := range ruleSets {
		f.Add([]byte(text))
	}
	f.Add([]byte(`{"cap":4,"cap":5}`))
	f.Add([]byte(`{"base":1e1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := mahjong.ParseRules(data)
		if err != nil {
			return
		}
		if err := r.Validate(); err != nil {
			t.Fatalf("%q gives rules that are not valid: %v", data, err)
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := mahjong.ParseRules(text); err != nil || again != r {
			t.Fatalf("%s does not parse back: %+v, %v", text, again, err)
		}
	})
}
