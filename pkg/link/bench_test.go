package link

import (
	"errors"
	"runtime"
	"testing"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// BenchmarkPush sends pushes of usual size one way, from one goroutine to one handler.
func BenchmarkPush(b *testing.B) {
	received, all := 0, make(chan struct{})
	total := 0
	_, n := startPair(b, gatewayConfig(), nodeConfig(), Handler{
		Push: func(*Conn, *linkpb.Push) {
			if received++; received == total {
				close(all)
			}
		},
	}, Handler{})
	push := &linkpb.Push{
		Session: 1 << 40, Epoch: 3, Kind: wirepb.Push_EVENT, Table: 1 << 41, Number: 77, Payload: make([]byte, 60),
	}
	b.ReportAllocs()
	b.ResetTimer()
	total = b.N
	for range b.N {
		for errors.Is(n.SendPush(push), ErrFull) {
			runtime.Gosched()
		}
	}
	<-all
	b.ReportMetric(float64(b.N)/float64(n.Stats().Out.Writes), "pushes/write")
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

// BenchmarkCallAlone is the round trip of one call at a time.
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
