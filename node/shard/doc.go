// Package shard is one Raft group of tables: the replicated state machine that
// holds them, and what its leader does for them.
//
//	s, err := shard.New(shard.Config{Group: 7, Games: games, …})
//	group, err := host.Start(raftgroup.GroupConfig{ID: 7, Machine: s, OnState: …s.OnState…})
//	go s.Run(ctx, log)
//	s.Handle(peer, request, reply) // table.attach, table.move, table.leave, cluster.create
//
// On every replica it applies batches of commands to the tables. On the leader
// it also collects what arrives into batches, keeps log time, proposes
// deadlines that are due, lets bots think, settles finished hands, tells the
// coordinator of ended tables, answers requests and pushes events; all of it
// can be resumed by the next leader from the applied state alone.
//
// It decides nothing about a game or a seat (node/table does), owns no
// connection and no database, and does not choose who leads.
//
// node/host may import it.
package shard
