package swarm

import (
	"sync"
	"time"

	"teahouse/bench/cpu"
	"teahouse/bench/report"
	"teahouse/deploy/cluster"
)

// cpuMeter adds up the processor time of the cluster's processes and of this one
// during the play. A process that dies keeps what it had at the last look.
type cpuMeter struct {
	stateFile string

	mu    sync.Mutex
	spent map[int]*spent // by pid
	self  time.Duration

	stop chan struct{}
	done sync.WaitGroup
}

// spent is one process's time.
type spent struct {
	role        string
	first, last time.Duration
}

func newCPUMeter(stateFile string) *cpuMeter {
	return &cpuMeter{stateFile: stateFile, spent: make(map[int]*spent), stop: make(chan struct{})}
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
	state, err := cluster.ReadState(m.stateFile)
	if err != nil {
		return // the next look may do better
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range state.Processes {
		took, err := cpu.Process(p.PID)
		if p.PID == 0 || err != nil {
			continue
		}
		s := m.spent[p.PID]
		if s == nil {
			s = &spent{role: p.Role}
			m.spent[p.PID] = s
			if first { // one that appears later has started later
				s.first = took
			}
		}
		s.last = took
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
			c.Gateway += each(s.last - s.first)
		case "node":
			c.Nodes += each(s.last - s.first)
		}
	}
	c.Swarm = each(m.self)
	return c
}
