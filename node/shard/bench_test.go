package shard

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table/tabletest"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/wire/wirepb"
)

// directLog applies an entry at once, on the goroutine that proposes it.
type directLog struct {
	s     *Shard
	index uint64
}

func (l *directLog) Propose(data []byte) Future {
	l.index++
	p := &proposal{done: make(chan struct{})}
	l.s.Apply(raftgroup.Entry{Index: l.index, Term: 1, Data: data})
	close(p.done)
	return p
}

// BenchmarkMove measures all the work from a request to its answer and the
// pushes, for 200 tables whose players answer at once, without Raft and links.
func BenchmarkMove(b *testing.B) {
	const tables = 200
	ctx, cancel := context.WithCancel(b.Context())
	prompts := make(chan *linkpb.Push, tables*16)
	var s *Shard
	s, err := New(Config{
		Group: 7, Cluster: "c", Node: "n", Games: map[string]game.Game{"tiny": tabletest.Game{}},
		Results: &fakeResults{settled: make(map[game.HandKey]game.HandResult)}, Pool: goPool{}, Announce: func(uint64, bool) {},
		Ended: func(context.Context, *linkpb.TableEnded) error { return nil },
		Push: func(_ string, p *linkpb.Push) {
			if len(p.GetPayload()) > 0 && p.GetPayload()[0] == 4<<3|2 { // TableEvent.prompt
				prompts <- p
			}
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	var run sync.WaitGroup
	run.Go(func() { _ = s.Run(ctx, &directLog{s: s}) })
	s.OnState(true, 1)
	request := func(method string, table game.TableID, player uint64, m proto.Message, done func(*linkpb.Response)) {
		payload, err := proto.Marshal(m)
		if err != nil {
			b.Error(err)
		}
		s.Handle("gw", &linkpb.Request{
			Method: method, Table: uint64(table), Player: player, Epoch: 1, Session: player, Payload: payload,
		}, done)
	}
	var ready sync.WaitGroup
	for seq := uint64(1); seq <= tables; seq++ {
		ready.Add(5)
		done := func(r *linkpb.Response) {
			if r.GetCode() != wirepb.Code_OK {
				b.Error(r)
			}
			ready.Done()
		}
		request("cluster.create", 0, 0, createTable(seq, "bench", `{"turns":1000000000,"limit_ms":100000000}`, 1, seq*4, seq*4+1, seq*4+2, seq*4+3), done)
		for i := range uint64(4) {
			request("table.attach", tableID(seq), seq*4+i, &wirepb.AttachRequest{}, done)
		}
	}
	ready.Wait()
	numbers := make([]atomic.Uint64, tables*4+8) // by player
	var left atomic.Int64
	left.Store(int64(b.N))
	finished := make(chan struct{})
	b.ReportAllocs()
	b.ResetTimer()
	run.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case p := <-prompts:
				request("table.move", game.TableID(p.GetTable()), p.GetSession(),
					&wirepb.MoveRequest{Number: numbers[p.GetSession()].Add(1), Prompt: p.GetNumber(), Move: []byte{2}},
					func(r *linkpb.Response) {
						switch n := left.Add(-1); {
						case n == 0:
							close(finished)
						case n > 0 && r.GetCode() != wirepb.Code_OK:
							b.Error(r)
						}
					})
			}
		}
	})
	<-finished
	b.StopTimer()
	b.ReportMetric(float64(b.N)/float64(s.Status().Applied), "moves/entry")
	cancel()
	run.Wait()
}

type goPool struct{}

func (goPool) Go(f func()) error { go f(); return nil }
