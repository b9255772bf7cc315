package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// Config is what is known besides the history.
type Config struct {
	// Seats is how many players a table must have; 0 = any number, for queues that are
	// shared with others or filled with bots.
	Seats int
	// Over lists the tables of each player that are known to be over, so that the player may have
	// queued again.
	Over map[game.PlayerID][]game.TableID
	// Within bounds each search; default 10 s.
	Within time.Duration
}

// Result is what became of the tickets, and what is impossible.
type Result struct {
	Tickets   int `json:"tickets"`
	Matched   int `json:"matched"`
	Cancelled int `json:"cancelled"`
	Queued    int `json:"still_queued"`
	Tables    int `json:"tables"`

	Audit Audit    `json:"audit"`
	Notes []string `json:"-"` // a sentence for each finding, at most maxNotes
}

// Audit counts broken promises; all zero is the only good result.
type Audit struct {
	Lost             int `json:"tickets_lost"` // neither matched nor cancelled nor queued
	CancelledMatched int `json:"cancelled_and_matched"`
	TwoFates         int `json:"tickets_with_two_fates"` // more than one of those
	BoundTwice       int `json:"players_bound_twice"`
	Unticketed       int `json:"tables_without_ticket"` // a player at a table for which it held no ticket
	WrongTables      int `json:"tables_wrong"`          // number of players differs from the seats
	Unread           int `json:"players_unread"`        // the final binding was not read
	Impossible       int `json:"players_impossible"`    // no order of its commands explains the player's answers
	ImpossiblePairs  int `json:"tables_impossible"`     // no order explains the answers of all who met there
	Undecided        int `json:"searches_undecided"`    // the search took too long
}

// Clean reports whether nothing was found.
func (a Audit) Clean() bool { return a == Audit{} }

// maxNotes bounds the notes. The counts go on.
const maxNotes = 20

// Check finds what cannot have happened. Each player must be Read after the answers to all of its
// commands: that is the player's final state.
func Check(ops []Op, cfg Config) Result {
	if cfg.Within == 0 {
		cfg.Within = 10 * time.Second
	}
	c := &checker{cfg: cfg, ops: make(map[game.PlayerID][]Op), tables: tables(ops, cfg.Over)}
	for _, o := range ops {
		c.ops[o.Player] = append(c.ops[o.Player], o)
	}
	var players []game.PlayerID
	for p, ops := range c.ops {
		slices.SortStableFunc(ops, func(a, b Op) int { return cmp.Compare(a.Call, b.Call) })
		players = append(players, p)
	}
	slices.Sort(players)

	for _, t := range c.tables {
		if t.sure {
			c.result.Tables++
			if cfg.Seats != 0 && len(t.players) != cfg.Seats {
				c.found(&c.result.Audit.WrongTables, "table %v has the players %v", t.id, t.players)
			}
		}
	}
	for _, p := range players {
		c.fates(p)
		c.search(&c.result.Audit.Impossible, []game.PlayerID{p})
	}
	if c.result.Audit.Impossible == 0 { // else the pairs add nothing
		for _, g := range groups(c.tables) {
			c.search(&c.result.Audit.ImpossiblePairs, g)
		}
	}
	return c.result
}

type checker struct {
	cfg    Config
	ops    map[game.PlayerID][]Op // by call
	tables []*table
	result Result
}

// found counts a finding.
func (c *checker) found(count *int, format string, args ...any) {
	*count++
	if len(c.result.Notes) < maxNotes {
		c.result.Notes = append(c.result.Notes, fmt.Sprintf(format, args...))
	}
}

// search looks for an order that explains the players' answers.
func (c *checker) search(count *int, players []game.PlayerID) {
	index := make(map[game.PlayerID]int, len(players))
	for i, p := range players {
		index[p] = i
	}
	var events []event
	for _, t := range c.tables {
		if slices.ContainsFunc(t.players, func(p game.PlayerID) bool { _, ok := index[p]; return ok }) {
			events = append(events, t.events(index)...)
		}
	}
	for i, p := range players {
		for _, o := range c.ops[p] {
			events = append(events, event{o, []int{i}})
			if o.Kind == Join && o.Doubt {
				before := Op{Player: p, Kind: earlier, Queue: o.Queue, Call: o.Call, Return: o.Return}
				if o.Code != wirepb.Code_OK {
					before.Return = Open // without a success there may be no moment at which it has no effect
				}
				events = append(events, event{before, []int{i}})
			}
		}
		for _, id := range c.cfg.Over[p] {
			events = append(events, event{Op{Player: p, Kind: release, Table: id, Return: Open}, []int{i}})
		}
	}
	operations := make([]porcupine.Operation, len(events))
	for i, e := range events {
		operations[i] = porcupine.Operation{Input: e, Call: e.Call, Return: e.Return}
	}
	switch porcupine.CheckOperationsTimeout(model(len(players)), operations, c.cfg.Within) {
	case porcupine.Illegal:
		c.found(count, "nothing explains:%s", lines(events))
	case porcupine.Unknown:
		c.found(&c.result.Audit.Undecided, "the search for players %v took more than %v", players, c.cfg.Within)
	}
}

// lines lists events, one per line.
func lines(events []event) string {
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.Call, b.Call) })
	var b strings.Builder
	for _, e := range events {
		b.WriteString("\n  " + e.Op.String())
	}
	return b.String()
}
