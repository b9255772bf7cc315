package bots

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// longest is the longest latency that is measured exactly.
const longest = 10 * time.Second

// latency collects how long decisions took, in nanoseconds to three digits.
type latency struct{ h *hdrhistogram.Histogram }

func (l *latency) open() {
	if l.h == nil {
		l.h = hdrhistogram.New(1, longest.Nanoseconds(), 3)
	}
}

// record adds one decision.
func (l *latency) record(d time.Duration) {
	l.open()
	l.h.RecordValue(min(d, longest).Nanoseconds())
}

func (l *latency) merge(o *latency) {
	if o.h != nil {
		l.open()
		l.h.Merge(o.h)
	}
}

func (l *latency) describe(s *Side) {
	l.open()
	micros := func(ns int64) float64 { return float64(ns) / 1000 }
	s.Decisions = int(l.h.TotalCount())
	s.P50, s.P99, s.Max = micros(l.h.ValueAtQuantile(50)), micros(l.h.ValueAtQuantile(99)), micros(l.h.Max())
}
