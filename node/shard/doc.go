// Package shard is one Raft group of tables: the replicated state machine that holds them, and the
// work that its leader does for them.
//
//	s, err := shard.New(shard.Config{Group: 7, Games: games, …})
//	group, err := host.Start(raftgroup.GroupConfig{ID: 7, Machine: s, OnState: …s.OnState…})
//	go s.Run(ctx, log)
//	s.Handle(gateway, request, reply) // table.attach, table.move, table.leave, cluster.create
//
// Every replica applies batches of commands to the tables. The leader also collects requests into
// batches, advances log time, proposes deadlines that are due, runs bots, settles finished hands,
// reports ended tables to the coordinator, answers requests and pushes events. The next leader can
// resume all of this from the applied state alone.
//
// The package makes no decision about a game or a seat (node/table does), owns no connection and no
// database, and does not choose the leader.
//
// node/host may import it.
package shard
