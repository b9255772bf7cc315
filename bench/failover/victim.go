package failover

import (
	"context"
	"fmt"
	"slices"
	"time"

	"teahouse/deploy/cluster"
	"teahouse/node/host"
)

// The roles of processes in the state file.
const (
	roleNode    = "node"
	roleGateway = "gateway"
)

// victim is a process right before its fault.
type victim struct {
	name    string
	role    string
	process cluster.Process // not of All
	groups  map[uint32]bool // that it led

	follows map[uint32]bool // that it replicated, if the role is Follower
}

// running are the names of the processes of a role that are not about to end.
func running(state cluster.State, role string) (names []string) {
	for _, p := range state.Processes {
		if p.Role == role && p.Runs() {
			names = append(names, p.Name)
		}
	}
	return names
}

// choose finds a victim, at random among those that fit.
func (f *Failover) choose(ctx context.Context) (victim, error) {
	if f.cfg.Role == All {
		return victim{name: cluster.Everything, role: string(All)}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Heal)
	defer cancel()
	for {
		state, err := f.client.State(ctx)
		if err != nil {
			return victim{}, err
		}
		statuses := state.Statuses(ctx)
		if fit := f.fitting(state, statuses); len(fit) > 0 {
			v := victim{name: fit[f.rand.IntN(len(fit))], role: roleNode, groups: make(map[uint32]bool), follows: make(map[uint32]bool)}
			if f.cfg.Role == Gateway || f.cfg.Role.besides() {
				v.role = string(f.cfg.Role)
			}
			v.process = state.Processes[slices.IndexFunc(state.Processes, func(p cluster.Process) bool { return p.Name == v.name })]
			for _, g := range statuses[v.name].Replicas {
				v.follows[g.Group] = f.cfg.Role == Follower
				if g.Serving {
					v.groups[g.Group] = true
				}
			}
			return v, nil
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return victim{}, fmt.Errorf("no process of role %s: %w", f.cfg.Role, err)
		}
	}
}

// pollEvery is how often nodes are asked while something is awaited.
const pollEvery = 20 * time.Millisecond

// fitting are the names of the processes that may be the victim.
func (f *Failover) fitting(state cluster.State, statuses map[string]host.Status) []string {
	if f.cfg.Role == Gateway || f.cfg.Role.besides() {
		return running(state, string(f.cfg.Role))
	}
	return slices.DeleteFunc(running(state, roleNode), func(name string) bool {
		status, ok := statuses[name]
		if f.cfg.Role == Follower {
			return !follower(status)
		}
		return !ok || f.cfg.Role != Any && !slices.ContainsFunc(status.Replicas, func(g host.GroupStatus) bool {
			if f.cfg.Role == Coordinator {
				return g.Group == 0 && g.Serving
			}
			return g.Group != 0 && g.Serving && g.Tables > 0
		})
	})
}

// survivors asks all nodes but the victim.
func (f *Failover) survivors(ctx context.Context, v victim) (map[string]host.Status, error) {
	state, err := f.client.State(ctx)
	if err != nil {
		return nil, err
	}
	// A stopped process would let every question wait for its time-out.
	state.Processes = slices.DeleteFunc(state.Processes, func(p cluster.Process) bool { return p.Name == v.name })
	return state.Statuses(ctx), nil
}

// succession is how long the groups of a victim took to their new leaders, in
// milliseconds; nil if it led none.
type succession struct{ first, last *float64 }

// newLeaders waits until other nodes serve all groups of the victim. Of the
// coordinator only its own group counts as the first.
func (f *Failover) newLeaders(ctx context.Context, v victim, began time.Time) (succession, error) {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Heal)
	defer cancel()
	for {
		statuses, err := f.survivors(ctx, v)
		if err != nil {
			return succession{}, err
		}
		served := make(map[uint32]bool)
		var next succession
		for _, status := range statuses {
			for _, g := range status.Replicas {
				if !g.Serving || !v.groups[g.Group] {
					continue
				}
				served[g.Group] = true
				if g.ServingSince < began.UnixMicro() {
					continue // it had moved there while the fault took aim
				}
				if f.cfg.Role != Coordinator || g.Group == 0 {
					next.first = earlier(next.first, began, g.ServingSince)
				}
				if ms := earlier(nil, began, g.ServingSince); next.last == nil || *ms > *next.last {
					next.last = ms
				}
			}
		}
		if len(served) == len(v.groups) {
			return next, nil
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return succession{}, fmt.Errorf("%d of the %d groups that %s led have a new leader: %w", len(served), len(v.groups), v.name, err)
		}
	}
}

// detection is when the first other node noted that its link to the victim was lost;
// nil if none did.
func (f *Failover) detection(ctx context.Context, v victim, began time.Time) (*float64, error) {
	if v.role != roleNode {
		return nil, nil
	}
	statuses, err := f.survivors(ctx, v)
	if err != nil {
		return nil, err
	}
	return firstLoss(statuses, v.name, began), nil
}

func firstLoss(statuses map[string]host.Status, name string, began time.Time) (first *float64) {
	for _, status := range statuses {
		for _, loss := range status.Losses {
			if loss.Node == name && loss.AtUS >= began.UnixMicro() {
				first = earlier(first, began, loss.AtUS)
			}
		}
	}
	return first
}

// earlier is the smaller of first and the milliseconds from began to at.
func earlier(first *float64, began time.Time, atUS int64) *float64 {
	ms := float64(atUS-began.UnixMicro()) / 1000
	if first == nil || ms < *first {
		return &ms
	}
	return first
}
