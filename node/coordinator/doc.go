// Package coordinator is the cluster's one place of decision: who is a member,
// which shards there are, who is logged in with which epoch, who waits in which
// queue and who sits at which table. It is a replicated state machine and the
// runtime that its leader runs beside it.
//
//	c, err := coordinator.New(coordinator.Config{Node: "node-1", Propose: propose, …})
//	group, err := host.Start(raftgroup.GroupConfig{ID: raftgroup.Coordinator, Machine: c, OnState: c.OnState})
//	go c.Run(ctx)
//	…
//	c.Handle(peer, request, reply)   // auth.guest, auth.resume, queue.*, cluster.ended
//
// The state machine is pure: time, random seeds and settings are data in the
// log, so equal logs give equal bytes on every replica. The runtime batches
// what arrives while the last entry is on its way, lets log time pass, proposes
// matches when some are due, and carries table creations to the shards.
//
// # Who is answered what
//
// Every answer comes from an applied entry, readings included. A player's queue
// commands carry (epoch, number). The last decided one is kept with its answer,
// so that a repeat gets the same again; a decided command uses up its number,
// whether it was granted or refused. Numbers within an epoch grow; gaps are
// allowed. An older epoch is SUPERSEDED.
//
// Epochs count the logins of all players together, and a player is remembered
// from its login on. So whoever is not remembered was forgotten, every epoch it
// can name is below any later one, and SESSION_FORGOTTEN (resume) is the answer.
//
// # Bounds
//
// The mailbox (Config.MaxWaiting) answers BUSY when it is full. Tickets, queues,
// remembered players and unconfirmed tables are bounded by Limits: a full queue
// is QUEUE_FULL, players without ticket or table are forgotten oldest first, and
// a shard with too many unconfirmed tables gets no more of them.
//
// It opens no connection, starts no Raft group and knows no game rules. Only
// node/host may import it.
package coordinator
