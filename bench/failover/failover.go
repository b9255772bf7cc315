// Package failover breaks one process of a local cluster again and again while a
// swarm plays, brings it back, and measures what the players noticed:
//
//	f, err := failover.New(failover.Config{State: file, Tries: 20, Fault: fault, Role: failover.Leader})
//	result, err := f.Run(ctx)
//
// Each try has a swarm and an audit of its own. A fault counts only if moves were
// unanswered on what it hit; otherwise the try is repeated.
//
// The faults go through the supervisor of deploy/local, so it works on clusters on
// this machine only. Those of a disk go to the node itself, which must be built with
// the tag "faults". Only bench and system tests import it.
package failover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"syscall"
	"time"

	"teahouse/bench/audit"
	"teahouse/bench/report"
	"teahouse/deploy/cluster"
	"teahouse/pkg/game"
)

// Role says which process is the victim.
type Role string

// The roles.
const (
	Any         Role = "any"         // any node
	Leader      Role = "leader"      // a node that leads a shard with tables in play
	Coordinator Role = "coordinator" // the node that leads the coordinator's group
	Follower    Role = "follower"    // a node that leads nothing, but replicates tables in play
	Gateway     Role = "gateway"     // a gateway; the others take its clients
	Database    Role = "database"    // the database that deploy/local runs
	Registry    Role = "registry"    // the registry that deploy/local runs; it forgets everybody
	All         Role = "all"         // every process at once; the clients have to come back
)

// besides says whether the role is of a server that the cluster uses.
func (r Role) besides() bool { return r == Database || r == Registry }

// node says whether the role is of a node.
func (r Role) node() bool { return r != Gateway && r != All && !r.besides() }

// Fault is what is done to the victim.
type Fault struct {
	// Stop is how long the process is stopped before it goes on; 0 = it is killed,
	// and started again once the play goes on without it.
	Stop time.Duration
	// Term asks a process to end, with SIGTERM, instead of killing it.
	Term bool
	// Down is how long at least a killed process stays away.
	Down time.Duration
	// Wipe deletes the data of a killed node, which comes back as another server.
	// Once that has replaced the old one another node is killed too.
	Wipe bool
	// Disk is what the log store of a node does instead, for Stop if it is a stall.
	Disk string
}

// ParseFault reads "term", "term:DURATION", "kill", "kill:DURATION", "stop:DURATION", "wipe", "disk-error",
// "disk-full" or "disk-stall:DURATION".
func ParseFault(s string) (Fault, error) {
	switch s {
	case "kill":
		return Fault{}, nil
	case "term":
		return Fault{Term: true}, nil
	case "wipe":
		return Fault{Wipe: true}, nil
	}
	if disk, ok := strings.CutPrefix(s, "disk-"); ok {
		return parseDisk(disk)
	}
	kind, text, _ := strings.Cut(s, ":")
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		switch kind {
		case "kill":
			return Fault{Down: d}, nil
		case "term":
			return Fault{Term: true, Down: d}, nil
		case "stop":
			return Fault{Stop: d}, nil
		}
	}
	return Fault{}, fmt.Errorf("fault %q: want kill, kill:5s, term, term:5s, stop:5s, wipe, disk-error, disk-full or disk-stall:2s", s)
}

func (f Fault) signal() syscall.Signal {
	if f.Stop > 0 {
		return syscall.SIGSTOP
	}
	if f.Term {
		return syscall.SIGTERM
	}
	return syscall.SIGKILL
}

