package gametest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"teahouse/pkg/game"
	"teahouse/pkg/game/rulebook"
)

// checkOptions looks at the catalogue by itself, then at what Rules makes of each of its values.
func checkOptions(s *suite) error {
	var f found
	s.own(&f)
	c := s.g.Options()
	wellFormed(&f, c)
	if len(f.errs) > 0 {
		return f.err() // what follows would only say it again
	}
	s.defaults(&f, c)
	for _, o := range all(c) {
		s.values(&f, c, &o)
	}
	s.presets(&f, c)
	s.file(&f)
	return f.err()
}

// all is every option of c, in order.
func all(c game.Catalogue) (options []game.Option) {
	for _, g := range c.Groups {
		options = append(options, g.Options...)
	}
	return options
}

// own spoils a catalogue, of which nobody else may notice anything.
func (s *suite) own(f *found) {
	before, other := encode(s.g.Options()), s.g.Options()
	spoiled := s.g.Options()
	spoil(reflect.ValueOf(&spoiled))
	if !bytes.Equal(encode(other), before) || !bytes.Equal(encode(s.g.Options()), before) {
		f.add("who changes what Options returned changes it for others")
	}
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return []byte(err.Error()) // of a catalogue with values that are no JSON
	}
	return text
}

// spoil overwrites all that v holds, through pointers and slices.
func spoil(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			spoil(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			spoil(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			spoil(v.Field(i))
		}
	default:
		v.SetZero()
	}
}

// plain reports whether a name is one of a-z, 0-9 and _, and begins with a letter.
func plain(name string) bool {
	return name != "" && name[0] >= 'a' && name[0] <= 'z' && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_'
	})
}

// wellFormed checks all that can be seen without the game.
func wellFormed(f *found, c game.Catalogue) {
	known := make(map[string]game.Option)
	groups := make(map[string]bool)
	for _, g := range c.Groups {
		where := "group " + g.Name
		id(f, where, g.Name, groups)
		say(f, where+", label", g.Label, 1)
		if len(g.Options) == 0 {
			f.add("%s is empty", where)
		}
		for _, o := range g.Options {
			if _, twice := known[o.Key]; twice {
				f.add("option %s is there twice", o.Key)
			}
			known[o.Key] = o
		}
	}
	for _, o := range all(c) {
		option(f, &o, known)
	}
	names := make(map[string]bool)
	for _, p := range c.Presets {
		where := "preset " + p.Name
		id(f, where, p.Name, names)
		say(f, where+", label", p.Label, 1)
		say(f, where+", help", p.Help, 2)
	}
}

func id(f *found, where, name string, seen map[string]bool) {
	if !plain(name) || seen[name] {
		f.add("%s: its name is not one of its own of a-z, 0-9 and _", where)
	}
	seen[name] = true
}

// say checks words: level 0 may be missing, 1 is a few words, 2 a sentence.
func say(f *found, where string, t game.Text, level int) {
	if t == (game.Text{}) && level == 0 {
		return
	}
	for _, l := range []game.Language{game.English, game.Chinese} {
		said := t.In(l)
		han := strings.ContainsFunc(said, func(r rune) bool { return unicode.Is(unicode.Han, r) })
		switch {
		case strings.TrimSpace(said) == "" || said != strings.TrimSpace(said) || strings.ContainsAny(said, "\n\r\t"):
			f.add("%s: %q in %s is not a line of words", where, said, l)
		case han != (l == game.Chinese):
			f.add("%s: %q is not in %s", where, said, l)
		case level == 1 && len([]rune(said)) > 40:
			f.add("%s: %q is too long for a label", where, said)
		case level == 2 && !strings.HasSuffix(said, ".") && !strings.HasSuffix(said, "。"):
			f.add("%s: %q is not a sentence", where, said)
		}
	}
}

