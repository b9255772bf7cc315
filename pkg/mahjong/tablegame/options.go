package tablegame

import (
	"encoding/json"
	"strconv"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
)

// words is what people call an option. What values it takes stands in the engine.
type words struct {
	key               string
	label, help, unit game.Text
	values            []valueWords
	only              *game.Condition
}

// valueWords is what people call a named value, or a number that means something of its own.
type valueWords struct {
	value any // string or int
	label game.Text
	needs []string
}

func say(english, chinese string) game.Text { return game.Text{English: english, Chinese: chinese} }

// on says that an option has an effect only where another has one of some values.
func on(key string, values ...any) *game.Condition {
	c := &game.Condition{Key: key}
	for _, v := range values {
		c.Values = append(c.Values, encode(v))
	}
	return c
}

func encode(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // only strings, flags and numbers come here
	}
	return text
}

func (*sichuan) Options() game.Catalogue {
	known := make(map[string]mahjong.Option)
	for _, o := range mahjong.Options() {
		known[o.Key] = o
	}
	var c game.Catalogue
	for _, g := range groups() {
		group := game.OptionGroup{Name: g.name, Label: g.label}
		for _, w := range g.options {
			group.Options = append(group.Options, w.of(known[w.key]))
		}
		c.Groups = append(c.Groups, group)
	}
	labels := presetWords()
	for _, p := range mahjong.Presets() {
		said := labels[p.Name]
		c.Presets = append(c.Presets, game.Preset{Name: p.Name, Label: said[0], Help: said[1], Rules: json.RawMessage(p.Rules)})
	}
	return c
}

// of puts the words on an option of the engine.
func (w *words) of(o mahjong.Option) game.Option {
	option := game.Option{Key: w.key, Kind: game.OptionNumber, Label: w.label, Help: w.help, Unit: w.unit, Default: json.RawMessage(o.Default), Only: w.only}
	switch {
	case o.Flag:
		option.Kind = game.OptionBool
	case o.Values != nil:
		option.Kind = game.OptionChoice
	case o.Length > 0:
		option.Kind, option.Length = game.OptionNumbers, o.Length
	}
	if option.Kind == game.OptionNumber || option.Kind == game.OptionNumbers {
		option.Range = game.Range{Min: int64(o.Min), Max: int64(o.Max)}
	}
	if o.Xueliu != "" {
		option.Defaults = []game.OtherDefault{{If: *on("mode", mahjong.ModeXueliu), Default: json.RawMessage(o.Xueliu)}}
	}
	if o.Values == nil {
		for _, v := range w.values {
			option.Values = append(option.Values, game.OptionValue{Value: json.RawMessage(strconv.Itoa(v.value.(int))), Label: v.label})
		}
		return option
	}
	for _, name := range o.Values { // those of the engine, in its order, whether there are words for them or not
		value := game.OptionValue{Value: encode(name)}
		for _, v := range w.values {
			if v.value == name {
				value.Label, value.Needs = v.label, v.needs
			}
		}
		option.Values = append(option.Values, value)
	}
	return option
}