// Try is one fault and what came of it. Times count from the fault.
type Try struct {
	Victim      string       `json:"victim"`
	Fault       string       `json:"fault"`
	DetectionMS *float64     `json:"detection_ms"`            // until the first other node noted it; null if none did, as for a gateway
	LeaderMS    *float64     `json:"leader_ms"`               // until the first of its groups had a new leader that serves; null if it led none
	AllMS       *float64     `json:"all_leaders_ms"`          // until the last of them had
	GapMS       float64      `json:"gap_ms"`                  // longest answer to a move in the whole try
	FaultGapMS  float64      `json:"fault_gap_ms"`            // the same until the victim was brought back
	HealGapMS   float64      `json:"heal_gap_ms"`             // the same until all was healed, before the hands were played out
	OutageMS    float64      `json:"longest_outage_ms"`       // longest outage of a player in the whole try; see package outage
	FaultOutMS  float64      `json:"fault_longest_outage_ms"` // the same until the victim was brought back
	HealOutMS   float64      `json:"heal_longest_outage_ms"`  // the same until all was healed
	OutageCause string       `json:"longest_outage_cause"`
	Felt        int          `json:"players_1s"` // who were out for 1 s or more
	Unreachable int          `json:"prompts_unreachable"`
	InFlight    int          `json:"in_flight"` // moves unanswered on what was hit; of a follower, those it replicates
	Moves       int          `json:"moves_acked"`
	Hands       int          `json:"hands_finished"`
	Disconnects int          `json:"disconnects"`
	Resumes     int          `json:"resumes"`    // of these; fewer = somebody did not come back
	Departures  int          `json:"departures"` // to another gateway, as planned
	Snapshots   int          `json:"snapshots"`  // that somebody got instead of the single events
	Audit       report.Audit `json:"audit"`

	Outage *Outage `json:"outage,omitempty"` // of the database
}

// Result is what failover prints with --json.
type Result struct {
	Role      Role      `json:"role"`
	Fault     string    `json:"fault"`
	Tries     []Try     `json:"tries"`
	Repeated  []Try     `json:"repeated"` // did not strike what they were to strike
	Detection Quantiles `json:"detection_ms"`
	Leader    Quantiles `json:"leader_ms"`
	All       Quantiles `json:"all_leaders_ms"`
	Gap       Quantiles `json:"gap_ms"`
	Longest   Quantiles `json:"longest_outage_ms"`
	Turns     []Turn    `json:"turns,omitempty"` // of faults that took turns
}

// Held says whether every promise held in every try, the repeated ones included.
func (r Result) Held() bool {
	for _, tries := range [][]Try{r.Tries, r.Repeated} {
		for _, t := range tries {
			if !t.Audit.Clean() || t.Resumes < t.Disconnects || t.Disconnects > 0 && !t.disconnects(r.Role) {
				return false
			}
		}
	}
	return true
}

// disconnects says whether the fault may cost connections: a gateway that is killed does, one that is
// asked to end does not.
func (t Try) disconnects(role Role) bool {
	return role == All || role == Gateway && !strings.HasPrefix(t.Fault, "term")
}

// Config says what to break and how. Only State must be set.
type Config struct {
	State string // state file of the cluster
	Addr  string // overrides the address in it

	Tries int   // default 20
	Fault Fault // default: kill
	// Turns are faults that take turns, instead of Fault: Tries for each of them.
	Turns []Fault
	Role  Role // default Any

	Players int           // default 200
	Hands   uint32        // a round; default 1. A round does not end without the database
	Pace    time.Duration // mean thinking time; 0 = at once
	Seed    uint64        // chooses victims and thinking times

	Warmup time.Duration // of play before the fault; default 1.5 s
	Calm   time.Duration // of play without the victim, and again when all is healed; default 1 s
	Heal   time.Duration // bounds every wait for the cluster; default 60 s

	Report func(try Try, counts bool) // called after each try; nil = nobody
	// Acknowledged is as in swarm.Config.
	Acknowledged func(game.TableID, game.PlayerID, audit.Move)
	Logger       *slog.Logger // default: none
}

