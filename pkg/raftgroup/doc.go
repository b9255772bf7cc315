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
// Outcomes: an entry whose Future resolved without an error is in the log of a majority and was applied
// here. ErrNotLeader and ErrBusy mean that the entry is in no log and never will be. ErrUnknown means
// that it may or may not be committed later; only the state machine can tell.
//
// Disk failures: a write or sync that fails ends the process, because the contents of the log store are
// no longer known (DiskConfig.Fatal). If a write takes longer than Timings.Stall, this host gives its
// leaderships away. Builds with the tag "faults" can make a disk do both (Disk.Inject); other builds
// do not contain that code.
//
// Unknown data: entries and snapshots carry the cluster's level, and one with a level outside
// Config.Levels is refused before it is stored. If a Machine meets something unknown nevertheless, its
// replica halts, see Halt.
//
// The package serves no reads (a lease does not permit that), does not encrypt (peers prove to each
// other that they know the cluster secret, and then use clear text), does not batch proposals (its
// callers do), and does not decide who is a member.
//
// The packages that assemble or run replicated state (node/shard,
// node/coordinator, node/host) may import it. It imports pkg/versions only.
package raftgroup
