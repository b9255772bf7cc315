package queue

import (
	"context"
	"time"

	"teahouse/bench/history"
	"teahouse/bench/outage"
	"teahouse/bench/report"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

func (p *player) watch(f func(*outage.Keeper, time.Time)) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.kept, now)
}

func (p *player) sent(e *wirepb.Envelope) {
	p.watch(func(k *outage.Keeper, now time.Time) { k.Sent(e, now) })
}

func (p *player) forget(now time.Time) {
	p.watch(func(k *outage.Keeper, _ time.Time) { k.Forget(now) })
}

// felt is the length from which on somebody notices.
const felt = time.Second

// outages looks at everybody as the play ends. Who was told of a table later than another of its
// players could not hear meanwhile; who was never told shows in the check.
func (b *Bench) outages(s *Summary, now time.Time) {
	first := make(map[game.TableID]int64)
	for _, p := range b.players {
		for _, o := range p.history() {
			if at, in := first[o.Table]; o.Table != 0 && o.Kind == history.Told && (!in || o.Return < at) {
				first[o.Table] = o.Return
			}
		}
	}
	var each report.Latency
	var longest outage.Span
	for _, p := range b.players {
		ops := p.history()
		p.watch(func(k *outage.Keeper, _ time.Time) {
			for _, o := range ops {
				if at, in := first[o.Table]; in && o.Kind == history.Told {
					k.Late(b.began.Add(time.Duration(at)), b.began.Add(time.Duration(o.Return)))
					break // a later hint is the same news
				}
			}
			span := k.Longest(now)
			each.Record(span.Length())
			if span.Length() > longest.Length() {
				longest = span
			}
			if span.Length() >= felt {
				s.Outages.Felt++
			}
			if open, lasts := k.Open(now); lasts && open.Length() >= felt {
				s.Outages.Open++
			}
		})
	}
	s.Outages.LongestMS, s.Outages.Cause = float64(longest.Length().Microseconds())/1000, longest.Cause.String()
	s.Outages.ByPlayerMS, s.LongestOutageMS = each.Millis(), s.Outages.LongestMS
	if b.rate != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		s.Open = &report.OpenLoop{Rate: b.cfg.Rate, LatencyMS: b.due.Millis(), Missing: b.missing}
	}
}

// turn waits until it is time for the next join at the rate; false = nobody joins any more.
func (p *player) turn(open context.Context) (due time.Time, ok bool) {
	if p.b.rate == nil {
		return due, true
	}
	due = p.b.rate.Take(time.Now())
	sleep(open, time.Until(due))
	return due, open.Err() == nil
}

// joined takes a join that should have been made at a time.
func (b *Bench) joined(due time.Time) {
	if due.IsZero() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.due.Record(time.Since(due))
}
