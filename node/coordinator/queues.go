package coordinator

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/versions"
)

// Queue configures a queue. Players in it are matched if their mode, stake and number of hands are
// equal too.
type Queue struct {
	Name   string
	Modes  []Mode   // the first is the default
	Stakes []uint32 // points of one base unit that players may ask for; the first is the default; default 1
	Hands  []uint32 // hands of a round that they may ask for; the first is the default; default 1

	BotsAfter time.Duration // wait after which bots fill a table; 0 = never
	// Rating points between the best and the worst player of a table: what a new ticket accepts,
	// how much that grows with each second of waiting, and its maximum.
	Window, WidenPerSecond, MaxWindow uint32

	// Alone means that each player gets a table at once and bots fill it; Untimed that questions have no
	// time limit and the hands do not count in anybody's standing. A queue with one of them is offered
	// from cluster level 2 on.
	Alone, Untimed bool
}

// from returns the cluster's level from which on the queue is offered.
func (q Queue) from() uint32 {
	if q.Alone || q.Untimed {
		return levelChoices
	}
	return versions.FirstLevel
}

// Mode is one way to play in a queue.
type Mode struct {
	Name  string // what players ask for
	Game  string // game.Game.Name
	Seats int    // game.Game.Seats; 0 = 4
	Rules string // overrides of the game's default rules, JSON

	Version uint32 // the highest game.Game.Version that is played; 0 = 1
}

// DefaultQueues are `standard` for people, `practice` for one person with bots, who has all the time
// in the world, and `bench` for measurements.
func DefaultQueues() []Queue {
	modes := func(minClaimMs int) []Mode {
		return []Mode{
			{Name: "xuezhan", Game: "mahjong", Rules: fmt.Sprintf(`{"min_claim_ms":%d}`, minClaimMs)},
			{Name: "xueliu", Game: "mahjong", Rules: fmt.Sprintf(`{"mode":"xueliu","min_claim_ms":%d}`, minClaimMs)},
			{Name: "gomoku", Game: "gomoku", Seats: 2},
		}
	}
	return []Queue{{
		Name: "standard", Modes: modes(700),
		Stakes: []uint32{1, 2, 5, 10, 20, 50}, Hands: []uint32{4, 1, 2, 8, 16}, BotsAfter: 10 * time.Second,
		Window: 200, WidenPerSecond: 50, MaxWindow: 2000,
	}, {
		Name: "practice", Modes: modes(0), Hands: []uint32{1, 4, 8}, Alone: true, Untimed: true,
	}, {
		Name: "bench", Modes: modes(0),
		Stakes: upTo(16), Hands: upTo(16),
		Window: 200, WidenPerSecond: 50, MaxWindow: 2000,
	}}
}

func upTo(n uint32) (all []uint32) {
	for i := range n {
		all = append(all, i+1)
	}
	return all
}

const (
	maxQueues  = 1000
	maxChoices = 64 // stakes, or numbers of hands, of one queue
	maxHands   = 1000
)

// completeQueues returns the queues with their defaults.
func (c Config) completeQueues() []Queue {
	queues := slices.Clone(c.Queues)
	if queues == nil {
		queues = DefaultQueues()
	}
	for i := range queues {
		q := &queues[i]
		if len(q.Stakes) == 0 {
			q.Stakes = []uint32{1}
		}
		if len(q.Hands) == 0 {
			q.Hands = []uint32{1}
		}
	}
	return queues
}

func (c Config) validateQueues() error {
	kinds := 0
	for _, q := range c.Queues {
		if err := q.validate(); err != nil {
			return err
		}
		kinds += len(q.Modes) * len(q.Stakes) * len(q.Hands)
	}
	switch {
	case !validSettings(c.settings(levelChoices)):
		return errors.New("coordinator: Config.Queues: too many, or a name is used twice")
	case kinds > c.Limits.Queues:
		// Else players could use the bound up, and others would be refused.
		return fmt.Errorf("coordinator: Config.Queues offer %d kinds of tables, Limits.Queues is %d", kinds, c.Limits.Queues)
	}
	return nil
}

func (q Queue) validate() error {
	switch {
	case q.Name == "" || len(q.Name) > maxQueueName || len(q.Modes) == 0:
		return fmt.Errorf("coordinator: queue %q: needs a name of at most %d bytes and a mode", q.Name, maxQueueName)
	case !validChoices(q.Stakes, maxStake):
		return fmt.Errorf("coordinator: queue %q: stakes %v", q.Name, q.Stakes)
	case !validChoices(q.Hands, maxHands):
		return fmt.Errorf("coordinator: queue %q: hands %v", q.Name, q.Hands)
	case q.BotsAfter < 0 || q.BotsAfter > 24*time.Hour || q.Alone && q.BotsAfter != 0:
		return fmt.Errorf("coordinator: queue %q: bots after %v", q.Name, q.BotsAfter)
	}
	names := make(map[string]bool)
	for _, m := range q.Modes {
		if m.Name == "" || len(m.Name) > maxQueueName || names[m.Name] || m.Game == "" || m.Seats < 0 || m.Seats > maxSeats {
			return fmt.Errorf("coordinator: queue %q: mode %q of game %q with %d seats", q.Name, m.Name, m.Game, m.Seats)
		}
		names[m.Name] = true
	}
	return nil
}

// validChoices reports whether players can choose from a list: it is short, and each of its numbers is above 0,
// not too large, and there once.
func validChoices(list []uint32, most uint32) bool {
	for i, n := range list {
		if n < 1 || n > most || slices.Contains(list[:i], n) {
			return false
		}
	}
	return len(list) <= maxChoices
}

// settings returns the part of the Config that goes into the log, in the format of a level.
func (c Config) settings(level uint32) *coordpb.Settings {
	s := &coordpb.Settings{
		Seats:        seats,
		MaxTickets:   uint32(c.Limits.Tickets),
		MaxQueues:    uint32(c.Limits.Queues),
		MaxIdle:      uint32(c.Limits.Idle),
		MaxPending:   uint32(c.Limits.Pending),
		PassOverMs:   uint32(c.Limits.PassOver.Milliseconds()),
		StuckMs:      uint32(c.Limits.Stuck.Milliseconds()),
		SlackPercent: uint32(c.Limits.SlackPercent),
	}
	for _, q := range c.Queues {
		if q.from() > level {
			continue
		}
		m := &coordpb.Queue{
			Name: q.Name, DefaultHands: q.Hands[0], MaxHands: slices.Max(q.Hands),
			BotsAfterMs: uint32(q.BotsAfter.Milliseconds()),
			Window:      q.Window, WidenPerSecond: q.WidenPerSecond, MaxWindow: q.MaxWindow,
		}
		for _, mode := range q.Modes {
			m.Modes = append(m.Modes, &coordpb.Mode{
				Name: mode.Name, Game: mode.Game, Rules: []byte(mode.Rules), Seats: uint32(mode.Seats), Version: mode.Version,
			})
		}
		if level >= levelChoices {
			m.Stakes, m.Hands, m.Alone, m.Untimed = q.Stakes, q.Hands, q.Alone, q.Untimed
		}
		s.Queues = append(s.Queues, m)
	}
	return s
}
