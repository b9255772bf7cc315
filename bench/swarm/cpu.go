package swarm

import (
	"context"
	"sync"
	"time"

	"teahouse/bench/cpu"
	"teahouse/bench/report"
	"teahouse/bench/target"
)

// cpuMeter adds up the processor time of the cluster's processes and of this one
// during the play. A process that dies keeps what it had at the last look.
type cpuMeter struct {
	target target.Target

	mu    sync.Mutex
	spent map[string]*spent // by target.Look.Key
	self  time.Duration

	stop chan struct{}
	done sync.WaitGroup
}

// spent is one process's time.
type spent struct {
	role        string
	first, last time.Duration
	before      time.Duration // of those that were there before
}

func newCPUMeter(t target.Target) *cpuMeter {
	return &cpuMeter{target: t, spent: make(map[string]*spent), stop: make(chan struct{})}
}

// begin starts counting, end stops it.
func (m *cpuMeter) begin() {
	m.look(true)
	m.self = -cpu.Self()
	m.done.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-m.stop:
				return
			case <-tick.C:
				m.look(false)
			}
		}
	})
}

func (m *cpuMeter) end() {
	close(m.stop)
	m.done.Wait()
	m.self += cpu.Self()
	m.look(false)
}

func (m *cpuMeter) look(first bool) {
	looks := m.target.CPU(context.Background())
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range looks {
		s := m.spent[l.Key]
		if s == nil {
			s = &spent{role: l.Role}
			m.spent[l.Key] = s
			if first { // one that appears later has started later
				s.first = l.CPU
			}
		}
		if l.CPU < s.last { // another process behind the same page
			s.before += s.last - s.first
			s.first = 0
		}
		s.last = l.CPU
	}
}

// perMove divides what was spent by the moves.
func (m *cpuMeter) perMove(moves int) (c report.CPU) {
	if moves == 0 {
		return c
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(moves) }
	for _, s := range m.spent {
		switch s.role {
		case "gateway":
			c.Gateway += each(s.before + s.last - s.first)
		case "node":
			c.Nodes += each(s.before + s.last - s.first)
		}
	}
	c.Swarm = each(m.self)
	return c
}
