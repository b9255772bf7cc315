package ab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"
)

// What is relied on of every revision's state file and status pages, back to the first
// that can be compared. Keys are only ever added to these.

type state struct {
	Processes []struct {
		Name      string            `json:"name"`
		Role      string            `json:"role"` // gateway, node, or another
		PID       int               `json:"pid"`
		Addresses map[string]string `json:"addresses"` // by purpose; "status" is one
	} `json:"processes"`
}

// readState reads what a supervisor wrote.
func readState(file string) (s state, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

// page is a node's or a gateway's status. Of a counter that it does not have the pointer is nil.
type page struct {
	role string

	Groups   int `json:"groups"` // a node's: in the whole cluster; 0 = not known yet
	Replicas []struct {
		Group     uint32 `json:"group"` // 0 = the coordinator's
		Serving   bool   `json:"serving"`
		Preferred bool   `json:"preferred"` // by preference this node serves it
		Applied   uint64 `json:"applied"`
	} `json:"replicas"`
	Process struct {
		Mallocs    *float64 `json:"mallocs"`
		AllocBytes *float64 `json:"alloc_bytes"`
	} `json:"process"`
	Raft struct {
		AppendRPCs *float64 `json:"append_rpcs"`
		SentBytes  *float64 `json:"sent_bytes"`
		LogBytes   *float64 `json:"log_bytes"`
		Syncs      *float64 `json:"syncs"`
	} `json:"raft"`
}

// lookFor bounds the wait for one page.
const lookFor = 5 * time.Second

// pages asks every gateway and node of the state file for its page.
func pages(ctx context.Context, file string) ([]page, error) {
	s, err := readState(file)
	if err != nil {
		return nil, err
	}
	var all []page
	for _, p := range s.Processes {
		if p.Role != "gateway" && p.Role != "node" {
			continue
		}
		if p.PID == 0 || p.Addresses["status"] == "" {
			return nil, fmt.Errorf("%s does not run", p.Name)
		}
		one := page{role: p.Role}
		if err := get(ctx, p.Addresses["status"], &one); err != nil {
			return nil, fmt.Errorf("%s does not answer: %w", p.Name, err)
		}
		all = append(all, one)
	}
	return all, nil
}

func get(ctx context.Context, addr string, to *page) error {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/status", nil)
	if err != nil {
		return err
	}
	req.Close = true // the next cluster may have this address
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it says %s", resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(to)
}

// unready says what a cluster lacks until it can be measured, or "". Each shard must be
// where it stays: a run with all leaders on one node is not like others.
func unready(all []page) string {
	nodes, gateways, groups := 0, 0, 0
	serving := make(map[uint32]bool)
	for _, p := range all {
		if p.role == "gateway" {
			gateways++
			continue
		}
		nodes++
		groups = max(groups, p.Groups)
		for _, r := range p.Replicas {
			serving[r.Group] = serving[r.Group] || r.Serving
			if r.Preferred && !r.Serving {
				return fmt.Sprintf("group %d is not served by the node that should", r.Group)
			}
		}
	}
	switch {
	case nodes == 0 || gateways == 0:
		return "not everything runs"
	case groups == 0:
		return "no node knows the groups yet"
	case len(serving) < groups:
		return fmt.Sprintf("%d of %d groups run", len(serving), groups)
	}
	for group, served := range serving {
		if !served {
			return fmt.Sprintf("nobody serves group %d", group)
		}
	}
	return ""
}

// counters are sums over the processes of a role, by the name of the figure.
type counters map[string]float64

// count adds up. A counter that one of the processes lacks is not in it.
func count(all []page) counters {
	sums, told, of := make(counters), make(map[string]int), make(map[string]int)
	add := func(name string, v *float64) {
		of[name]++
		if v != nil {
			told[name]++
			sums[name] += *v
		}
	}
	applied := make(map[uint32]uint64)
	for _, p := range all {
		if p.role == "gateway" {
			add("allocs_gateway", p.Process.Mallocs)
			add("alloc_bytes_gateway", p.Process.AllocBytes)
			continue
		}
		add("allocs_nodes", p.Process.Mallocs)
		add("alloc_bytes_nodes", p.Process.AllocBytes)
		add("append_rpcs", p.Raft.AppendRPCs)
		add("raft_bytes", p.Raft.SentBytes)
		add("log_bytes", p.Raft.LogBytes)
		add("syncs", p.Raft.Syncs)
		for _, r := range p.Replicas {
			applied[r.Group] = max(applied[r.Group], r.Applied)
		}
	}
	for name := range sums {
		if told[name] < of[name] {
			delete(sums, name)
		}
	}
	// Not what each replica wrote: an entry is one, whatever the number of its copies.
	for _, index := range applied {
		sums["raft_entries"] += float64(index)
	}
	return sums
}