func option(f *found, o *game.Option, known map[string]game.Option) {
	where := "option " + o.Key
	if !plain(o.Key) {
		f.add("%s: its key is not one of a-z, 0-9 and _", where)
	}
	say(f, where+", label", o.Label, 1)
	say(f, where+", help", o.Help, 2)
	say(f, where+", unit", o.Unit, 0)
	numbers := o.Kind == game.OptionNumber || o.Kind == game.OptionNumbers
	switch {
	case !numbers && o.Kind != game.OptionBool && o.Kind != game.OptionChoice:
		f.add("%s: no kind %q", where, o.Kind)
	case numbers != (o.Range != game.Range{}) || numbers && o.Range.Min >= o.Range.Max:
		f.add("%s: a %s with the range %v", where, o.Kind, o.Range)
	case (o.Kind == game.OptionNumbers) != (o.Length > 0):
		f.add("%s: a %s of length %d", where, o.Kind, o.Length)
	case o.Kind == game.OptionChoice && len(o.Values) < 2:
		f.add("%s: a choice among %d", where, len(o.Values))
	case o.Kind != game.OptionChoice && o.Kind != game.OptionNumber && len(o.Values) > 0:
		f.add("%s: a %s has no named values", where, o.Kind)
	}
	legal := func(what string, o *game.Option, v json.RawMessage) {
		if canonical, err := rulebook.Value(o, v); err != nil || !bytes.Equal(canonical, v) {
			f.add("%s: its %s is %s: %v", where, what, v, err)
		}
	}
	legal("default", o, o.Default)
	seen := make(map[string]bool)
	for _, v := range o.Values {
		legal("value", o, v.Value)
		say(f, fmt.Sprintf("%s, value %s", where, v.Value), v.Label, 1)
		if seen[string(v.Value)] {
			f.add("%s: the value %s is there twice", where, v.Value)
		}
		seen[string(v.Value)] = true
		for _, key := range v.Needs {
			if _, ok := known[key]; !ok || key == o.Key {
				f.add("%s: the value %s needs %q", where, v.Value, key)
			}
		}
	}
	holds := func(what string, c *game.Condition) (other game.Option) {
		other, ok := known[c.Key]
		if !ok || c.Key == o.Key || len(c.Values) == 0 {
			f.add("%s: its %s depends on %q, %d values", where, what, c.Key, len(c.Values))
			return other
		}
		for _, v := range c.Values {
			legal(what, &other, v)
		}
		return other
	}
	for _, d := range o.Defaults {
		legal("other default", o, d.Default)
		if other := holds("other default", &d.If); len(other.Defaults) > 0 {
			f.add("%s: its default depends on %s, whose default depends on others", where, other.Key)
		}
	}
	if o.Only != nil {
		holds("effect", o.Only)
	}
}

// defaults compares the default rule set.
func (s *suite) defaults(f *found, c game.Catalogue) {
	rules, err := s.g.Rules(nil)
	if err != nil {
		f.add("no default rules: %v", err)
		return
	}
	s.same(f, c, nil, rules)
	sheet, err := rulebook.Read(c, rules)
	if err != nil {
		f.add("the default rules %s: %v", rules, err)
		return
	}
	for _, g := range sheet.Groups {
		for _, l := range g.Lines {
			if l.Differs() {
				f.add("option %s: Rules has the default %s, Options %s", l.Option.Key, l.Value, l.Default)
			}
		}
	}
}

// same compares what Rules made of overrides with what the catalogue makes of them.
func (s *suite) same(f *found, c game.Catalogue, overrides, rules []byte) {
	want, err := rulebook.Complete(c, overrides)
	if err != nil {
		f.add("Rules takes %s, Options says %v", overrides, err)
		return
	}
	got, err := rulebook.Read(c, rules)
	if err != nil {
		f.add("%s gives %s, Options says %v", overrides, rules, err)
		return
	}
	for _, u := range got.Unknown {
		f.add("Rules knows what Options does not list: %s", u)
	}
	other, _ := rulebook.Read(c, want) // what Complete returns can be read
	for i, g := range got.Groups {
		for j, l := range g.Lines {
			if want := other.Groups[i].Lines[j].Value; !bytes.Equal(l.Value, want) {
				f.add("%s: option %s is %s, and by Options %s", overrides, l.Option.Key, l.Value, want)
			}
		}
	}
}

// values tries every value of an option, and what lies beside it.
func (s *suite) values(f *found, c game.Catalogue, o *game.Option) {
	for _, v := range samples(o) {
		needs := s.needs(c, o, v)
		overrides := object(append(needs, field{o.Key, v})...)
		rules, err := s.g.Rules(overrides)
		if err != nil {
			f.add("Options has the value %s of %s, and Rules refuses %s: %v", v, o.Key, overrides, err)
			continue
		}
		s.same(f, c, overrides, rules)
		for i := range needs {
			lacking := object(append(slices.Delete(slices.Clone(needs), i, i+1), field{o.Key, v})...)
			s.refused(f, lacking, needs[i].key)
		}
	}
	for _, v := range strangers(o) {
		needs := s.needs(c, o, v)
		s.refused(f, object(append(needs, field{o.Key, v})...), o.Key)
	}
	v := o.Default
	s.refused(f, object(field{o.Key, v}, field{o.Key, v}), o.Key)
	for _, key := range []string{o.Key + "x", strings.ToUpper(o.Key), " " + o.Key, ""} {
		s.refused(f, object(field{key, v}), key)
	}
}

// field is an entry of a JSON object.
type field struct {
	key   string
	value json.RawMessage
}

