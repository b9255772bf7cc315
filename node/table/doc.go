// Package table is one table as a replicated state machine: its seats, their
// numbered event streams, the open prompts, the timers, the round from hand to
// hand and the record of each hand.
//
//	t, err := table.New(g, create, nowMS)
//	out := t.Apply(table.Entry{NowMS: now, Term: term, Command: command})
//	// answer with out.Reply, send out.Pushes, look at t.NextDeadline
//
// It works with any game.Game. It is pure: time and secrets come in as data,
// equal entries give equal tables and equal outputs on every replica, and it
// starts nothing. A Table is not safe for concurrent use.
//
// It knows no log, no link and no database: node/shard feeds it and carries
// out what it asks for. Replay runs a hand's record again, for audits.
//
// node/shard and tools that read archives may import it; it imports only pkg.
package table
