// Package table is one table as a replicated state machine: its seats, their numbered event streams,
// the open prompts, the timers, the hands of the round and the record of each hand.
//
//	t, err := table.New(g, create, nowMS)
//	out := t.Apply(table.Entry{NowMS: now, Term: term, Command: command})
//	// answer with out.Reply, send out.Pushes, apply a Deadline at t.NextDeadline
//
// It works with any game.Game. It is pure: time and secrets come in as data, equal entries give equal
// tables and equal outputs on every replica, and it starts no goroutine. A Table is not safe for
// concurrent use.
//
// It knows no log, no link and no database: node/shard applies commands to it and acts on the outputs.
// Replay plays a hand again from its record, for audits.
//
// node/shard and tools that read archives may import it; it imports only pkg.
package table
