package coordinator

import (
	"io"
	"testing"

	"teahouse/node/coordinator/coordpb"
)

// BenchmarkRound measures 200 players who join, are matched, sit at a table and leave: 400 of their
// commands, 50 tables.
func BenchmarkRound(b *testing.B) {
	w := newWorld(b, func(s *coordpb.Settings) { s.MaxTickets = 1000 })
	var players []result
	for range 200 {
		players = append(players, w.one(guest("")))
	}
	number := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		number++
		w.log = w.log[:0]
		var joins, confirms, ends []*coordpb.Command
		for _, p := range players {
			joins = append(joins, join(p, number, "bench"))
		}
		w.do(20, append(joins, matchWith(byte(number)))...)
		for {
			confirms, ends = confirms[:0], ends[:0]
			for _, item := range w.unconfirmed() {
				end := &coordpb.Ended{Table: item.create.Table}
				for _, s := range item.create.Seats {
					end.Players = append(end.Players, s.Player)
				}
				confirms = append(confirms, created(item.table(), false))
				ends = append(ends, &coordpb.Command{Body: &coordpb.Command_Ended{Ended: end}})
			}
			if len(confirms) == 0 {
				break
			}
			w.do(1, confirms...)
			w.do(1, ends...)
			w.do(1, matchWith(byte(number)))
		}
		if w.waiting != 0 || len(w.tables) != 0 {
			b.Fatalf("%d wait, %d tables", w.waiting, len(w.tables))
		}
	}
}

// BenchmarkSnapshot copies and writes 10,000 players.
func BenchmarkSnapshot(b *testing.B) {
	w := newWorld(b, func(s *coordpb.Settings) { s.MaxTickets, s.MaxIdle = 10_000, 10_000 })
	w.queued(5_000, "bench")
	for range 5_000 {
		w.one(guest(""))
	}
	b.Run("copy", func(b *testing.B) {
		for b.Loop() {
			w.snapshot()
		}
	})
	image := w.snapshot()
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			if _, err := image.WriteTo(io.Discard); err != nil {
				b.Fatal(err)
			}
		}
	})
}
