package link

import (
	"errors"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// BenchmarkPush sends pushes of usual size one way, from one goroutine to one handler.
func BenchmarkPush(b *testing.B) {
	var received, total atomic.Int64
	all := make(chan struct{})
	_, n := startPair(b, gatewayConfig(), nodeConfig(), Handler{
		Push: func(*Conn, *linkpb.Push) {
			if received.Add(1) == total.Load() {
				close(all)
			}
		},
	}, Handler{})
	push := &linkpb.Push{
		Session: 1 << 40, Epoch: 3, Kind: wirepb.Push_EVENT, Table: 1 << 41, Number: 77, Payload: make([]byte, 60),
	}
	b.ReportAllocs()
	b.ResetTimer()
	total.Store(int64(b.N))
	for range b.N {
		for errors.Is(n.SendPush(push), ErrFull) {
			runtime.Gosched()
		}
	}
	<-all
	b.ReportMetric(float64(b.N)/float64(n.Stats().Out.Writes), "pushes/write")
}

// BenchmarkPushPaced sends 25,000 pushes a second in bursts, and reports the processor time of
// each, both ends together.
func BenchmarkPushPaced(b *testing.B) {
	const burst = 25
	var received atomic.Int64
	g, n := startPair(b, gatewayConfig(), nodeConfig(), Handler{
		Push: func(*Conn, *linkpb.Push) { received.Add(1) },
	}, Handler{Request: echo})
	push := &linkpb.Push{
		Session: 1 << 40, Epoch: 3, Kind: wirepb.Push_EVENT, Table: 1 << 41, Number: 77, Payload: make([]byte, 60),
	}
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	before := cpuTime(b)
	b.ResetTimer()
	for sent := 0; sent < b.N; {
		<-ticker.C
		for range burst {
			if err := n.SendPush(push); err != nil {
				b.Fatal(err)
			}
			sent++
		}
	}
	if _, err := g.Call(b.Context(), &linkpb.Request{}); err != nil || received.Load() < int64(b.N) {
		b.Fatalf("%d pushes arrived, %v", received.Load(), err)
	}
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/push")
	b.ReportMetric(float64(b.N)/float64(n.Stats().Out.Writes), "pushes/write")
}

// cpuTime is the processor time of this process so far.
func cpuTime(b *testing.B) time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// BenchmarkCall makes calls from many goroutines over one link.
func BenchmarkCall(b *testing.B) {
	g, _ := startPair(b, gatewayConfig(), nodeConfig(), Handler{}, Handler{Request: echo})
	b.ReportAllocs()
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		req := &linkpb.Request{Method: "table.move", Table: 1 << 41, Player: 12345, Epoch: 3, Session: 1 << 40, Payload: make([]byte, 12)}
		for pb.Next() {
			if _, err := g.Call(b.Context(), req); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/float64(g.Stats().Out.Writes), "calls/write")
}

// BenchmarkCallAlone measures the round trip of one call at a time.
func BenchmarkCallAlone(b *testing.B) {
	g, _ := startPair(b, gatewayConfig(), nodeConfig(), Handler{}, Handler{Request: echo})
	req := &linkpb.Request{Method: "table.move", Payload: make([]byte, 12)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Call(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}
