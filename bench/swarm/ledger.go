package swarm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"teahouse/bench/audit"
	"teahouse/bench/target"
	"teahouse/pkg/game"
	"teahouse/pkg/gormstore"
)

// ledger reads results back from the cluster's database.
type ledger struct {
	store   *gormstore.Store
	cluster string

	mu     sync.Mutex
	last   uint64                                // newest settlement that was read
	scores map[game.TableID]map[uint32][][]int64 // by hand, each settlement of it
}

// page is how many settlements are read at a time.
const page = 2000

// openLedger begins behind the newest settlement.
func openLedger(ctx context.Context, t target.Target, dsn string) (*ledger, error) {
	store, err := gormstore.Open(ctx, gormstore.Config{DSN: dsn, Timeout: 20 * time.Second})
	if err != nil {
		return nil, err
	}
	l := &ledger{store: store, scores: make(map[game.TableID]map[uint32][][]int64)}
	if l.cluster, err = clusterID(ctx, t, store); err == nil {
		err = l.refresh(ctx)
	}
	if err != nil {
		store.Close()
		return nil, err
	}
	clear(l.scores)
	return l, nil
}

// clusterID asks the nodes, and where nobody can, the database; one that has just started may not
// know it yet.
func clusterID(ctx context.Context, t target.Target, store *gormstore.Store) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, status := range t.Statuses(ctx) {
			if status.Cluster != "" {
				return status.Cluster, nil
			}
		}
		if !t.Visible() {
			birth, err := store.Born(ctx)
			if err != nil {
				return "", fmt.Errorf("the database at --db is not that of a cluster: %w", err)
			}
			return birth.Cluster, nil
		}
		select {
		case <-ctx.Done():
			return "", errors.New("no node tells the cluster's id")
		case <-tick.C:
		}
	}
}

func (l *ledger) close() { l.store.Close() }

// refresh reads what is new.
func (l *ledger) refresh(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		rows, err := l.store.Settlements(ctx, l.cluster, l.last, page)
		if err != nil {
			return err
		}
		for _, r := range rows {
			l.last = max(l.last, r.ID)
			hands := l.scores[r.Key.Table]
			if hands == nil {
				hands = make(map[uint32][][]int64)
				l.scores[r.Key.Table] = hands
			}
			hands[r.Key.Hand] = append(hands[r.Key.Hand], r.Scores)
		}
		if len(rows) < page {
			return nil
		}
	}
}

// take returns what the database has of a table at which player sat, and forgets
// it.
func (l *ledger) take(ctx context.Context, table game.TableID, player game.PlayerID) (map[uint32]audit.Hand, error) {
	if err := l.refresh(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	scores := l.scores[table]
	delete(l.scores, table)
	l.mu.Unlock()
	hands := make(map[uint32]audit.Hand, len(scores))
	for hand, s := range scores {
		h := audit.Hand{Scores: s}
		var err error
		h.Archive, err = l.store.Archive(ctx, game.HandKey{Cluster: l.cluster, Table: table, Hand: hand}, player)
		// Of a round that still runs nobody reads archives; and a missing one is a finding.
		if err != nil && !errors.Is(err, game.ErrNotOver) && !errors.Is(err, game.ErrNotFound) {
			return nil, fmt.Errorf("archive of table %v hand %d: %w", table, hand, err)
		}
		hands[hand] = h
	}
	return hands, nil
}
