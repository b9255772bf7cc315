package audit

import "testing"

func TestCleanRound(t *testing.T) {
	s := simulate(t, 2)
	r, err := Check(s.Table)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Clean() || r.HandsFinished != 2 {
		t.Errorf("%d hands, %+v, %q", r.HandsFinished, r.Audit, r.Notes)
	}
}

func BenchmarkCheck(b *testing.B) {
	s := simulate(b, 1)
	for b.Loop() {
		if _, err := Check(s.Table); err != nil {
			b.Fatal(err)
		}
	}
	size := 0
	for _, seat := range s.Seats {
		size += seat.Stream.Size()
	}
	b.ReportMetric(float64(size), "B/table")
	b.ReportMetric(float64(s.entries), "entries")
}
