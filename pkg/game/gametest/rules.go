package gametest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"teahouse/pkg/game"
	"teahouse/pkg/game/rulebook"
	"teahouse/pkg/wire/wirepb"
)

// checkRules reads rule sets of all kinds.
func checkRules(s *suite) error {
	var f found
	for _, overrides := range []string{"", "{}"} {
		if err := s.ownRules([]byte(overrides)); err != nil {
			return err // else all that follows would be spoiled
		}
	}
	standard, err := s.g.Rules(nil)
	if err != nil {
		return err
	}
	for _, empty := range []string{"{}", " ", " {\n} "} {
		if rules, err := s.g.Rules([]byte(empty)); err != nil || !bytes.Equal(rules, standard) {
			f.add("%q is read as %s, %v, and nothing as %s", empty, rules, err, standard)
		}
	}
	for _, text := range []string{`[]`, `null`, `1`, `"x"`, `true`, `{`, `}`, `{}{}`, `{} x`, `{"`, `{"x"}`, `{"x":}`, `{,}`, "\x00", "\xff"} {
		s.refused(&f, []byte(text), "")
	}
	c := s.g.Options()
	for n := range slowly(200, 5000) {
		rng := rand.New(rand.NewPCG(uint64(n), 1))
		fields := draw(c, rng)
		s.read(&f, c, fields, rng)
		spoilt := object(fields...)
		for range 1 + rng.IntN(3) {
			spoilt[rng.IntN(len(spoilt))] = "{}[]\",:0-x \x00\xff"[rng.IntN(13)]
		}
		given := bytes.Clone(spoilt)
		rules, err := s.g.Rules(spoilt)
		if !bytes.Equal(given, spoilt) {
			f.add("Rules has changed what it was given, %q", given)
		}
		if err == nil {
			s.same(&f, c, spoilt, rules)
			continue
		}
		s.coded(&f, given, err)
		if _, other := rulebook.Complete(c, given); other == nil {
			f.add("%q is right by Options, and Rules says %v", given, err)
		}
	}
	return f.err()
}

// read reads a rule set in several forms, which are all the same.
func (s *suite) read(f *found, c game.Catalogue, fields []field, rng *rand.Rand) {
	overrides := object(fields...)
	rules, err := s.g.Rules(overrides)
	if err != nil {
		f.add("%s is right by Options, and Rules says %v", overrides, err)
		return
	}
	s.same(f, c, overrides, rules)
	if !json.Valid(rules) {
		f.add("%s gives %q, which is no JSON", overrides, rules)
	}
	mixed := slices.Clone(fields)
	rng.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	var spaced bytes.Buffer
	if err := json.Indent(&spaced, object(mixed...), " ", "\t"); err != nil {
		f.add("%s: %v", overrides, err)
	}
	for _, same := range [][]byte{rules, overrides, spaced.Bytes()} {
		if again, err := s.g.Rules(same); err != nil || !bytes.Equal(again, rules) {
			f.add("%s gives %s, and the same as %s gives %s, %v", overrides, rules, same, again, err)
		}
	}
}

// ownRules spoils what Rules returned, of which nobody else may notice anything.
func (s *suite) ownRules(overrides []byte) error {
	first, err := s.g.Rules(overrides)
	if err != nil {
		return err
	}
	before := bytes.Clone(first)
	clear(first)
	if again, err := s.g.Rules(overrides); !bytes.Equal(again, before) {
		return fmt.Errorf("who changes what Rules returned for %q changes it for others: %q, %v", overrides, again, err)
	}
	return nil
}

// refused demands that overrides are refused, by the name of an option if there is one.
func (s *suite) refused(f *found, overrides []byte, key string) {
	rules, err := s.g.Rules(overrides)
	if err == nil {
		f.add("Rules takes %s as %s", overrides, rules)
		return
	}
	s.coded(f, overrides, err)
	if !strings.Contains(err.Error(), key) {
		f.add("%s is refused without a word of %s: %v", overrides, key, err)
	}
}

// coded demands the code of a refused rule set.
func (s *suite) coded(f *found, overrides []byte, err error) {
	if code := game.CodeOf(err, wirepb.Code_OK); code != wirepb.Code_RULES_INVALID {
		f.add("%q is refused with the code %v: %v", overrides, code, err)
	}
}

// draw draws overrides: of nothing, of a few options or of all.
func draw(c game.Catalogue, rng *rand.Rand) (fields []field) {
	share := []int{10, 30, 100, 100, 100}[rng.IntN(5)]
	given := make(map[string]bool)
	options := all(c)
	for i := range options {
		o := &options[i]
		if rng.IntN(100) >= share {
			continue
		}
		value := drawn(o, rng)
		fields, given[o.Key] = append(fields, field{o.Key, value}), true
	}
	for _, f := range fields { // grows no further: a needed option needs none
		for i := range options {
			o := &options[i]
			for _, v := range o.Values {
				if o.Key != f.key || !bytes.Equal(v.Value, f.value) {
					continue
				}
				for _, key := range v.Needs {
					if at := slices.IndexFunc(options, func(o game.Option) bool { return o.Key == key }); at >= 0 && !given[key] {
						fields, given[key] = append(fields, field{key, drawn(&options[at], rng)}), true
					}
				}
			}
		}
	}
	return fields
}

// drawn is a value of o: its default, one of samples, or any.
func drawn(o *game.Option, rng *rand.Rand) json.RawMessage {
	values := samples(o)
	switch n := rng.IntN(8); {
	case n == 0:
		return o.Default
	case n < 4 && o.Kind == game.OptionNumber:
		return encode(between(o.Range, rng))
	case n < 6 && o.Kind == game.OptionNumbers:
		list := make([]int64, o.Length)
		for i := range list {
			list[i] = between(o.Range, rng)
		}
		return encode(list)
	}
	return values[rng.IntN(len(values))]
}

// between draws a number, small ones as often as large ones.
func between(r game.Range, rng *rand.Rand) int64 {
	span := r.Max - r.Min
	if span < 1<<62 && rng.IntN(2) == 0 {
		span = min(span, 1<<(1+rng.IntN(20)))
	}
	return r.Min + rng.Int64N(span+1)
}
