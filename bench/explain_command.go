package main

import (
	"github.com/spf13/cobra"

	"teahouse/bench/explain"
	"teahouse/pkg/game"
)

func explainCommand() *cobra.Command {
	var lang string
	cmd := &cobra.Command{
		Use: "explain HAND", Short: "Explain a hand in words", Args: cobra.ExactArgs(1),
		Long: `Says whether a hand wins, how it is read, its fan and its price; or how far it is from
waiting, for what it waits, and what to discard. A hand is written in one argument:

  1234m 22p    concealed tiles: ranks, then the suit: m wan 万, p tong 筒, s tiao 条
  [555s]       a peng; [5555s] a gang fed by a discard, [555+5s] one added to a peng,
               (5555s) a concealed one
  +3m          the winning tile, not counted among the concealed ones
  void=p       the own void suit
  zimo         a situation: zimo gangshanghua gangshangpao qiangganghu haidilaoyue haidipao
               tianhu dihu
  {"cap":6}    options of the rule set`,
		Example: `  bench explain "123m 456m 789m 11p 23p +1p void=s zimo"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := game.ParseLanguage(lang)
			if err != nil {
				return err
			}
			return explain.Explain(cmd.OutOrStdout(), args[0], l)
		},
	}
	cmd.Flags().StringVar(&lang, "lang", string(game.English), "language: en or zh")
	return cmd
}
