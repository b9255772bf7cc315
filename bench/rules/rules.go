// Package rules says in words which options a game has, and what a rule set means:
//
//	err := rules.Print(os.Stdout, rules.Config{Game: "mahjong", Overrides: `{"cap":6}`, Language: game.English})
//
// What it says is package rulebook's; here are the games. The bench tool imports it.
package rules

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"teahouse/pkg/game"
	"teahouse/pkg/game/rulebook"
	"teahouse/pkg/gomoku"
	"teahouse/pkg/mahjong/tablegame"
)

// Config says what is asked.
type Config struct {
	Game     string
	Language game.Language
	// Overrides are JSON on top of the default rules, and Preset is the name of such overrides. With either, that
	// rule set is shown instead of the options.
	Overrides, Preset string
}

// Games are those that can be asked about.
func Games() ([]game.Game, error) {
	mahjong, err := tablegame.New(tablegame.Config{})
	return []game.Game{mahjong, gomoku.New()}, err
}

// Find returns the game of that name.
func Find(name string) (game.Game, error) {
	all, err := Games()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, g := range all {
		if g.Name() == name {
			return g, nil
		}
		names = append(names, g.Name())
	}
	return nil, fmt.Errorf("game %q: want %s", name, strings.Join(names, " or "))
}

// Print writes what is asked. Overrides that the game does not take are an error that names the option.
func Print(w io.Writer, cfg Config) error {
	g, err := Find(cfg.Game)
	if err != nil {
		return err
	}
	c := g.Options()
	overrides := []byte(cfg.Overrides)
	switch {
	case cfg.Preset != "" && cfg.Overrides != "":
		return errors.New("a preset and options of one's own exclude each other")
	case cfg.Preset != "":
		if overrides, err = preset(c, cfg.Preset); err != nil {
			return err
		}
	case cfg.Overrides == "":
		return rulebook.Describe(w, c, cfg.Language)
	}
	whole, err := g.Rules(overrides)
	if err != nil {
		return err
	}
	sheet, err := rulebook.Read(c, whole)
	if err != nil {
		return err
	}
	return sheet.Write(w, cfg.Language)
}

func preset(c game.Catalogue, name string) ([]byte, error) {
	var names []string
	for _, p := range c.Presets {
		if p.Name == name {
			return p.Rules, nil
		}
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("preset %q: the game has none", name)
	}
	return nil, fmt.Errorf("preset %q: want %s", name, strings.Join(names, ", "))
}
