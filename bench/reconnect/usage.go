package reconnect

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"time"

	"teahouse/deploy/cluster"
	"teahouse/pkg/status"
)

// usage is what this process, or all processes of a role, hold.
type usage struct {
	name string
	Usage
}

// lookEvery is how often a waiting caller looks.
const lookEvery = 500 * time.Millisecond

// settleLooks is how many looks in a row must show the same: a process has work
// of its own, such as asking the registry, that comes and goes.
const settleLooks = 4

// settled waits until the processes hold the same for a while, at most as long
// as patience, and returns that.
func settled(ctx context.Context, state cluster.State, patience time.Duration) (now []usage, err error) {
	deadline := time.Now().Add(patience)
	var last []usage
	looks := 0
	_, err = look(ctx, state, func(current, _ []usage) bool {
		if looks++; last == nil || !equal(last, current) {
			looks = 1
		}
		last, now = current, current
		return looks >= settleLooks || time.Now().After(deadline)
	})
	return now, err
}

func equal(a, b []usage) bool {
	for i := range a {
		if a[i].Goroutines != b[i].Goroutines || a[i].Descriptors != b[i].Descriptors {
			return false
		}
	}
	return true
}

// again waits until each process has held no more than before, at most as long
// as patience, and returns the least that it held.
func again(ctx context.Context, state cluster.State, before []usage, patience time.Duration) ([]usage, error) {
	deadline := time.Now().Add(patience)
	return look(ctx, state, func(_, least []usage) bool {
		for i, u := range least {
			if u.Goroutines > before[i].Goroutines || u.Descriptors > before[i].Descriptors {
				return time.Now().After(deadline)
			}
		}
		return true
	})
}

// look looks until enough says so of what it sees and of the least that was
// seen, which it returns.
func look(ctx context.Context, state cluster.State, enough func(now, least []usage) bool) (least []usage, err error) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		now, err := all(ctx, state)
		if err != nil {
			return nil, err
		}
		if least == nil {
			least = slices.Clone(now)
		}
		for i, u := range now {
			least[i].Goroutines = min(least[i].Goroutines, u.Goroutines)
			least[i].Descriptors = min(least[i].Descriptors, u.Descriptors)
			least[i].HeapBytes = min(least[i].HeapBytes, u.HeapBytes)
		}
		if enough(now, least) {
			return least, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// all looks at the nodes, the gateways and this process. All gateways are one
// line, and all nodes: connections, and leaderships, move between them.
func all(ctx context.Context, state cluster.State) ([]usage, error) {
	// Every question has a connection of its own, which is gone when it is
	// answered: asking must not change what is asked about.
	asker := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	http.DefaultClient.CloseIdleConnections()
	sums := map[string]*usage{"node": {name: "nodes"}, "gateway": {name: "gateways"}} // by role
	for _, p := range state.Processes {
		addr, sum := p.Addresses["status"], sums[p.Role]
		if addr == "" || sum == nil {
			continue
		}
		said, err := ask(ctx, asker, addr)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		n := 0
		if p.PID != 0 { // one of this machine
			if n, err = descriptors(p.PID); err != nil {
				return nil, fmt.Errorf("%s: %w", p.Name, err)
			}
		}
		sum.Goroutines += said.Goroutines
		sum.Descriptors += n
		sum.HeapBytes += said.HeapBytes
	}
	runtime.GC()
	own := status.Now()
	n, err := descriptors(os.Getpid())
	if err != nil {
		return nil, err
	}
	client := usage{"client", Usage{own.Goroutines, n, own.HeapBytes}}
	if len(state.Processes) == 0 {
		return []usage{client}, nil
	}
	return []usage{*sums["node"], *sums["gateway"], client}, nil
}

func ask(ctx context.Context, asker *http.Client, addr string) (status.Process, error) {
	var s struct {
		Process status.Process `json:"process"`
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/status?gc=1", nil)
	if err != nil {
		return s.Process, err
	}
	resp, err := asker.Do(req)
	if err != nil {
		return s.Process, err
	}
	defer resp.Body.Close()
	return s.Process, json.NewDecoder(resp.Body).Decode(&s)
}

// descriptors counts the open files of a process.
func descriptors(pid int) (int, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(entries), err
}
