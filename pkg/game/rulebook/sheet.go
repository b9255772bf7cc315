package rulebook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"teahouse/pkg/game"
)

// Sheet is a whole rule set, as people read it.
type Sheet struct {
	Groups []Group
	// Unknown is what stands in the rules and not in the catalogue, as "key: value": the rules are of a
	// newer version of the game. They mean more than the groups say.
	Unknown []string
}

// Group is the options of a group with their values.
type Group struct {
	Label game.Text
	Lines []Line
}

// Line is an option and its value.
type Line struct {
	Option  game.Option
	Value   json.RawMessage
	Default json.RawMessage // beside the other values
	Idle    bool            // it has no effect beside the other values
}

// Differs reports whether the value is not the default.
func (l *Line) Differs() bool { return !bytes.Equal(l.Value, l.Default) }

// Read reads a whole rule set, as Game.Rules returns it. What it lacks has its default: games leave out later
// options that are off.
func Read(c game.Catalogue, rules []byte) (*Sheet, error) {
	given, err := readObject(rules)
	if err != nil {
		return nil, refused("%v", err)
	}
	values := make(map[string]json.RawMessage)
	for o := range options(c) {
		if text, ok := given[o.Key]; ok {
			if values[o.Key], err = Value(&o, text); err != nil {
				return nil, refused("option %q: %v", o.Key, err)
			}
			delete(given, o.Key)
		}
	}
	fill(c, values)
	s := &Sheet{}
	for _, g := range c.Groups {
		group := Group{Label: g.Label}
		for _, o := range g.Options {
			group.Lines = append(group.Lines, Line{
				Option: o, Value: values[o.Key], Default: standard(&o, values), Idle: o.Only != nil && !holds(o.Only, values),
			})
		}
		s.Groups = append(s.Groups, group)
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		s.Unknown = append(s.Unknown, fmt.Sprintf("%s: %s", key, given[key]))
	}
	return s, nil
}

// Write says it in words: first what differs from the default, then everything by group.
func (s *Sheet) Write(w io.Writer, l game.Language) error {
	words := wordsOf(l)
	var out strings.Builder
	var differ []Line
	for _, g := range s.Groups {
		for _, line := range g.Lines {
			if line.Differs() {
				differ = append(differ, line)
			}
		}
	}
	if len(differ) == 0 && len(s.Unknown) == 0 {
		fmt.Fprintln(&out, words.allDefault)
	} else {
		fmt.Fprintln(&out, words.differs)
	}
	for _, line := range differ {
		fmt.Fprintf(&out, "  %s%s%s%s\n", line.said(l), words.open, fmt.Sprintf(words.standard, Say(&line.Option, line.Default, l)), words.close)
	}
	for _, u := range s.Unknown {
		fmt.Fprintf(&out, "  %s%s%s%s\n", u, words.open, words.unknown, words.close)
	}
	for _, g := range s.Groups {
		fmt.Fprintf(&out, "\n%s\n", g.Label.In(l))
		for _, line := range g.Lines {
			mark, idle := " ", ""
			if line.Differs() {
				mark = "*"
			}
			if line.Idle {
				idle = words.open + words.idle + words.close
			}
			fmt.Fprintf(&out, "%s %s%s\n", mark, line.said(l), idle)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// said is the option and its value.
func (l *Line) said(lang game.Language) string {
	return l.Option.Label.In(lang) + wordsOf(lang).colon + Say(&l.Option, l.Value, lang)
}

// Say says a value of an option in words.
func Say(o *game.Option, value json.RawMessage, l game.Language) string {
	words := wordsOf(l)
	for _, v := range o.Values {
		if bytes.Equal(v.Value, value) {
			return v.Label.In(l)
		}
	}
	switch o.Kind {
	case game.OptionBool:
		if string(value) == "true" {
			return words.yes
		}
		return words.no
	case game.OptionNumbers:
		value = bytes.ReplaceAll(bytes.Trim(value, "[]"), []byte(","), []byte(words.comma))
	}
	if unit := o.Unit.In(l); unit != "" {
		return fmt.Sprintf("%s %s", value, unit)
	}
	return string(value)
}

// words are the phrases of a language.
type words struct {
	allDefault, differs, standard, unknown, idle  string
	yes, no, colon, comma, semicolon, open, close string
	to, list, only, or, needs, presets            string
}

func wordsOf(l game.Language) *words {
	if l == game.Chinese {
		return &words{
			allDefault: "全部为默认。", differs: "与默认不同：", standard: "默认：%s", unknown: "此程序不认识", idle: "在此不起作用",
			yes: "是", no: "否", colon: "：", comma: "、", semicolon: "；", open: "（", close: "）",
			to: "%d 到 %d", list: "%d 个数，各为 %s", only: "仅当 %s 为 %s 时起作用。", or: " 或 ", needs: "须同时给出 %s", presets: "预设",
		}
	}
	return &words{
		allDefault: "All as by default.", differs: "Differs from the default:", standard: "default: %s", unknown: "unknown to this program", idle: "no effect here",
		yes: "yes", no: "no", colon: ": ", comma: ", ", semicolon: "; ", open: " (", close: ")",
		to: "%d to %d", list: "%d numbers, each %s", only: "Has an effect only where %s is %s.", or: " or ", needs: "needs %s too", presets: "Presets",
	}
}
