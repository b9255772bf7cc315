package game

import (
	"encoding/json"
	"fmt"
)

// Language is one that people are told things in.
type Language string

const (
	English Language = "en"
	Chinese Language = "zh"
)

// ParseLanguage reads the short name of a language.
func ParseLanguage(name string) (Language, error) {
	switch l := Language(name); l {
	case English, Chinese:
		return l, nil
	}
	return "", fmt.Errorf("game: language %q: want en or zh", name)
}

// Text is words in every language.
type Text struct {
	English string `json:"en"`
	Chinese string `json:"zh"`
}

func (t Text) In(l Language) string {
	if l == Chinese {
		return t.Chinese
	}
	return t.English
}

// Catalogue is all that a game's rules leave open, as data for people: from it rules are shown (package
// rulebook) and an editor of rules can be built. It has exactly the options that Game.Rules reads, in
// the order in which people want to read them.
type Catalogue struct {
	Groups  []OptionGroup `json:"groups"`
	Presets []Preset      `json:"presets,omitempty"` // the default first
}

// OptionGroup is options that belong together.
type OptionGroup struct {
	Name    string   `json:"name"` // its id
	Label   Text     `json:"label"`
	Options []Option `json:"options"`
}

// Option is one key of a rule set. Values are JSON: numbers are whole, and lists have no spaces.
type Option struct {
	Key     string          `json:"key"`
	Kind    OptionKind      `json:"kind"`
	Label   Text            `json:"label"` // a few words
	Help    Text            `json:"help"`  // one sentence
	Unit    Text            `json:"unit,omitzero"`
	Default json.RawMessage `json:"default"`
	// Defaults are its other defaults: the first whose If holds counts instead of Default. They depend
	// on options that have only one default each.
	Defaults []OtherDefault `json:"defaults,omitempty"`
	Range    Range          `json:"range,omitzero"`   // of a number, or of each in a list
	Length   int            `json:"length,omitempty"` // of a list
	// Values is all values of a choice; of a number, those in Range that have a name.
	Values []OptionValue `json:"values,omitempty"`
	// Only says where the option has an effect at all; nil = everywhere. It may be set elsewhere too.
	Only *Condition `json:"only,omitempty"`
}

// OptionKind says which values an option takes.
type OptionKind string

const (
	OptionChoice  OptionKind = "choice"  // one of Values, which are strings
	OptionBool    OptionKind = "bool"    // true or false
	OptionNumber  OptionKind = "number"  // in Range
	OptionNumbers OptionKind = "numbers" // a list of Length numbers, each in Range
)

// Range is the numbers from Min to Max, both included.
type Range struct {
	Min int64 `json:"min"`
	Max int64 `json:"max"`
}

// OptionValue is a value and what people call it.
type OptionValue struct {
	Value json.RawMessage `json:"value"`
	Label Text            `json:"label"`
	// Needs are keys that must be given too where this value is: their defaults make no sense with it.
	Needs []string `json:"needs,omitempty"`
}

// OtherDefault is a default that depends on another option.
type OtherDefault struct {
	If      Condition       `json:"if"`
	Default json.RawMessage `json:"default"`
}

// Condition holds where the option Key has one of Values.
type Condition struct {
	Key    string            `json:"key"`
	Values []json.RawMessage `json:"values"`
}

// Preset is a rule set with a name.
type Preset struct {
	Name  string          `json:"name"` // its id
	Label Text            `json:"label"`
	Help  Text            `json:"help"`
	Rules json.RawMessage `json:"rules"` // overrides, for Game.Rules
}
