package host

import (
	"fmt"

	"teahouse/node/coordinator"
	"teahouse/pkg/game"
	"teahouse/pkg/gomoku"
	"teahouse/pkg/mahjong/tablegame"
)

// games returns the games that tables can run, by name. Programs that replay hands need the same games with
// the same settings.
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

// queues completes the rules of every mode with the defaults, so that players and tables see all of them,
// and sets the wait for bots in the queues that have bots.
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
