package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"teahouse/node/host"
)

// maxLag is how many entries a replica may be behind its leader and still count as up to date: as many as
// one append request carries.
const maxLag = 64

// pollEvery is the polling interval of all that waits here.
const pollEvery = 50 * time.Millisecond

// Statuses asks every running node for its status. A node that does not answer has no entry, and neither
// has one that is ending, because its status will soon be wrong.
func (s State) Statuses(ctx context.Context) map[string]host.Status {
	statuses := make(map[string]host.Status)
	for _, p := range s.Processes {
		if p.Role != roleNode || !p.Runs() || p.Addresses["status"] == "" {
			continue
		}
		if status, err := nodeStatus(ctx, p.Addresses["status"]); err == nil {
			statuses[p.Name] = status
		}
	}
	return statuses
}

func nodeStatus(ctx context.Context, addr string) (status host.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/status", nil)
	if err != nil {
		return status, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return status, err
	}
	defer resp.Body.Close()
	return status, json.NewDecoder(resp.Body).Decode(&status)
}

// Unhealthy returns "" if every group has one leader and all its replicas are up to date; otherwise it says
// what is missing.
func (s State) Unhealthy(ctx context.Context) string {
	statuses := s.Statuses(ctx)
	for _, p := range s.Processes {
		_, ok := statuses[p.Name]
		switch {
		case p.Role != roleNode || ok:
		case p.PID == 0:
			return p.Name + " is down"
		case p.Ending:
			return p.Name + " is ending"
		default:
			return p.Name + " does not answer"
		}
	}
	leaders := make(map[uint32]host.GroupStatus)
	groups := make(map[uint32]int)
	want := 0
	for name, status := range statuses {
		want = max(want, status.Groups)
		if status.Replacing != "" {
			return fmt.Sprintf("%s reports that %s is not a member of all its groups yet", name, status.Replacing)
		}
		for _, g := range status.Replicas {
			groups[g.Group]++
			if g.Leading && g.Term >= leaders[g.Group].Term {
				leaders[g.Group] = g
			}
		}
	}
	if want == 0 {
		return "no node knows the groups yet"
	}
	if len(groups) < want {
		return fmt.Sprintf("%d of %d groups run", len(groups), want)
	}
	for name, status := range statuses {
		for _, g := range status.Replicas {
			leader, ok := leaders[g.Group]
			switch {
			case !ok:
				return fmt.Sprintf("group %d has no leader", g.Group)
			case !leader.Serving:
				return fmt.Sprintf("the leader of group %d has not taken over yet", g.Group)
			case g.Term != leader.Term || g.Applied+maxLag < leader.Applied:
				return fmt.Sprintf("group %d on %s is behind", g.Group, name)
			case groups[g.Group] < g.Members:
				return fmt.Sprintf("group %d has %d of %d replicas", g.Group, groups[g.Group], g.Members)
			}
		}
	}
	return ""
}

// Warnings returns the problems that an operator should look at: results that conflict with the database,
// tables whose game broke, backlogs at their bound.
func (s State) Warnings(ctx context.Context) []string {
	return warnings(s.Statuses(ctx))
}

func warnings(statuses map[string]host.Status) (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(statuses)) {
		for _, g := range statuses[name].Replicas {
			where := fmt.Sprintf("shard %d on %s: ", g.Group, name)
			if g.Conflicts > 0 {
				lines = append(lines, fmt.Sprintf("ALARM %s%d times the database held another result of a hand", where, g.Conflicts))
			}
			if g.Voided > 0 {
				lines = append(lines, fmt.Sprintf("ALARM %s%d tables were voided because their game broke", where, g.Voided))
			}
			if g.Serving && g.Delayed {
				lines = append(lines, fmt.Sprintf("%s%d hands wait for the database, so no more are dealt", where, g.Unsettled))
			}
		}
	}
	return lines
}

// AwaitHealthy waits until Unhealthy returns ""; the error contains what it returned last.
func (c *Client) AwaitHealthy(ctx context.Context) error {
	return awaitHealthy(ctx, func() (State, error) { return c.State(ctx) })
}

func (c *control) awaitHealthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return awaitHealthy(ctx, func() (State, error) { return c.sup.State(), nil })
}

func awaitHealthy(ctx context.Context, read func() (State, error)) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		state, err := read()
		if err != nil {
			return err
		}
		missing := state.Unhealthy(ctx)
		if missing == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the cluster is not healthy: %s: %w", missing, ctx.Err())
		case <-tick.C:
		}
	}
}
