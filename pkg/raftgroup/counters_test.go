package raftgroup

import (
	"testing"

	"github.com/hashicorp/raft"
)

// A write of the log costs one sync, or none without syncing; its bytes and entries are counted.
func TestDiskCounters(t *testing.T) {
	for _, sync := range []bool{true, false} {
		d := mustOpenDisk(t, t.TempDir(), DiskConfig{Sync: sync})
		l := d.log(7)
		if err := l.StoreLogs([]*raft.Log{entry(1, 1)}); err != nil { // so that files that are made only once exist
			t.Fatal(err)
		}
		entries, bytes, syncs := d.counters.entries.Load(), d.counters.bytes.Load(), d.counters.syncs.Load()
		const writes, each, size = 10, 3, 1000
		for i := range uint64(writes) {
			var logs []*raft.Log
			for j := range uint64(each) {
				logs = append(logs, entry(2+i*each+j, size))
			}
			if err := l.StoreLogs(logs); err != nil {
				t.Fatal(err)
			}
		}
		if got := d.counters.entries.Load() - entries; got != writes*each {
			t.Errorf("sync %v: %d entries", sync, got)
		}
		if got := d.counters.bytes.Load() - bytes; got < writes*each*size || got > 2*writes*each*size {
			t.Errorf("sync %v: %d bytes", sync, got)
		}
		want := uint64(0)
		if sync {
			want = writes
		}
		if got := d.counters.syncs.Load() - syncs; got != want {
			t.Errorf("sync %v: %d syncs, want %d", sync, got, want)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A leader counts what it sends: at least one append request to each follower per entry, and its bytes.
func TestNetworkCounters(t *testing.T) {
	c := newCluster(t, 3, false, nil)
	c.startAll(1)
	leader := c.leader(1)
	before := leader.host.Counters()
	const n = 20
	c.fill(1, "x", n)
	for _, nd := range c.nodes {
		nd.machines[1].await(t, n)
	}
	after := leader.host.Counters()
	if sent := after.Appends - before.Appends; sent < 2 {
		t.Errorf("%d append requests", sent)
	}
	if after.SentBytes-before.SentBytes < 2*n || after.LogEntries-before.LogEntries < n {
		t.Errorf("%+v, before %+v", after, before)
	}
}
