package host

import (
	"fmt"

	"teahouse/node/coordinator"
	"teahouse/pkg/game"
	"teahouse/pkg/gomoku"
	"teahouse/pkg/mahjong/tablegame"
)

// games are those that tables can run, by name. Whoever replays their hands needs
// the same ones, with the same settings.
func games() (map[string]game.Game, error) {
	mahjong, err := tablegame.New(tablegame.Config{})
	if err != nil {
		return nil, err
	}
	all := make(map[string]game.Game)
	for _, g := range []game.Game{mahjong, gomoku.New()} {
		all[g.Name()] = g
	}
	return all, nil
}

// queues makes every mode's rules whole, so that players and tables see all of
// them, and puts the wait for bots where bots play at all.
func (n *node) queues(queues []coordinator.Queue) ([]coordinator.Queue, error) {
	for i := range queues {
		q := &queues[i]
		if q.BotsAfter > 0 {
			q.BotsAfter = n.cfg.BotsAfter
		}
		for j := range q.Modes {
			m := &q.Modes[j]
			g := n.games[m.Game]
			if g == nil {
				return nil, fmt.Errorf("host: queue %q, mode %q: no game %q", q.Name, m.Name, m.Game)
			}
			rules, err := g.Rules([]byte(m.Rules))
			if err != nil {
				return nil, fmt.Errorf("host: queue %q, mode %q: %w", q.Name, m.Name, err)
			}
			m.Rules, m.Seats, m.Version = string(rules), g.Seats(), g.Version()
		}
	}
	return queues, nil
}
