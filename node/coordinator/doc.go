// Package coordinator decides everything that the whole cluster must agree on: which nodes are members,
// which shards there are, who is logged in with which epoch, who waits in which queue and who sits at
// which table. It consists of a replicated state machine and of the work that its leader does.
//
//	c, err := coordinator.New(coordinator.Config{Node: "node-1", Propose: propose, …})
//	group, err := host.Start(raftgroup.GroupConfig{ID: raftgroup.Coordinator, Machine: c, OnState: c.OnState})
//	go c.Run(ctx)
//	…
//	c.Handle(peer, request, reply)   // auth.guest, auth.resume, queue.*, cluster.ended
//
// The state machine is pure: time, random seeds and settings are data in the log, so equal logs give
// equal bytes on every replica. The leader batches the requests that arrive while an entry is in
// flight, advances log time, proposes matches when some are due, and sends table creations to the
// shards.
//
// # Answers
//
// Every answer comes from an applied entry, reads included. A player's queue commands carry (epoch,
// number). The last decided command is kept with its answer, so that a repetition gets the same
// answer; a decided command uses up its number, whether it was granted or refused. Numbers grow
// within an epoch; gaps are allowed. A command with an older epoch is SUPERSEDED.
//
// Epochs count the logins of all players together, and every player is remembered from login on. An
// unknown player was therefore forgotten, and will get a higher epoch than any before: the answer is
// SESSION_FORGOTTEN, and the client resumes.
//
// # Bounds
//
// A full mailbox (Config.MaxWaiting) answers BUSY. Tickets, queues, remembered players and
// unconfirmed tables are bounded by Limits: a join that finds them full gets QUEUE_FULL, players
// without ticket or table are forgotten, least recently used first, and a shard with too many
// unconfirmed tables gets no more.
//
// A queue may be for players who want to be alone with bots (Queue.Alone), and without time limits
// (Queue.Untimed).
//
// What players may choose (modes, stakes, hands) are lists in the configuration of a queue, and all that
// they allow together fits in the bound of queues: whatever players ask for, they take nothing from
// others. (At level 1 any stake may be asked for; the lists are in the log from level 2 on.)
//
// # What is shown
//
// queue.list says who waits and plays, and how long one waits. The figures are made at most once a
// second, however many ask, and serve a ticket's progress too: the leader pushes to the gateway of each
// player who waits what is new, once a second at most, and again after five seconds; 1000 players a
// second, the others in turn. queue.binding tells the same. What players know is soft and ends with
// the ticket or the leadership. How long tickets have waited lately is soft: each replica knows it
// from the entries that it has applied, the last 16 waits of each of at most 1024 kinds of tables,
// for ten minutes of log time.
//
// The package opens no connection, starts no Raft group and knows no game rules. Only node/host may
// import it.
package coordinator