func (c Config) withDefaults() (Config, error) {
	if len(c.Turns) > 0 {
		return c.turnsWithDefaults()
	}
	if c.State == "" {
		return c, errors.New("failover: Config.State is empty")
	}
	if c.Tries < 0 || c.Fault.Stop < 0 || c.Fault.Down < 0 || c.Players < 0 || c.Pace < 0 || c.Warmup < 0 || c.Calm < 0 || c.Heal < 0 {
		return c, errors.New("failover: nothing may be below zero")
	}
	switch c.Role {
	case "":
		c.Role = Any
	case Any, Leader, Coordinator, Follower, Gateway, Database, Registry, All:
	default:
		return c, fmt.Errorf("role %q: want any, leader, coordinator, follower, gateway, database, registry or all", c.Role)
	}
	if c.Fault.Wipe && !c.Role.node() {
		return c, fmt.Errorf("role %s: only a node's data can be wiped", c.Role)
	}
	if c.Fault.Disk != "" && !c.Role.node() {
		return c, fmt.Errorf("role %s: only a node has a log store that can fail", c.Role)
	}
	if c.Tries == 0 {
		c.Tries = 20
	}
	if c.Players == 0 {
		c.Players = 200
	}
	for _, d := range []struct {
		value *time.Duration
		usual time.Duration
	}{{&c.Warmup, 1500 * time.Millisecond}, {&c.Calm, time.Second}, {&c.Heal, time.Minute}} {
		if *d.value == 0 {
			*d.value = d.usual
		}
	}
	if c.Report == nil {
		c.Report = func(Try, bool) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// Failover is one run.
type Failover struct {
	cfg    Config
	client *cluster.Client
	rand   *rand.Rand
	stop   chan struct{} // closed by Stop
}

// New finds the cluster.
func New(cfg Config) (*Failover, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	client, err := cluster.Open(cfg.State)
	if err != nil {
		return nil, err
	}
	return &Failover{
		cfg: cfg, client: client, rand: rand.New(rand.NewPCG(cfg.Seed, 0)), stop: make(chan struct{}),
	}, nil
}

// Stop ends the run after the try that is under way. It may be called once.
func (f *Failover) Stop() { close(f.stop) }

// maxRepeats bounds the tries that hit nothing, for each that is wanted.
const maxRepeats = 3

// minNodes is how many must run before one of them is broken.
const minNodes = 3

// Run makes the tries. The result is whole even if a promise was broken: see Held.
// An error says that the run could not go on.
func (f *Failover) Run(ctx context.Context) (r Result, err error) {
	r = Result{Role: f.cfg.Role, Fault: f.cfg.faultNames()}
	defer func() { r.summarize(); r.summarizeTurns(f.cfg.Turns) }()
	state, err := f.client.State(ctx)
	if err != nil {
		return r, err
	}
	if n := len(running(state, roleGateway)); f.cfg.Role == Gateway && n < 2 {
		return r, fmt.Errorf("a gateway can only fail over to another one, and %d runs: start the cluster with --gateways 2", n)
	}
	if f.cfg.Role.besides() && len(running(state, string(f.cfg.Role))) == 0 {
		return r, fmt.Errorf("the cluster does not run its own %s: for a database start it with --db mariadb, for a registry without --registry or with --registry consul", f.cfg.Role)
	}
	if n := len(running(state, roleNode)); f.cfg.Role.node() && n < minNodes {
		return r, fmt.Errorf("play goes on without a node from %d nodes on, and %d run", minNodes, n)
	}
	if f.cfg.Fault.Disk != "" {
		if err := spoilable(ctx, state); err != nil {
			return r, err
		}
	}
	for len(r.Tries) < f.cfg.Tries && !f.stopped() {
		if len(r.Repeated) > maxRepeats*f.cfg.Tries {
			return r, fmt.Errorf("%d faults hit no move in flight, or a node whose leaderships had just moved: more players or a shorter pace help", len(r.Repeated))
		}
		f.turn(len(r.Tries))
		try, err := f.try(ctx, uint64(len(r.Tries)+len(r.Repeated)))
		if err != nil {
			return r, err
		}
		counts := try.struck(f.cfg.Role)
		if counts {
			r.Tries = append(r.Tries, try)
		} else {
			r.Repeated = append(r.Repeated, try)
		}
		f.cfg.Report(try, counts)
	}
	return r, nil
}

// struck says whether the fault hit moves in flight, and a leader where it was to: while it
// took aim, all that the victim led may have moved away.
func (t Try) struck(role Role) bool {
	leader := role == Leader || role == Coordinator
	return t.InFlight > 0 && (!leader || t.LeaderMS != nil)
}

func (f *Failover) stopped() bool {
	select {
	case <-f.stop:
		return true
	default:
		return false
	}
}

// String is the form that ParseFault reads.
func (f Fault) String() string {
	switch {
	case f.Disk != "":
		return f.diskString()
	case f.Stop > 0:
		return "stop:" + f.Stop.String()
	case f.Term && f.Down > 0:
		return "term:" + f.Down.String()
	case f.Term:
		return "term"
	case f.Down > 0:
		return "kill:" + f.Down.String()
	case f.Wipe:
		return "wipe"
	}
	return "kill"
}
