package mahjong

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// option describes one key of a rule set: where it is stored and which values it takes. Exactly one
// of the four pointers is set.
type option struct {
	key    string
	text   *string
	values []string // for text
	flag   *bool
	number *int
	list   *[Seats]int
	lo, hi int // for number and each element of list, inclusive
}

// firstOptions is how many of the options every version of the binary form knows. They keep their
// places, and so do the later ones.
const firstOptions = 31

// options lists the options of r in the order of their binary form: new ones go to the end and
// are flags or numbers whose default is zero. The bounds of base and the fan
// numbers keep every amount well inside an int64: the largest sum of fan is below 40, so a payment
// stays below 2^60.
func (r *Rules) options() []option {
	return []option{
		{key: "mode", text: &r.Mode, values: []string{ModeXuezhan, ModeXueliu}},
		{key: "base", number: &r.Base, lo: 1, hi: 1_000_000},
		{key: "cap", number: &r.Cap, lo: 0, hi: 30},
		{key: "swap", flag: &r.Swap},
		{key: "zimo", text: &r.Zimo, values: []string{zimoDi, zimoFan, optionNone}},
		{key: "jiangdui", flag: &r.JiangDui},
		{key: "daiyaojiu", number: &r.DaiYaoJiu, lo: 0, hi: 8},
		{key: "jingoudiao", flag: &r.JinGouDiao},
		{key: "menqing", flag: &r.MenQing},
		{key: "zhongzhang", flag: &r.ZhongZhang},
		{key: "haidi", flag: &r.HaiDi},
		{key: "tiandihu", number: &r.TianDiHu, lo: 0, hi: 8},
		{key: "qianggang", flag: &r.QiangGang},
		{key: "multi_hu", flag: &r.MultiHu},
		{key: "transfer", text: &r.Transfer, values: []string{transferOn, transferRefund, optionNone}},
		{key: "late_bugang", text: &r.LateBuGang, values: []string{lateNoPay, latePay, lateBan}},
		{key: "pass_lock", text: &r.PassLock, values: []string{lockHigher, lockAll, lockSame, optionOff}},
		{key: "huazhu", flag: &r.HuaZhu},
		{key: "dajiao", flag: &r.DaJiao},
		{key: "tuishui", flag: &r.TuiShui},
		{key: "diangang_hua", text: &r.DianGangHua, values: []string{huaZimo, huaDianpao}},
		{key: "must_hu_last4", flag: &r.MustHuLast4},
		{key: "cagua", flag: &r.CaGua},
		{key: "bankrupt", text: &r.Bankrupt, values: []string{optionNone, bankruptClip, bankruptLeave}},
		{key: "balances", list: &r.Balances, lo: 0, hi: MaxBalance},
		{key: "swap_suits", text: &r.SwapSuits, values: []string{suitsSame, suitsAny}},
		{key: "swap_dir", number: &r.SwapDir, lo: 0, hi: 3},
		{key: "void_calls", flag: &r.VoidCalls},
		{key: "hide_angang", flag: &r.HideAnGang},
		{key: "show_winners", flag: &r.ShowWinners},
		{key: "min_claim_ms", number: &r.MinClaimMs, lo: 0, hi: 3000},
		{key: "gang_ready", flag: &r.GangReady},
		{key: "transfer_all", flag: &r.TransferAll},
		{key: "menqing_zimo", flag: &r.MenQingZimo},
		{key: "jiangqidui", number: &r.JiangQiDui, lo: 0, hi: 8},
	}
}

// Option describes one key of a rule set.
type Option struct {
	Key string
	// Values are the names that it takes; nil = it takes true or false if Flag is set, a list of Length numbers if that is not 0, and
	// else a number.
	Values   []string
	Flag     bool
	Length   int
	Min, Max int // of numbers, inclusive
	// Default is JSON; Xueliu is the default in that mode, if it has one of its own there.
	Default, Xueliu string
}

// Options lists everything that ParseRules reads.
func Options() []Option {
	standard, xueliu := DefaultRules(), DefaultRules()
	xueliu.choose(ModeXueliu)
	var all []Option
	for i, o := range standard.options() {
		other := xueliu.options()[i]
		d := Option{Key: o.key, Values: o.values, Flag: o.flag != nil, Min: o.lo, Max: o.hi, Default: o.json(), Xueliu: other.json()}
		if o.list != nil {
			d.Length = len(o.list)
		}
		if d.Xueliu == d.Default || o.text == &standard.Mode {
			d.Xueliu = ""
		}
		all = append(all, d)
	}
	return all
}

// choose sets the mode and what else has another default there.
func (r *Rules) choose(mode string) {
	r.Mode = mode
	if r.xueliu() {
		r.Cap = capXueliu
	}
}