func object(fields ...field) []byte {
	var parts []string
	for _, f := range fields {
		parts = append(parts, fmt.Sprintf("%q:%s", f.key, f.value))
	}
	return []byte("{" + strings.Join(parts, ",") + "}")
}

// needs is what must be given beside a value of o, with values of its own.
func (s *suite) needs(c game.Catalogue, o *game.Option, value json.RawMessage) (fields []field) {
	for _, v := range o.Values {
		if !bytes.Equal(v.Value, value) {
			continue
		}
		for _, other := range all(c) {
			if slices.Contains(v.Needs, other.Key) {
				fields = append(fields, field{other.Key, samples(&other)[0]})
			}
		}
	}
	return fields
}

// samples are values of an option: all, or of numbers those at the bounds, beside them and with names.
func samples(o *game.Option) (values []json.RawMessage) {
	add := func(format string, args ...any) {
		v := fmt.Appendf(nil, format, args...)
		if !slices.ContainsFunc(values, func(w json.RawMessage) bool { return bytes.Equal(v, w) }) {
			values = append(values, v)
		}
	}
	lo, hi := o.Range.Min, o.Range.Max
	switch o.Kind {
	case game.OptionBool:
		add("true")
		add("false")
	case game.OptionNumber:
		for _, n := range []int64{hi, lo, lo + 1, hi - 1, lo + (hi-lo)/2} {
			add("%d", n)
		}
	case game.OptionNumbers:
		list := make([]int64, o.Length)
		for _, n := range []int64{hi, lo, lo + (hi-lo)/2} {
			add("%s", encode(slices.Repeat([]int64{n}, o.Length)))
			list[0], list[len(list)-1] = lo, n
		}
		add("%s", encode(list))
	}
	for _, v := range o.Values {
		add("%s", v.Value)
	}
	add("%s", o.Default)
	return values
}

// strangers are values that an option has not, among them those just beside its own.
func strangers(o *game.Option) (values []json.RawMessage) {
	for _, text := range []string{`null`, `1.5`, `{}`, `""`, `"no such"`, `[]`, `[1.5]`} {
		values = append(values, json.RawMessage(text))
	}
	add := func(format string, args ...any) { values = append(values, fmt.Appendf(nil, format, args...)) }
	lo, hi := o.Range.Min, o.Range.Max
	switch o.Kind {
	case game.OptionChoice:
		add("true")
		add("0")
		for _, v := range o.Values {
			name := strings.Trim(string(v.Value), `"`)
			add("%q", name+" ")
			add("%q", strings.ToUpper(name))
		}
	case game.OptionBool:
		add("0")
		add("1")
		add(`"true"`)
	case game.OptionNumber:
		add("%d", lo-1)
		add("%d", hi+1)
		add(`"%s"`, o.Default)
		add("true")
		add("[%s]", o.Default)
		add("123456789012345678901234567890")
	case game.OptionNumbers:
		for _, n := range []int64{lo - 1, hi + 1} {
			list := slices.Repeat([]int64{lo}, o.Length)
			list[len(list)-1] = n
			add("%s", encode(list))
		}
		add("%s", encode(slices.Repeat([]int64{lo}, o.Length+1)))
		add("%s", encode(slices.Repeat([]int64{lo}, o.Length-1)))
		add("%s", encode(make([]*int, o.Length)))
		add("%d", lo)
	}
	return values
}

// presets are taken, and differ.
func (s *suite) presets(f *found, c game.Catalogue) {
	seen := make(map[string]string)
	for i, p := range c.Presets {
		rules, err := s.g.Rules(p.Rules)
		if err != nil {
			f.add("preset %s: %v", p.Name, err)
			continue
		}
		s.same(f, c, p.Rules, rules)
		if other, twice := seen[string(rules)]; twice {
			f.add("the presets %s and %s are the same", other, p.Name)
		}
		seen[string(rules)] = p.Name
		if standard, _ := s.g.Rules(nil); i == 0 && !bytes.Equal(rules, standard) {
			f.add("the first preset, %s, is not the default", p.Name)
		}
	}
}

// file compares the file that clients in other languages read.
func (s *suite) file(f *found) {
	if s.cfg.OptionsFile == "" {
		return
	}
	want, err := rulebook.JSON(s.g)
	if err == nil && os.Getenv("TEAHOUSE_UPDATE") != "" {
		err = os.WriteFile(s.cfg.OptionsFile, want, 0o644)
	}
	if err != nil {
		f.add("%v", err)
		return
	}
	if got, err := os.ReadFile(s.cfg.OptionsFile); err != nil || !bytes.Equal(got, want) {
		f.add("%s is not fresh (%v): run this test with TEAHOUSE_UPDATE=1", s.cfg.OptionsFile, err)
	}
}
