// Package reconnect cuts one player's connection again and again and looks what
// is left behind, in the client, the gateways and the nodes:
//
//	r, err := reconnect.Run(ctx, reconnect.Config{State: file, Times: 100})
//	if !r.Held() { … }
//
// The player sits at a table with three others of its own, who think. It is cut
// in turn by a plain close, by a reset, and by a reset in the middle of a frame,
// and comes back as its client sees fit: with several gateways on the address,
// through whichever the kernel picks.
//
// What is left is compared after a warm-up and after all, once the cluster is
// quiet: not one goroutine or descriptor more, and the heap within a bound. So
// nobody else should play meanwhile. It works on clusters on this machine only. Only
// bench and tests import it.
package reconnect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"teahouse/bench/outage"
	"teahouse/bench/target"
	"teahouse/deploy/cluster"
)

// Config says what to do. Only State or Addr must be set.
type Config struct {
	State  string        // state file of the cluster; "" = it has none
	Addr   string        // of a gateway; overrides that of the state file
	Status []string      // status pages of nodes and gateways, without a state file
	Times  int           // cuts that count; default 100
	Warmup int           // cuts before them; default 20
	Quiet  time.Duration // bounds each wait for what comes and goes; default 30 s
}

func (c Config) withDefaults() (Config, error) {
	if err := (target.Target{State: c.State, Addr: c.Addr}).Check("reconnect"); err != nil {
		return c, err
	}
	if c.Times < 0 || c.Warmup < 0 || c.Quiet < 0 {
		return c, errors.New("reconnect: nothing may be below zero")
	}
	if c.Times == 0 {
		c.Times = 100
	}
	if c.Warmup == 0 {
		c.Warmup = 20
	}
	if c.Quiet == 0 {
		c.Quiet = 30 * time.Second
	}
	return c, nil
}

// Result is what was found.
type Result struct {
	Times     int       `json:"times"`
	Resumes   int       `json:"resumes"`  // of these, how many the session survived
	Switches  int       `json:"switches"` // came back through another gateway
	Wrong     int       `json:"wrong"`    // events that came twice, or too early
	TookMS    float64   `json:"took_ms"`  // the mean time from a cut to the first answer
	Processes []Process `json:"processes"`

	LongestOutageMS float64  `json:"longest_outage_ms"` // see package outage
	NotAudited      []string `json:"not_audited"`       // what nobody could look at
}

// Process is what the client, all gateways together, or all nodes together held
// before, and the least that they held after.
type Process struct {
	Name   string `json:"name"`
	Before Usage  `json:"before"`
	After  Usage  `json:"after"`
}

// Usage is what a process holds.
type Usage struct {
	Goroutines  int    `json:"goroutines"`
	Descriptors int    `json:"descriptors"`
	HeapBytes   uint64 `json:"heap_bytes"` // after a collection
}

func (u Usage) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %d KiB", u.Goroutines, u.Descriptors, u.HeapBytes>>10)
}

// What a heap may grow by: a session that stays costs more than perCut, and a
// process has caches of its own that fill.
const (
	perCut = 2 << 10
	caches = 1 << 20
)

// held reports whether nothing is left of so many cuts.
func (p Process) held(cuts int) bool {
	return p.After.Goroutines <= p.Before.Goroutines && p.After.Descriptors <= p.Before.Descriptors &&
		p.After.HeapBytes <= p.Before.HeapBytes+caches+uint64(cuts)*perCut
}

// Held says whether the session survived every cut and nothing was left behind.
func (r Result) Held() bool {
	for _, p := range r.Processes {
		if !p.held(r.Times) {
			return false
		}
	}
	return r.Times > 0 && r.Resumes == r.Times && r.Wrong == 0 && len(r.Processes) > 0
}

// find is the address of the gateways and the processes that can be looked at.
func (c Config) find(ctx context.Context) (addr string, state cluster.State, err error) {
	if c.State != "" {
		control, err := cluster.Open(c.State)
		if err != nil {
			return "", state, err
		}
		if state, err = control.State(ctx); err != nil {
			return "", state, err
		}
		addr = state.Address
	}
	if c.Addr != "" {
		addr = c.Addr
	}
	t := target.Target{State: c.State, Addr: c.Addr, Status: c.Status}
	if err := t.Unanswered(ctx); err != nil {
		return "", state, err
	}
	if c.State == "" {
		for _, l := range t.Look(ctx) {
			state.Processes = append(state.Processes, cluster.Process{Name: l.Name, Role: l.Role, Addresses: map[string]string{"status": l.Addr}})
		}
	}
	return addr, state, nil
}

// notAudited names what nobody could look at.
func (c Config) notAudited() []string {
	switch {
	case c.State != "":
		return []string{}
	case len(c.Status) > 0:
		return []string{"descriptors of nodes and gateways (need the state file of a local cluster)"}
	}
	return []string{"what is left in nodes and gateways (needs --status URL,…)"}
}

// Run plays, cuts and looks. An error says that it could not.
func Run(ctx context.Context, cfg Config) (Result, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return Result{}, err
	}
	addr, state, err := cfg.find(ctx)
	if err != nil {
		return Result{}, err
	}
	if err := target.Probe(ctx, addr); err != nil {
		return Result{}, err
	}
	v, err := sit(ctx, addr)
	if err != nil {
		return Result{}, err
	}
	defer v.close()

	if err := v.cuts(ctx, cfg.Warmup); err != nil {
		return Result{}, fmt.Errorf("warm-up: %w", err)
	}
	before, err := settled(ctx, state, cfg.Quiet)
	if err != nil {
		return Result{}, err
	}
	resumes, switches, wrong := v.counts()
	began := time.Now()
	v.watch(func(k *outage.Keeper, now time.Time) { k.Forget(now) })
	if err := v.cuts(ctx, cfg.Times); err != nil {
		return Result{}, err
	}
	took := time.Since(began)
	var longest time.Duration
	v.watch(func(k *outage.Keeper, now time.Time) { longest = k.Longest(now).Length() })
	after, err := again(ctx, state, before, cfg.Quiet)
	if err != nil {
		return Result{}, err
	}
	r := Result{Times: cfg.Times, TookMS: took.Seconds() * 1000 / float64(cfg.Times), LongestOutageMS: longest.Seconds() * 1000}
	r.NotAudited = cfg.notAudited()
	r.Resumes, r.Switches, r.Wrong = v.counts()
	r.Resumes, r.Switches, r.Wrong = r.Resumes-resumes, r.Switches-switches, r.Wrong-wrong
	for i, p := range before {
		r.Processes = append(r.Processes, Process{Name: p.name, Before: p.Usage, After: after[i].Usage})
	}
	return r, nil
}