// json is the option's value.
func (o *option) json() string {
	var value any = o.number
	switch {
	case o.text != nil:
		value = o.text
	case o.flag != nil:
		value = o.flag
	case o.list != nil:
		value = o.list
	}
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // texts, flags and numbers do not fail
	}
	return string(text)
}

// MaxBalance is far above what a hand can move, and far below where sums would overflow.
const MaxBalance = 1 << 53

// OptionError refuses a rule set and names the option.
type OptionError struct {
	Key    string
	Detail string
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("mahjong: option %q: %s", e.Key, e.Detail)
}

// Validate checks every option and returns an *OptionError for the first bad one.
func (r Rules) Validate() error {
	for _, o := range r.options() {
		if err := o.check(); err != nil {
			return err
		}
	}
	return nil
}

// zero reports whether a flag or number is zero.
func (o *option) zero() bool {
	if o.flag != nil {
		return !*o.flag
	}
	return *o.number == 0
}

func (o *option) check() error {
	switch {
	case o.text != nil && !slices.Contains(o.values, *o.text):
		return &OptionError{o.key, fmt.Sprintf("%q is none of %q", *o.text, o.values)}
	case o.number != nil && (*o.number < o.lo || *o.number > o.hi):
		return &OptionError{o.key, fmt.Sprintf("%d is not in %d..%d", *o.number, o.lo, o.hi)}
	case o.list != nil && (slices.Min(o.list[:]) < o.lo || slices.Max(o.list[:]) > o.hi):
		return &OptionError{o.key, fmt.Sprintf("%d are not all in %d..%d", *o.list, o.lo, o.hi)}
	}
	return nil
}

// ParseRules reads a JSON object of options on top of the default rule set; {} and an empty text
// are the default. The mode xueliu has its own default cap, and bankrupt other than "none" requires
// balances. An unknown key, a repeated key and a bad value give an *OptionError.
func ParseRules(data []byte) (Rules, error) {
	r, balanced := DefaultRules(), false
	if len(bytes.TrimSpace(data)) == 0 {
		return r, nil
	}
	given, err := readObject(data)
	if err != nil {
		return Rules{}, err
	}
	for _, o := range r.options() {
		value, ok := given[o.key]
		if !ok {
			continue
		}
		delete(given, o.key)
		if err := o.parse(value); err != nil {
			return Rules{}, err
		}
		if o.text == &r.Mode {
			r.choose(r.Mode) // options come in order: what is given later overwrites this
		}
		balanced = balanced || o.list != nil
	}
	for _, key := range sortedKeys(given) {
		return Rules{}, &OptionError{key, "there is no such option"}
	}
	if r.Bankrupt != optionNone && !balanced {
		return Rules{}, &OptionError{"balances", "missing: bankrupt needs them"}
	}
	return r, nil
}

func (o *option) parse(value json.RawMessage) error {
	var target any
	var want string
	switch {
	case o.list != nil:
		return o.parseList(value)
	case o.text != nil:
		target, want = o.text, "text"
	case o.flag != nil:
		target, want = o.flag, "true or false"
	default:
		target, want = o.number, "a whole number"
	}
	if string(value) == "null" || json.Unmarshal(value, target) != nil {
		return &OptionError{o.key, fmt.Sprintf("%.40s is not %s", value, want)}
	}
	return o.check()
}

// parseList is strict where encoding/json is not: that would pad a short list with zeros, cut a
// long one and take null for zero.
func (o *option) parseList(value json.RawMessage) error {
	var given []json.RawMessage
	if json.Unmarshal(value, &given) != nil || len(given) != len(o.list) {
		return &OptionError{o.key, fmt.Sprintf("%.40s is not a list of %d", value, len(o.list))}
	}
	for i, v := range given {
		if err := (&option{key: o.key, number: &o.list[i], lo: o.lo, hi: o.hi}).parse(v); err != nil {
			return err
		}
	}
	return nil
}

// readObject splits a JSON object and finds repeated keys: encoding/json alone would silently let
// the last of two equal keys win.
func readObject(data []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, fmt.Errorf("mahjong: a rule set is a JSON object")
	}
	given := make(map[string]json.RawMessage)
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("mahjong: rule set: %w", err)
		}
		key, _ := token.(string) // inside an object the decoder returns only strings here
		if _, twice := given[key]; twice {
			return nil, &OptionError{key, "given twice"}
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, fmt.Errorf("mahjong: rule set: %w", err)
		}
		given[key] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("mahjong: rule set: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("mahjong: rule set: something follows the object")
	}
	return given, nil
}

func sortedKeys(m map[string]json.RawMessage) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
