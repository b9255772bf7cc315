// Package raftgroup runs many Raft groups in one process. All groups of a
// process share one listening port, one connection to each peer and one log
// store, so that one fsync and one packet serve many groups. The consensus
// itself is hashicorp/raft.
//
//	disk, err := raftgroup.OpenDisk("/var/lib/teahouse", raftgroup.DiskConfig{Sync: true})
//	host, err := raftgroup.Open(raftgroup.Config{
//		Self:      raftgroup.ServerID("node-1." + disk.ID()),
//		Disk:      disk,
//		Listener:  ln,
//		ClusterID: "c1", Secret: secret,
//		Resolve:   addresses.Lookup,
//	})
//	group, err := host.Start(raftgroup.GroupConfig{ID: 7, Machine: m, Bootstrap: members})
//	result, err := group.Propose(data).Wait(ctx)
//
// What it promises: an entry whose Future resolved without an error is in the
// log of a majority and was applied here. ErrNotLeader and ErrBusy mean that the entry is in no
// log and never will be. ErrUnknown means that it may or may not be committed
// later; only the state machine can tell.
//
// What a bad disk does: a write or sync that fails ends the process, because what the
// log store holds is not known any more (DiskConfig.Fatal). While a write takes longer
// than Timings.Stall, the groups led here are given away. Builds with the tag
// "faults" can make a disk do both (Disk.Inject); others hold nothing of that.
//
// What a binary does not know: entries and snapshots carry the cluster's level, and
// one that is not in Config.Levels is refused before it is stored. What a Machine does not
// know all the same halts the replica, see Halt.
//
// What it does not do: it answers no reads (a lease is never a licence to
// answer), it encrypts nothing (peers prove the cluster secret to each other,
// then speak in clear text), it batches no proposals (that is done above), and
// it does not decide who is a member.
//
// The packages that assemble or run replicated state (node/shard,
// node/coordinator, node/host) may import it. It imports pkg/versions only.
package raftgroup
