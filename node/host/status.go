package host

import (
	"net/http"
	"sync"

	"teahouse/node/coordinator"
	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/status"
)

// Status is what a node reports at /status. It shows no player and no tile.
type Status struct {
	Node     string        `json:"node"`
	Server   string        `json:"server"`  // Raft server id
	Cluster  string        `json:"cluster"` // "" = not known yet
	Groups   int           `json:"groups"`  // in the whole cluster, including the coordinator's; 0 = not known yet
	Replicas []GroupStatus `json:"replicas"`
	Losses   []Loss        `json:"losses"` // newest last, at most maxLosses
	// Replacing is the node whose new disk is not yet a member of all its groups, "" = none.
	Replacing string `json:"replacing"`
	Disk      Space  `json:"disk"`
	// Level is the cluster's, as far as this node knows; Members lists the levels that all members have
	// reported to know.
	Level   uint32         `json:"level"`
	Members []MemberStatus `json:"members"`
	// Peers are the other members, even if nothing was ever heard from them, and the gateways that have a
	// link or had one in the last ten minutes.
	Peers []link.Contact `json:"peers"`

	Queues  Queues         `json:"queues"`
	Raft    Raft           `json:"raft"`
	Process status.Process `json:"process"`
}

// Queues are the coordinator's queues as this node's replica has them, and what showing them to players has cost
// this process since its start.
type Queues struct {
	Waiting int `json:"waiting"` // tickets
	Tables  int `json:"tables"`  // in the whole cluster
	// Lists counts the answers to queue.list, Progress the notices of a ticket's progress, Overviews how often the
	// queues were looked through for both.
	Lists     uint64 `json:"lists"`
	Progress  uint64 `json:"progress"`
	Overviews uint64 `json:"overviews"`
}

// MemberStatus is a member of the cluster with the levels that it knows; 0 = not reported yet.
type MemberStatus struct {
	Node     string `json:"node"`
	MinLevel uint32 `json:"min_level"`
	MaxLevel uint32 `json:"max_level"`
}

// Space is the file system of the data folder.
type Space struct {
	Free uint64 `json:"free_bytes"`     // as of the last second
	Min  uint64 `json:"min_free_bytes"` // below it this node's shards take no new tables
	Low  bool   `json:"low"`
	// StalledMS is for how long writes to the log store have been running without any of them finishing;
	// 0 = no write is running.
	StalledMS int64 `json:"stalled_ms"`
}

// Raft counts the work of this process's groups since its start, see raftgroup.Counters. bench ab divides
// it by the number of moves.
type Raft struct {
	Appends    uint64 `json:"append_rpcs"`
	Heartbeats uint64 `json:"heartbeats"`
	SentBytes  uint64 `json:"sent_bytes"`
	LogEntries uint64 `json:"log_entries"`
	LogBytes   uint64 `json:"log_bytes"`
	Syncs      uint64 `json:"syncs"`
}

// GroupStatus is this node's replica of one group.
type GroupStatus struct {
	Group   uint32 `json:"group"` // 0 = the coordinator's
	Members int    `json:"members"`
	Voting  bool   `json:"voting"`
	// Halted says what in the group's log the binary does not know, so that this replica is halted; "" = it
	// is not.
	Halted    string `json:"halted"`
	Term      uint64 `json:"term"`
	Leader    string `json:"leader"` // server id, "" = unknown
	Leading   bool   `json:"leading"`
	Serving   bool   `json:"serving"` // leading, and TookOver is applied
	Preferred bool   `json:"preferred"`
	Applied   uint64 `json:"applied"`
	Last      uint64 `json:"last"`
	// ServingSince is when TookOver was applied, in Unix microseconds; 0 = not serving.
	ServingSince int64 `json:"serving_since_us"`
	Tables       int   `json:"tables"`
	// Refused counts the new tables that the shard has refused in entries that this process applied: its
	// leader's disk was nearly full, or it had too many unsettled hands or tables.
	Refused uint64 `json:"tables_refused"`
	Settlement
}

