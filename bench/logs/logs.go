// Package logs compares the Raft logs of a stopped cluster's nodes, entry by entry, and looks for
// acknowledged moves in them:
//
//	report, err := logs.Check(ctx, logs.Config{Data: dir, Moves: acknowledged})
//	if !report.Clean() { … }
//
// The rules: where two replicas of a group both have an entry, it is the same one, of the same
// term; terms never decrease along a log; and every acknowledged move is in an entry that a
// majority of its shard's replicas has. Entries that were not committed when the nodes stopped may
// differ at the end of a log: they are counted separately, and no acknowledged move may depend on
// them.
//
// Nodes compact the beginning of a log once a snapshot covers it. The report says which entries
// were compared; start the nodes with a longer tail (--keep-log) to compare all of them.
//
// It prints and keeps only indexes, terms and hashes, because the entries contain what players must
// not see. Only bench and tests import it.
package logs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"teahouse/pkg/raftgroup"
)

// Config says what to compare.
type Config struct {
	Data  string // the cluster's folder, with the nodes' folders in it
	Moves []Move // the acknowledged ones
}

// Report is what was found.
type Report struct {
	Servers []string `json:"servers"` // the nodes' folders
	Groups  []Group  `json:"groups"`
	Moves   Moves    `json:"moves"`
	Notes   []string `json:"notes"` // what is wrong, at most maxNotes
}

// Group is the verdict on the logs of one group.
type Group struct {
	Group    uint32 `json:"group"`    // 0 = the coordinator's
	Replicas int    `json:"replicas"` // servers with a log or a snapshot of it
	First    uint64 `json:"first"`    // the compared entries: those that
	Last     uint64 `json:"last"`     // all replicas hold; 0 to 0 = none
	Entries  int    `json:"entries"`  // held by at least one replica
	Compared int    `json:"compared"` // held by at least two replicas

	Conflicts int `json:"conflicts"`  // committed indexes that hold different entries
	TermsDown int `json:"terms_down"` // entries with a lower term than the previous one
	Malformed int `json:"malformed"`  // entries of a shard that are not a batch of commands
	Apart     int `json:"apart"`      // indexes at the end where replicas differ: not committed everywhere
}

// Moves is what became of the acknowledged moves.
type Moves struct {
	Acknowledged int `json:"acknowledged"`
	Found        int `json:"found"`
	Missing      int `json:"missing"` // although the shard's log is complete
	Unseen       int `json:"unseen"`  // not found, but the beginning of the log is compacted away
}

// Clean reports whether nothing is wrong. It does not cover moves that could not be seen.
func (r Report) Clean() bool {
	return r.Moves.Missing == 0 && !slices.ContainsFunc(r.Groups, func(g Group) bool {
		return g.Conflicts+g.TermsDown+g.Malformed > 0
	})
}

// maxNotes bounds the notes of a Report. The counts go on.
const maxNotes = 20

// Check compares the logs in all node folders of cfg.Data. It fails if one of the nodes is running.
func Check(ctx context.Context, cfg Config) (Report, error) {
	files, err := filepath.Glob(filepath.Join(cfg.Data, "*", "disk.json"))
	if err != nil {
		return Report{}, err
	}
	if len(files) == 0 {
		return Report{}, fmt.Errorf("logs: %s holds no folder of a node", cfg.Data)
	}
	var servers []server
	var open []*raftgroup.Logs
	defer func() {
		for _, l := range open {
			l.Close()
		}
	}()
	for _, file := range files {
		l, err := raftgroup.OpenLogs(filepath.Dir(file))
		if err != nil {
			return Report{}, errors.Join(errors.New("logs: stop the cluster first; it must run with --data"), err)
		}
		open = append(open, l)
		servers = append(servers, server{
			name: filepath.Base(filepath.Dir(file)), snapshots: l.Snapshots(), entries: l.Entries(),
		})
	}
	return compare(ctx, servers, cfg.Moves)
}
