package rulebook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// Complete reads overrides (a JSON object; empty = {}) on top of the defaults of c, and returns the whole
// rule set in canonical form: every option, in the order of c. An unknown or repeated key, a
// bad value and a missing one give a refusal with the code RULES_INVALID that names the key.
func Complete(c game.Catalogue, overrides []byte) ([]byte, error) {
	given, err := readObject(overrides)
	if err != nil {
		return nil, refused("%v", err)
	}
	values := make(map[string]json.RawMessage, len(given))
	for o := range options(c) {
		if text, ok := given[o.Key]; ok {
			if values[o.Key], err = Value(&o, text); err != nil {
				return nil, refused("option %q: %v", o.Key, err)
			}
			delete(given, o.Key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		return nil, refused("option %q: there is no such option", key)
	}
	for o := range options(c) {
		for _, v := range o.Values {
			for _, key := range v.Needs {
				if bytes.Equal(v.Value, values[o.Key]) && values[key] == nil {
					return nil, refused("option %q: missing: %s needs it", key, o.Key)
				}
			}
		}
	}
	fill(c, values)
	var all [][]byte
	for o := range options(c) {
		all = append(all, fmt.Appendf(nil, "%q:%s", o.Key, values[o.Key]))
	}
	return slices.Concat([]byte("{"), bytes.Join(all, []byte(",")), []byte("}")), nil
}

func refused(format string, args ...any) error {
	return game.Errorf(wirepb.Code_RULES_INVALID, format, args...)
}

// options is every option of c, in order.
func options(c game.Catalogue) func(yield func(game.Option) bool) {
	return func(yield func(game.Option) bool) {
		for _, g := range c.Groups {
			for _, o := range g.Options {
				if !yield(o) {
					return
				}
			}
		}
	}
}

// fill gives every option that has no value its default.
func fill(c game.Catalogue, values map[string]json.RawMessage) {
	for _, dependent := range []bool{false, true} {
		for o := range options(c) {
			if values[o.Key] == nil && dependent == (len(o.Defaults) > 0) {
				values[o.Key] = standard(&o, values)
			}
		}
	}
}

// standard is the default of o beside the other values.
func standard(o *game.Option, values map[string]json.RawMessage) json.RawMessage {
	for _, d := range o.Defaults {
		if holds(&d.If, values) {
			return d.Default
		}
	}
	return o.Default
}

func holds(c *game.Condition, values map[string]json.RawMessage) bool {
	return slices.ContainsFunc(c.Values, func(v json.RawMessage) bool { return bytes.Equal(v, values[c.Key]) })
}

// Value reads a value of o and returns it in canonical form. It is strict where encoding/json is not: that
// takes null for anything, and lists of other lengths.
func Value(o *game.Option, text json.RawMessage) (json.RawMessage, error) {
	switch o.Kind {
	case game.OptionChoice:
		var name *string
		if json.Unmarshal(text, &name) != nil || name == nil {
			return nil, fmt.Errorf("%.40s is not text", text)
		}
		value, _ := json.Marshal(*name) // no string fails
		for _, v := range o.Values {
			if bytes.Equal(v.Value, value) {
				return value, nil
			}
		}
		return nil, fmt.Errorf("%.40s is none of %s", text, bytes.Join(names(o), []byte(", ")))
	case game.OptionBool:
		if s := string(text); s != "true" && s != "false" {
			return nil, fmt.Errorf("%.40s is not true or false", text)
		}
		return bytes.Clone(text), nil
	case game.OptionNumber:
		return number(o, text)
	case game.OptionNumbers:
		var list []json.RawMessage
		if json.Unmarshal(text, &list) != nil || len(list) != o.Length || o.Length == 0 {
			return nil, fmt.Errorf("%.40s is not a list of %d", text, o.Length)
		}
		values := make([][]byte, len(list))
		for i := range list {
			v, err := number(o, list[i])
			if err != nil {
				return nil, err
			}
			values[i] = v
		}
		return slices.Concat([]byte("["), bytes.Join(values, []byte(",")), []byte("]")), nil
	}
	return nil, fmt.Errorf("the kind %q is unknown", o.Kind)
}

func number(o *game.Option, text json.RawMessage) (json.RawMessage, error) {
	var n *int64
	if json.Unmarshal(text, &n) != nil || n == nil {
		return nil, fmt.Errorf("%.40s is not a whole number", text)
	}
	if *n < o.Range.Min || *n > o.Range.Max {
		return nil, fmt.Errorf("%d is not in %d to %d", *n, o.Range.Min, o.Range.Max)
	}
	return strconv.AppendInt(nil, *n, 10), nil
}

func names(o *game.Option) (all [][]byte) {
	for _, v := range o.Values {
		all = append(all, v.Value)
	}
	return all
}

// readObject splits a JSON object and finds repeated keys, of which encoding/json would let the last one win.
func readObject(text []byte) (map[string]json.RawMessage, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		text = []byte("{}")
	}
	var given map[string]json.RawMessage
	var syntax *json.SyntaxError
	if err := json.Unmarshal(text, &given); errors.As(err, &syntax) {
		return nil, fmt.Errorf("rules: %w", err)
	} else if err != nil || given == nil {
		return nil, errors.New("rules are a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(text)) // the text is valid, so nothing fails from here on
	d.Token()
	seen := make(map[string]bool, len(given))
	for d.More() {
		token, _ := d.Token()
		key, _ := token.(string)
		if seen[key] {
			return nil, fmt.Errorf("option %q: given twice", key)
		}
		seen[key] = true
		var value json.RawMessage
		d.Decode(&value)
	}
	return given, nil
}