// Settlement describes the settlement of a shard's results. The counters start with this process.
type Settlement struct {
	Unsettled int    `json:"unsettled"`          // finished hands that are not in the database yet
	Delayed   bool   `json:"settlement_delayed"` // Unsettled is at its bound: the shard accepts no tables and deals no hands
	Failures  uint64 `json:"settlement_failures"`
	Conflicts uint64 `json:"settlement_conflicts"` // ALARM: hands for which the database holds a different result
	Voided    uint64 `json:"voided"`               // ALARM: tables whose game broke
}

// Loss is the loss of a link to another node.
type Loss struct {
	Node    string `json:"node"`
	AtUS    int64  `json:"at_us"`   // Unix microseconds
	Refused bool   `json:"refused"` // the node refused a new connection: its process is dead
}

// maxLosses bounds the remembered losses.
const maxLosses = 64

// losses remembers the newest losses.
type losses struct {
	mu   sync.Mutex
	list []Loss
}

func (l *losses) add(loss Loss) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) == maxLosses {
		l.list = append(l.list[:0], l.list[1:]...)
	}
	l.list = append(l.list, loss)
}

func (l *losses) all() []Loss {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Loss{}, l.list...)
}

// statusMux serves the status page and the probes.
func (n *node) statusMux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /status", status.Handler(func() any { return n.status() }))
	status.Probes(mux, n.missing)
	n.serveFaults(mux)
	return mux
}

// status returns this node's current status.
func (n *node) status() Status {
	view := n.currentView()
	s := Status{Node: n.cfg.Name, Server: string(n.server), Cluster: view.Cluster, Losses: n.losses.all(), Replicas: []GroupStatus{}, Members: []MemberStatus{}, Process: status.Now()}
	if view.Cluster != "" {
		s.Groups = 1 + len(view.Shards)
	}
	s.Raft = Raft(n.raft.Counters())
	counts := n.coord.Counts()
	s.Queues = Queues{counts.Waiting, counts.Tables, counts.Lists, counts.Progress, counts.Overviews}
	s.Disk = Space{Free: n.space.last.Load(), Min: n.space.min, Low: n.space.low.Load(), StalledMS: n.disk.StalledFor().Milliseconds()}
	s.Level = coordinator.Level(view.Members)
	var others []string
	for _, m := range view.Members.GetMembers() {
		s.Members = append(s.Members, MemberStatus{m.Name, m.GetVersions().GetMinLevel(), m.GetVersions().GetMaxLevel()})
		if m.Name != n.cfg.Name {
			others = append(others, m.Name)
		}
	}
	s.Peers = n.contacts.List(others)
	if view.Replacing != nil {
		s.Replacing = view.Replacing.Node
	}
	if group, ok := n.raft.Group(raftgroup.Coordinator); ok {
		s.Replicas = append(s.Replicas, n.groupStatus(group, false))
	}
	for _, r := range n.replicas() {
		g := n.groupStatus(r.group, r.preferred == n.cfg.Name)
		own := r.shard.Status()
		g.Tables, g.Refused = own.Tables, own.Refused
		g.Settlement = Settlement{own.Unsettled, own.Delayed, own.Failures, own.Conflicts, own.Voided}
		s.Replicas = append(s.Replicas, g)
	}
	return s
}

func (n *node) groupStatus(group *raftgroup.Group, preferred bool) GroupStatus {
	st := group.Status()
	n.mu.Lock()
	since := n.servingSince[game.GroupID(st.ID)]
	n.mu.Unlock()
	return GroupStatus{
		Halted: st.Halted,
		Group:  uint32(st.ID), Members: len(st.Members), Voting: votes(st, n.server), Term: st.Term, Leader: string(st.Leader),
		Leading: st.Leading, Serving: st.Leading && since != 0, Preferred: preferred,
		Applied: st.Applied, Last: st.LastIndex, ServingSince: since,
	}
}
