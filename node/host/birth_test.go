package host

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/raftgroup"
	"teahouse/registry"
)

// births keeps the first record that is proposed.
type births struct {
	mu    sync.Mutex
	birth *game.Birth
}

func (b *births) Bear(_ context.Context, proposal game.Birth) (game.Birth, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.birth == nil {
		b.birth = &proposal
	}
	return *b.birth, nil
}

func (b *births) Born(context.Context) (game.Birth, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.birth == nil {
		return game.Birth{}, game.ErrNotFound
	}
	return *b.birth, nil
}

func snapshot(names ...string) registry.Snapshot {
	var s registry.Snapshot
	for _, n := range names {
		s.Instances = append(s.Instances, registry.Instance{
			Name: n, LinkAddr: n + ":1", RaftAddr: n + ":2", Meta: map[string]string{metaServer: n + "-disk"},
		})
	}
	return s
}

// TestOneBirth: every node proposes what it sees, and all get the same record.
func TestOneBirth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(births)
		records := make(chan game.Birth, 3)
		for _, seen := range [][]string{{"c", "a", "b"}, {"b", "a", "c", "d"}, {"d", "c", "b"}} {
			nodes := make(chan registry.Snapshot, 2)
			nodes <- snapshot(seen[:1]...) // first too few
			nodes <- snapshot(seen...)
			go func() {
				birth, err := awaitBirth(t.Context(), store, nodes, 3)
				if err != nil {
					t.Error(err)
				}
				records <- birth
			}()
		}
		first := <-records
		for range 2 {
			if next := <-records; next.Cluster != first.Cluster {
				t.Fatalf("two clusters: %q and %q", first.Cluster, next.Cluster)
			}
		}
		if len(first.Voters) != 3 || first.Cluster == "" {
			t.Fatalf("born as %+v", first)
		}
	})
}

// TestBirthSeenInTheStore: a node that sees too few nodes joins the cluster that others have started, and
// ends with its context if there is none.
func TestBirthSeenInTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(births)
		ctx, cancel := context.WithTimeout(t.Context(), 10*bornEvery)
		defer cancel()
		if _, err := awaitBirth(ctx, store, make(chan registry.Snapshot), 3); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("alone: %v", err)
		}
		time.AfterFunc(3*bornEvery, func() { store.Bear(t.Context(), game.Birth{Cluster: "theirs"}) })
		birth, err := awaitBirth(t.Context(), store, make(chan registry.Snapshot), 3)
		if err != nil || birth.Cluster != "theirs" {
			t.Fatalf("%+v, %v", birth, err)
		}
	})
}

func TestCandidates(t *testing.T) {
	if got := candidates(snapshot("a", "b"), 3); got != nil {
		t.Errorf("two of three: %v", got)
	}
	if got := candidates(snapshot("a", "b", "a"), 3); got != nil {
		t.Errorf("a name twice counts once: %v", got)
	}
	got := candidates(snapshot("d", "b", "c", "a"), 3)
	if len(got) != 3 || got[0].Name != "a" || got[2].Name != "c" || got[0].ID != "a-disk" {
		t.Errorf("first three by name: %+v", got)
	}
}

// A cluster is born at the highest level that all its first members know. Who does not say so knows the first.
func TestBirthLevel(t *testing.T) {
	for _, test := range []struct {
		says []string
		want uint32
	}{
		{[]string{"2", "2", "2"}, 2},
		{[]string{"3", "2", "3"}, 2},
		{[]string{"2", "", "2"}, 1},
		{[]string{"2", "none", "2"}, 1},
		{[]string{"", "", ""}, 1},
		{nil, 1},
	} {
		s := snapshot("a", "b", "c")
		for i, level := range test.says {
			s.Instances[i].Meta[metaLevel] = level
		}
		if got := birthLevel(game.Birth{Voters: candidates(s, 3)}); got != test.want {
			t.Errorf("levels %q: born at %d, want %d", test.says, got, test.want)
		}
	}
}

func TestPlace(t *testing.T) {
	two := game.Birth{Cluster: "k", Voters: []game.Server{{Name: "a", ID: "a-1"}, {Name: "b", ID: "b-1"}}}
	three := game.Birth{Cluster: "k", Voters: append(two.Voters, game.Server{Name: "c", ID: "c-1"})}
	for _, test := range []struct {
		birth        game.Birth
		name, server string
		used, ok     bool
	}{
		{two, "a", "a-1", false, true},
		{two, "a", "a-2", false, false}, // one of two is no majority, so it cannot accept a new disk
		{three, "a", "a-2", false, true},
		{two, "d", "d-1", false, false},
		{three, "d", "d-1", true, false},
	} {
		err := checkBirth(test.birth, test.name, test.server, test.used)
		if (err == nil) != test.ok || err != nil && !strings.Contains(err.Error(), test.name) {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// TestDirectoryRemembers: nodes that disappear from the registry stay known.
func TestDirectoryRemembers(t *testing.T) {
	d := newDirectory()
	d.learn(snapshot("a", "b"))
	links := d.learn(snapshot("b"))
	if links["a"] != "a:1" || links["b"] != "b:1" {
		t.Errorf("links %v", links)
	}
	d.learn(registry.Snapshot{})
	if addr, ok := d.raft("a-disk"); !ok || addr != "a:2" {
		t.Errorf("raft address %q, %v", addr, ok)
	}
}

func TestLevel(t *testing.T) {
	for _, test := range []struct {
		name                  string
		commit, applied, last uint64
		want                  bool
	}{
		{"just started: the whole log, nothing known to be committed", 0, 0, 5000, false},
		{"replaying", 5000, 100, 5000, false},
		{"level", 5000, 4990, 5010, true},
		{"far ahead of what is committed", 100, 100, 5000, false},
	} {
		st := raftgroup.Status{Commit: test.commit, Applied: test.applied, LastIndex: test.last}
		if got := level(st); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
