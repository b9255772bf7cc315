package main

import (
	"os"

	"github.com/spf13/cobra"

	"teahouse/bench/rules"
	"teahouse/pkg/game"
	"teahouse/pkg/game/rulebook"
)

func rulesCommand() *cobra.Command {
	cfg := rules.Config{Game: "mahjong"}
	var lang, file string
	cmd := &cobra.Command{
		Use: "rules [GAME]", Short: "Show the options of a game's rules, or a rule set, in words", Args: cobra.MaximumNArgs(1),
		Long: `Without --rules or --preset: every option of the game (mahjong or gomoku) with its values, its default and what it
does. With one of them: that rule set, what differs from the default first. A rule set that the game
does not take is refused with the option's name.`,
		Example: `  bench rules
  bench rules --rules '{"cap":6,"menqing":true}' --lang zh
  bench rules gomoku --json options.json`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if cfg.Language, err = game.ParseLanguage(lang); err != nil {
				return err
			}
			if len(args) > 0 {
				cfg.Game = args[0]
			}
			if file != "" {
				g, err := rules.Find(cfg.Game)
				if err != nil {
					return err
				}
				text, err := rulebook.JSON(g)
				if err != nil {
					return err
				}
				return os.WriteFile(file, text, 0o644)
			}
			return rules.Print(cmd.OutOrStdout(), cfg)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cfg.Overrides, "rules", "", "options on top of the default rule set, JSON")
	flags.StringVar(&cfg.Preset, "preset", "", "a rule set by its name")
	flags.StringVar(&lang, "lang", string(game.English), "language: en or zh")
	flags.StringVar(&file, "json", "", "file for the options as JSON, as clients in other languages read them; nothing is shown then")
	return cmd
}
