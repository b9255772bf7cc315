package reconnect

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"time"

	"teahouse/deploy/cluster"
	"teahouse/pkg/status"
)

// usage is what one process, or all gateways, hold.
type usage struct {
	name string
	Usage
}

// lookEvery is how often a waiting caller looks.
const lookEvery = 500 * time.Millisecond

// settleLooks is for how many looks nothing may become less: a process has work
// of its own, such as asking the registry, that comes and goes.
const settleLooks = 12

// settled is the least that each process holds while nothing happens.
func settled(ctx context.Context, state cluster.State, patience time.Duration) ([]usage, error) {
	deadline := time.Now().Add(patience)
	looks, sum := 0, 0
	return look(ctx, state, func(least []usage) bool {
		now := 0
		for _, u := range least {
			now += u.Goroutines + u.Descriptors
		}
		if looks++; now != sum {
			looks, sum = 0, now
		}
		return looks >= settleLooks || time.Now().After(deadline)
	})
}

// again waits until each process has held no more than before, at most as long
// as patience, and returns the least that it held.
func again(ctx context.Context, state cluster.State, before []usage, patience time.Duration) ([]usage, error) {
	deadline := time.Now().Add(patience)
	return look(ctx, state, func(least []usage) bool {
		for i, u := range least {
			if u.Goroutines > before[i].Goroutines || u.Descriptors > before[i].Descriptors {
				return time.Now().After(deadline)
			}
		}
		return true
	})
}

// look looks until enough says so of the least that was seen.
func look(ctx context.Context, state cluster.State, enough func([]usage) bool) (least []usage, err error) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		now, err := all(ctx, state)
		if err != nil {
			return nil, err
		}
		if least == nil {
			least = now
		}
		for i, u := range now {
			least[i].Goroutines = min(least[i].Goroutines, u.Goroutines)
			least[i].Descriptors = min(least[i].Descriptors, u.Descriptors)
			least[i].HeapBytes = min(least[i].HeapBytes, u.HeapBytes)
		}
		if enough(least) {
			return least, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// all looks at the gateways, the nodes and this process. The gateways are one
// line: the players' connections move between them.
func all(ctx context.Context, state cluster.State) ([]usage, error) {
	// Every question has a connection of its own, which is gone when it is
	// answered: asking must not change what is asked about.
	asker := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	http.DefaultClient.CloseIdleConnections()
	var list []usage
	gateways := usage{name: "gateways"}
	for _, p := range state.Processes {
		addr := p.Addresses["status"]
		if addr == "" {
			continue
		}
		said, err := ask(ctx, asker, addr)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		n, err := descriptors(p.PID)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		if p.Role == "gateway" {
			gateways.Goroutines += said.Goroutines
			gateways.Descriptors += n
			gateways.HeapBytes += said.HeapBytes
			continue
		}
		list = append(list, usage{p.Name, Usage{said.Goroutines, n, said.HeapBytes}})
	}
	runtime.GC()
	own := status.Now()
	n, err := descriptors(os.Getpid())
	if err != nil {
		return nil, err
	}
	return append(list, gateways, usage{"client", Usage{own.Goroutines, n, own.HeapBytes}}), nil
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
