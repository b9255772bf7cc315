package gormstore_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"teahouse/pkg/game"
	"teahouse/pkg/gormstore"
	"teahouse/pkg/storetest"
)

func TestMain(m *testing.M) {
	if dsn := os.Getenv(childDSN); dsn != "" {
		os.Exit(settleAsChild(dsn))
	}
	goleak.VerifyTestMain(m)
}

// open returns a handle that lives as long as the test.
func open(t *testing.T, dsn string) *gormstore.Store {
	t.Helper()
	s, err := gormstore.Open(t.Context(), gormstore.Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// opener returns migrated handles on dsn.
func opener(t *testing.T, dsn string) storetest.Opener {
	if err := open(t, dsn).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return func() storetest.Store { return open(t, dsn) }
}

func sqliteDSN(t *testing.T) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "tea house?50%.db") // no character has a special meaning
}

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Opener { return opener(t, sqliteDSN(t)) })
	t.Run("MigrateAtOnce", func(t *testing.T) { testMigrateAtOnce(t, sqliteDSN(t)) })
	t.Run("Settlements", func(t *testing.T) { testSettlements(t, sqliteDSN(t)) })
	t.Run("NotShared", func(t *testing.T) {
		if open(t, sqliteDSN(t)).Shared() {
			t.Error("a local file is reported as shared")
		}
	})
}

// testMigrateAtOnce starts the way a cluster does with an empty database.
func testMigrateAtOnce(t *testing.T, dsn string) {
	start := make(chan struct{})
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			<-start
			s, err := gormstore.Open(t.Context(), gormstore.Config{DSN: dsn})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if err := s.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := s.Bear(t.Context(), game.Birth{Cluster: "c"}); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	wg.Wait()
	if err := open(t, dsn).Migrate(t.Context()); err != nil {
		t.Errorf("once more: %v", err)
	}
}

func testSettlements(t *testing.T, dsn string) {
	s := open(t, dsn)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for hand := uint32(1); hand <= 5; hand++ {
		if err := s.Settle(t.Context(), handOf(hand)); err != nil {
			t.Fatal(err)
		}
	}
	var got []gormstore.Settlement
	for after := uint64(0); ; after = got[len(got)-1].ID {
		page, err := s.Settlements(t.Context(), "c", after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
	}
	if len(got) != 5 {
		t.Fatalf("%d settlements, want 5", len(got))
	}
	for i, g := range got {
		want := handOf(uint32(i + 1))
		if g.Key != want.Key || g.Hash != want.Hash || g.Last != want.Last || len(g.Players) != 4 || g.Players[3] != 4 || g.Scores[3] != 3 {
			t.Errorf("settlement %+v, want %+v", g, want)
		}
	}
}

// handOf is a small result of table 1-1.
func handOf(hand uint32) game.HandResult {
	return game.HandResult{
		Key:     game.HandKey{Cluster: "c", Table: game.MakeTableID(1, 1), Hand: hand},
		Hash:    [32]byte{byte(hand)},
		Players: []game.PlayerID{1, 2, 3, 4}, Names: make([]string, 4), Scores: []int64{-1, -1, -1, 3},
		Archive: []byte{1}, Last: hand == 5,
	}
}

func TestDSN(t *testing.T) {
	const password = "hun/ter2"
	for _, dsn := range []string{
		"", "sqlite:", "postgres://u:" + password + "@h/db", password,
		"mysql:u:" + password, "mysql:u:" + password + "@tcp(h:1)/%zz", "mysql:u:" + password + "@tcp(h:1)/db?timeout=" + password,
		"mysql:u:" + password + "@tcp(127.0.0.1:1)/db", // nobody listens
	} {
		s, err := gormstore.Open(context.Background(), gormstore.Config{DSN: dsn})
		if err == nil {
			s.Close()
			t.Errorf("%q was opened", dsn)
		} else if strings.Contains(err.Error(), "ter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
	for dsn, unreachable := range map[string]bool{
		"mysql:u@tcp(127.0.0.1:1)/db": true, "mysql:u@unix(/nowhere)/db": true, "sqlite:/nowhere/x.db": false,
		"mysql:u@tcp(" + hangsUp(t) + ")/db": true,
	} {
		if _, err := gormstore.Open(t.Context(), gormstore.Config{DSN: dsn}); errors.Is(err, gormstore.ErrUnreachable) != unreachable {
			t.Errorf("%s: %v, want out of reach: %t", dsn, err, unreachable)
		}
	}
	if _, err := gormstore.Open(t.Context(), gormstore.Config{DSN: sqliteDSN(t), MaxOpen: -1}); err == nil {
		t.Error("a negative bound was accepted")
	}
}

// hangsUp is an address where connections are closed at once, as by a load balancer without a
// server.
func hangsUp(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	return l.Addr().String()
}

// BenchmarkSettle settles hands of four of 200 players, one after the other.
func BenchmarkSettle(b *testing.B) {
	s, err := gormstore.Open(b.Context(), gormstore.Config{DSN: "sqlite:" + filepath.Join(b.TempDir(), "b.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	archive := make([]byte, 16<<10) // about what a real hand has
	for n := uint32(1); b.Loop(); n++ {
		r := handOf(n)
		r.Archive = archive
		for seat := range r.Players {
			r.Players[seat] = game.PlayerID((int(n)*4+seat)%200 + 1)
		}
		if err := s.Settle(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
