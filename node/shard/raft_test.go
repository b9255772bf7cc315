package shard

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"teahouse/node/table/tabletest"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/wire/wirepb"
)

// groupLog adapts a group to Log, as package host does.
type groupLog struct{ group *raftgroup.Group }

func (l groupLog) Propose(data []byte) Future { return l.group.Propose(data) }

// One voter on a real log: a round of bots is played and settled, and is still known after a restart
// on the same disk.
func TestOverRaft(t *testing.T) {
	dir := t.TempDir()
	results := &fakeResults{settled: make(map[game.HandKey]game.HandResult)}
	ended := make(chan struct{}, 1)
	start := func() (s *Shard, stop func()) {
		disk, err := raftgroup.OpenDisk(dir, raftgroup.DiskConfig{})
		if err != nil {
			t.Fatal(err)
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		self := raftgroup.ServerID("n." + disk.ID())
		host, err := raftgroup.Open(raftgroup.Config{
			Self: self, Disk: disk, Listener: ln, ClusterID: "c", Secret: make([]byte, 32),
			Resolve: func(raftgroup.ServerID) (string, bool) { return "", false },
		})
		if err != nil {
			t.Fatal(err)
		}
		led := make(chan struct{}, 1)
		s, err = New(Config{
			Group: 7, Cluster: "c", Node: "n", Games: map[string]game.Game{"tiny": tabletest.Game{}},
			Results: results, Pool: goPool{}, Push: func(string, *linkpb.Push) {},
			Ended: func(context.Context, *linkpb.TableEnded) error { ended <- struct{}{}; return nil },
			Announce: func(_ uint64, withdrawn bool) {
				if !withdrawn {
					led <- struct{}{}
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		group, err := host.Start(raftgroup.GroupConfig{
			ID: 7, Machine: s, Bootstrap: []raftgroup.Member{{ID: self, Voter: true}},
			OnState: func(st raftgroup.State) { s.OnState(st.Leading, st.Term) },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() {
			if err := s.Run(ctx, groupLog{group}); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		stop = func() {
			cancel()
			run.Wait()
			if err := host.Close(); err != nil {
				t.Error(err)
			}
		}
		wait(t, led, "the leadership")
		return s, stop
	}

	s, stop := start()
	c := &cluster{t: t, shards: []*Shard{s}, results: results}
	c.create(createTable(1, "bench", ``, 2, 0, 0, 0, 0), false)
	wait(t, ended, "the end of the round")
	if n, _ := results.count(); n != 2 {
		t.Errorf("%d hands settled", n)
	}
	// The end is logged soon after the coordinator has confirmed it.
	for tries := 0; c.call("table.attach", tableID(1), 11, 1, &wirepb.AttachRequest{}).GetCode() != wirepb.Code_TABLE_GONE; tries++ {
		if tries == 10_000 {
			t.Fatal("the table stays")
		}
	}
	stop()
	s, stop = start()
	defer stop()
	c.shards[0] = s
	c.want(c.call("table.attach", tableID(1), 11, 1, &wirepb.AttachRequest{}), wirepb.Code_TABLE_GONE)
	c.create(createTable(1, "bench", ``, 2, 0, 0, 0, 0), false) // a repeat
	if n := s.Status().Tables; n != 0 {
		t.Errorf("%d tables", n)
	}
}

func wait(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("no sign of %s", what)
	}
}
