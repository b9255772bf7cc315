package coordinator

import (
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
)

// View says which nodes are members and where the shards are. It is immutable.
type View struct {
	Cluster string          // "" = not born yet
	Members *linkpb.Members // sorted by name
	Shards  []Shard         // by id

	Replacing *Replacement // nil = no disk is being replaced
}

// Replacement is a node that runs on a new disk, which is not yet a member of
// all groups that the old one was in.
type Replacement struct {
	Node   string
	Server string         // Raft server id on the new disk
	Groups []game.GroupID // that it is still to join, by id
}

// Shard is one group of tables.
type Shard struct {
	ID       game.GroupID
	Replicas []string // node names; the first leads by preference
}

// Counts describe the state for health pages and tests.
type Counts struct {
	NowMs   uint64 // log time
	Players int    // remembered
	Idle    int    // players among them without ticket or table
	Waiting int    // tickets in a queue
	Queues  int    // with a waiting ticket
	Pending int    // tables not confirmed by their shard yet
	Tables  int    // confirmed, not ended
	// Of this process:
	Busy      uint64 // requests refused by the full mailbox
	Lists     uint64 // queue.list answered
	Overviews uint64 // times that the queues were looked through, for lists and for progress
	Progress  uint64 // notices of a ticket's progress
}
