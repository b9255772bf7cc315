package swarm

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"teahouse/bench/report"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// meter collects what the players measure.
type meter struct {
	players     atomic.Int64
	tables      atomic.Int64 // seats taken
	hands       atomic.Int64 // ended, as our seats 0 saw
	disconnects atomic.Int64
	gap         atomic.Int64 // longest answer, nanoseconds
	snapshots   atomic.Int64
	waiting     atomic.Int64 // players who were told that nobody runs their table
	moving      atomic.Int64 // who were told that it passes to another node
	played      atomic.Int64 // moves acknowledged when the play ended

	early   atomic.Int64 // moves before their time
	missing atomic.Int64 // moves that were due when the play ended

	stripes [8]stripe // by player, so that they do not wait for each other

	mu     sync.Mutex
	waits  report.Latency
	due    report.Latency // moves, from when they should have been made
	errors map[string]int
}

type stripe struct {
	mu    sync.Mutex
	took  report.Latency
	acked int
	_     [64]byte // a cache line of its own
}

// move takes the definite answer to a move.
func (m *meter) move(player int, code wirepb.Code, took time.Duration) {
	for {
		gap := m.gap.Load()
		if int64(took) <= gap || m.gap.CompareAndSwap(gap, int64(took)) {
			break
		}
	}
	if code != wirepb.Code_OK {
		m.count(code.String())
		return
	}
	s := &m.stripes[player%len(m.stripes)]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acked++
	s.took.Record(took)
}

func (m *meter) acked() (n int) {
	for i := range m.stripes {
		s := &m.stripes[i]
		s.mu.Lock()
		n += s.acked
		s.mu.Unlock()
	}
	return n
}

// freeze notes that the play is over.
func (m *meter) freeze()     { m.played.Store(int64(m.acked())) }
func (m *meter) inPlay() int { return int(m.played.Load()) }

// noticed counts news of a table.
func (m *meter) noticed(n *wirepb.Notice) {
	switch {
	case n.GetMoving() != nil:
		m.moving.Add(1)
	case n.GetWaiting() != nil && !n.GetWaiting().Over:
		m.waiting.Add(1)
	}
}

func (m *meter) seated(by int) { m.tables.Add(int64(by)) }

func (m *meter) matched(wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waits.Record(wait)
}

// made takes the answer to a move that should have been made at a time.
func (m *meter) made(took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.due.Record(took)
}

func (m *meter) open(rate float64) *report.OpenLoop {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &report.OpenLoop{Rate: rate, LatencyMS: m.due.Millis(), Early: int(m.early.Load()), Missing: int(m.missing.Load())}
}

// failed counts a refusal by its code.
func (m *meter) failed(err error) {
	if code := game.CodeOf(err, wirepb.Code_OK); code != wirepb.Code_OK {
		m.count(code.String())
		return
	}
	m.count(fmt.Sprintf("%T", err))
}

func (m *meter) count(code string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.errors == nil {
		m.errors = make(map[string]int)
	}
	m.errors[code]++
}

// into fills in what was measured.
func (m *meter) into(sum *report.Summary) {
	var took report.Latency
	for i := range m.stripes {
		s := &m.stripes[i]
		s.mu.Lock()
		took.Merge(&s.took)
		s.mu.Unlock()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	sum.MovesAcked = m.acked()
	if sum.DurationS > 0 {
		sum.MovesPerS = float64(m.inPlay()) / sum.DurationS
	}
	sum.MoveLatencyMS, sum.MatchWaitMS = took.Millis(), m.waits.Millis()
	sum.Snapshots = int(m.snapshots.Load())
	sum.Notices = report.Notices{Waiting: int(m.waiting.Load()), Moving: int(m.moving.Load())}
	sum.LongestGapMS = float64(m.gap.Load()) / 1e6
	sum.Errors = make(map[string]int, len(m.errors))
	for code, n := range m.errors {
		sum.Errors[code] = n
	}
}

// Progress is how a run is doing.
type Progress struct {
	Players     int
	Seats       int     // taken
	MovesPerS   float64 // since the last one
	Hands       int
	GapMS       float64 // longest answered move so far
	OutageMS    float64 // longest outage of a player so far, those that last included
	Out         int     // players who have been out for a second and still are
	Disconnects int
	Left        time.Duration // of the play
}

// startProgress reports about once a second until end is called, which may be
// called again.
func (s *Swarm) startProgress() (end func()) {
	if s.cfg.Progress == nil {
		return func() {}
	}
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		began, last, moves := time.Time{}, time.Now(), 0
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			select {
			case <-s.playing:
				if began.IsZero() {
					began = time.Now()
				}
			default:
				began = time.Time{}
			}
			now, acked := time.Now(), s.meter.acked()
			p := Progress{
				Players: int(s.meter.players.Load()), Seats: int(s.meter.tables.Load()), Hands: int(s.meter.hands.Load()),
				MovesPerS: float64(acked-moves) / now.Sub(last).Seconds(),
				GapMS:     float64(s.meter.gap.Load()) / 1e6, Disconnects: int(s.meter.disconnects.Load()),
				Left: s.cfg.Duration,
			}
			if !began.IsZero() {
				p.Left = max(0, s.cfg.Duration-now.Sub(began))
			}
			outages := s.outages(now)
			p.OutageMS, p.Out = outages.LongestMS, outages.Open
			last, moves = now, acked
			s.cfg.Progress(p)
		}
	})
	return sync.OnceFunc(func() {
		close(stop)
		done.Wait()
	})
}
