package ab

// Figures are one run's, by name. What the revision does not tell is not in it.
type Figures map[string]float64

// figures are all that there can be, in the order in which they are printed.
var figures = []struct {
	name  string // in JSON
	label string
	unit  string
}{
	{"cpu_gateway", "CPU gateway", "µs/move"},
	{"cpu_nodes", "CPU nodes", "µs/move"},
	{"cpu_swarm", "CPU swarm", "µs/move"},
	{"moves_per_s", "moves", "1/s"},
	{"latency_p50", "move latency, median", "ms"},
	{"latency_p99", "move latency, 99 %", "ms"},
	{"latency_max", "move latency, max", "ms"},
	{"match_wait_p50", "match wait, median", "ms"},
	{"longest_gap", "longest gap", "ms"},
	{"allocs_gateway", "allocations, gateway", "1/move"},
	{"alloc_bytes_gateway", "allocated, gateway", "B/move"},
	{"allocs_nodes", "allocations, nodes", "1/move"},
	{"alloc_bytes_nodes", "allocated, nodes", "B/move"},
	{"raft_entries", "Raft entries", "1/move"},
	{"append_rpcs", "append RPCs", "1/move"},
	{"raft_bytes", "Raft bytes sent", "B/move"},
	{"log_bytes", "log bytes written", "B/move"},
	{"syncs", "log syncs", "1/move"},
}

// summary is what is relied on of a swarm's --json. A key that is not there is nil.
type summary struct {
	MovesAcked   *float64            `json:"moves_acked"`
	MovesPerS    *float64            `json:"moves_per_s"`
	MoveLatency  map[string]*float64 `json:"move_latency_ms"`
	MatchWait    map[string]*float64 `json:"match_wait_ms"`
	LongestGapMS *float64            `json:"longest_gap_ms"`
	CPU          map[string]*float64 `json:"cpu_us_per_move"`
}

// compute takes what the swarm said, and what the cluster had counted before its first
// login and after its last player had gone.
func compute(s summary, before, after counters) Figures {
	f := make(Figures)
	set := func(name string, v *float64) {
		if v != nil {
			f[name] = *v
		}
	}
	for _, role := range []string{"gateway", "nodes", "swarm"} {
		set("cpu_"+role, s.CPU[role])
	}
	set("moves_per_s", s.MovesPerS)
	set("latency_p50", s.MoveLatency["p50"])
	set("latency_p99", s.MoveLatency["p99"])
	set("latency_max", s.MoveLatency["max"])
	set("match_wait_p50", s.MatchWait["p50"])
	set("longest_gap", s.LongestGapMS)
	if s.MovesAcked == nil || *s.MovesAcked == 0 {
		return f
	}
	for name, end := range after {
		// What a process counts begins at 0 with it: less than before is another process.
		if begin, ok := before[name]; ok && end >= begin {
			f[name] = (end - begin) / *s.MovesAcked
		}
	}
	return f
}
