// Package storetest is the contract of game.Results and game.Births as tests. Every implementation
// runs it:
//
//	storetest.Run(t, func(t *testing.T) storetest.Opener { … })
//
// It knows nothing of how a store works; faults that only one database can have are tested next to
// its adapter. Only tests import it.
package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"teahouse/pkg/game"
)

// Store is what the suite tests.
type Store interface {
	game.Results
	game.Births
}

// Opener returns another handle on the same database. The handles live until the test ends.
type Opener func() Store

// Run tests the implementation; fresh makes an empty database.
func Run(t *testing.T, fresh func(*testing.T) Opener) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Opener)
	}{
		{"SettleOnce", testSettleOnce},
		{"SettleConflict", testSettleConflict},
		{"SettleRefused", testSettleRefused},
		{"SettleCancelled", testSettleCancelled},
		{"SameHandAtOnce", testSameHandAtOnce},
		{"TwoResultsAtOnce", testTwoResultsAtOnce},
		{"OverlappingHands", testOverlappingHands},
		{"Archive", testArchive},
		{"ArchiveOfVoidTable", testArchiveOfVoidTable},
		{"Hands", testHands},
		{"Practice", testPractice},
		{"LargeIDs", testLargeIDs},
		{"Birth", testBirth},
		{"BirthAtOnce", testBirthAtOnce},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fresh(t)) })
	}
}

// finished is the moment at which every test hand ended; stores keep
// milliseconds.
var finished = time.Date(2026, 5, 4, 3, 2, 1, 7e6, time.UTC)

// result makes a hand of four seats with scores derived from their players.
func result(table game.TableID, hand uint32, players ...game.PlayerID) game.HandResult {
	r := game.HandResult{
		Key:  game.HandKey{Cluster: "c1", Table: table, Hand: hand},
		Game: "mahjong", Queue: "standard", Stake: 1, Players: players, Finished: finished,
		Archive: fmt.Appendf(nil, "archive of %v hand %d", table, hand),
	}
	for seat, p := range players {
		r.Names = append(r.Names, fmt.Sprintf("player %d", p))
		r.Scores = append(r.Scores, []int64{6, -1, -2, -3}[seat])
	}
	r.Hash = sha256.Sum256(r.Archive)
	return r
}

func mustSettle(t *testing.T, s Store, r game.HandResult) {
	t.Helper()
	if err := s.Settle(t.Context(), r); err != nil {
		t.Fatalf("Settle(%v): %v", r.Key, err)
	}
}

func wantProfile(t *testing.T, s Store, want game.Profile) {
	t.Helper()
	if want.Name == "" {
		want.Name = fmt.Sprintf("player %d", want.Player)
	}
	want.Rating = game.DefaultRating
	got, err := s.Profile(t.Context(), want.Player)
	if err != nil || got != want {
		t.Errorf("Profile(%d) = %+v, %v; want %+v", want.Player, got, err, want)
	}
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func testSettleOnce(t *testing.T, open Opener) {
	a, b := open(), open()
	_, err := a.Profile(t.Context(), 1)
	wantError(t, "Profile before the first hand", err, game.ErrNotFound)

	r := result(game.MakeTableID(1, 1), 1, 4, 3, 0, 1) // seats need not be in player order
	mustSettle(t, a, r)
	mustSettle(t, a, r)
	again := r
	again.Finished = finished.Add(time.Hour) // another leader's clock: not part of the hash
	mustSettle(t, b, again)
	for _, s := range []Store{a, b} {
		wantProfile(t, s, game.Profile{Player: 4, Score: 6, Hands: 1})
		wantProfile(t, s, game.Profile{Player: 3, Score: -1, Hands: 1})
		wantProfile(t, s, game.Profile{Player: 1, Score: -3, Hands: 1})
		_, err := s.Profile(t.Context(), 0)
		wantError(t, "Profile of a player made of code", err, game.ErrNotFound)
	}

	next := result(r.Key.Table, 2, 4, 3, 0, 1)
	next.Names[0] = "renamed"
	mustSettle(t, b, next)
	wantProfile(t, a, game.Profile{Player: 4, Name: "renamed", Score: 12, Hands: 2})
}

func testSettleConflict(t *testing.T, open Opener) {
	s := open()
	r := result(game.MakeTableID(1, 1), 1, 1, 2, 3, 4)
	mustSettle(t, s, r)
	other := r
	other.Hash[0]++
	other.Scores = []int64{-6, 1, 2, 3}
	wantError(t, "another result", s.Settle(t.Context(), other), game.ErrResultConflict)
	wantProfile(t, s, game.Profile{Player: 1, Score: 6, Hands: 1})

	elsewhere := other
	elsewhere.Key.Cluster = "c2"
	mustSettle(t, s, elsewhere)
	wantProfile(t, s, game.Profile{Player: 1, Score: 0, Hands: 2})
}

func testSettleRefused(t *testing.T, open Opener) {
	s := open()
	for name, spoil := range map[string]func(*game.HandResult){
		"no seats":      func(r *game.HandResult) { r.Players, r.Names, r.Scores = nil, nil, nil },
		"too few names": func(r *game.HandResult) { r.Names = r.Names[:3] },
		"more scores":   func(r *game.HandResult) { r.Scores = append(r.Scores, 0) },
		"sits twice":    func(r *game.HandResult) { r.Players = []game.PlayerID{1, 2, 3, 1} },
	} {
		r := result(game.MakeTableID(1, 1), 1, 1, 2, 3, 4)
		spoil(&r)
		if err := s.Settle(t.Context(), r); err == nil || errors.Is(err, game.ErrResultConflict) {
			t.Errorf("%s: %v, want an error", name, err)
		}
	}
	_, err := s.Profile(t.Context(), 1)
	wantError(t, "Profile after refused hands", err, game.ErrNotFound)
}

func testSettleCancelled(t *testing.T, open Opener) {
	s := open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := result(game.MakeTableID(1, 1), 1, 1, 2, 3, 4)
	if err := s.Settle(ctx, r); err == nil {
		t.Error("Settle with a cancelled context reported success")
	}
	mustSettle(t, s, r) // a hand may be settled again, whatever became of it
	wantProfile(t, s, game.Profile{Player: 1, Score: 6, Hands: 1})
}

func testArchive(t *testing.T, open Opener) {
	s, table := open(), game.MakeTableID(1, 1)
	first, last := result(table, 1, 1, 2, 3, 0), result(table, 2, 1, 2, 3, 0)
	last.Last = true
	elsewhere := result(game.MakeTableID(1, 2), 1, 1, 5, 6, 7)
	elsewhere.Last = true
	mustSettle(t, s, first)
	mustSettle(t, s, elsewhere)

	read := func(key game.HandKey, p game.PlayerID, want []byte, wantErr error) {
		t.Helper()
		got, err := s.Archive(t.Context(), key, p)
		if string(got) != string(want) || !errors.Is(err, wantErr) {
			t.Errorf("Archive(%v, %d) = %q, %v; want %q, %v", key, p, got, err, want, wantErr)
		}
	}
	read(first.Key, 1, nil, game.ErrNotOver)
	read(first.Key, 5, nil, game.ErrNotFound) // strangers do not even learn that the hand exists
	read(last.Key, 1, nil, game.ErrNotFound)
	mustSettle(t, s, last)
	for _, p := range []game.PlayerID{1, 2, 3} {
		read(first.Key, p, first.Archive, nil)
		read(last.Key, p, last.Archive, nil)
	}
	read(first.Key, 5, nil, game.ErrNotFound)
	read(first.Key, 0, nil, game.ErrNotFound)
}

// A round that never has a last hand must end too.
func testArchiveOfVoidTable(t *testing.T, open Opener) {
	s := open()
	void, running := result(game.MakeTableID(1, 1), 1, 1, 2, 3, 4), result(game.MakeTableID(1, 2), 1, 1, 2, 3, 4)
	mustSettle(t, s, void)
	mustSettle(t, s, running)
	for range 2 {
		if err := open().Void(t.Context(), void.Key.Cluster, void.Key.Table); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Void(t.Context(), "another", running.Key.Table); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Archive(t.Context(), void.Key, 2); err != nil || string(got) != string(void.Archive) {
		t.Errorf("of the void table: %q, %v", got, err)
	}
	if _, err := s.Archive(t.Context(), void.Key, 9); !errors.Is(err, game.ErrNotFound) {
		t.Errorf("for a stranger: %v", err)
	}
	if _, err := s.Archive(t.Context(), running.Key, 2); !errors.Is(err, game.ErrNotOver) {
		t.Errorf("of the running table: %v", err)
	}
}

func testHands(t *testing.T, open Opener) {
	s := open()
	for hand := uint32(1); hand <= 5; hand++ {
		mustSettle(t, s, result(game.MakeTableID(1, 1), hand, 9, 1, 2, 3))
		mustSettle(t, s, result(game.MakeTableID(2, 7), hand, 4, 5, 6, 8))
	}
	var got []uint32
	before := uint64(0)
	for {
		lines, err := s.Hands(t.Context(), 2, before, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(lines) == 0 {
			break
		}
		for _, l := range lines {
			if before != 0 && l.ID >= before {
				t.Fatalf("line %d listed below %d", l.ID, before)
			}
			before = l.ID
			got = append(got, l.Hand)
			want := game.HandLine{ID: l.ID, Table: game.MakeTableID(1, 1), Hand: l.Hand, Seat: 2, Score: -2, Queue: "standard", Finished: finished}
			if l != want {
				t.Errorf("line %+v, want %+v", l, want)
			}
		}
	}
	if fmt.Sprint(got) != "[5 4 3 2 1]" {
		t.Errorf("hands %v, want 5 to 1", got)
	}
	if lines, err := s.Hands(t.Context(), 77, 0, 10); err != nil || len(lines) != 0 {
		t.Errorf("hands of a stranger: %v, %v; want none", lines, err)
	}
}

// A hand of practice is kept like any other, and changes nobody's standing.
func testPractice(t *testing.T, open Opener) {
	s := open()
	r := result(game.MakeTableID(1, 1), 1, 1, 2, 3, 4)
	r.Practice, r.Queue, r.Last = true, "practice", true
	mustSettle(t, s, r)
	_, err := s.Profile(t.Context(), 1)
	wantError(t, "the standing after practice", err, game.ErrNotFound)
	mustSettle(t, s, result(game.MakeTableID(1, 2), 1, 1, 2, 3, 4))
	mustSettle(t, s, r)
	wantProfile(t, s, game.Profile{Player: 1, Score: 6, Hands: 1})
	lines, err := s.Hands(t.Context(), 1, 0, 10)
	if err != nil || len(lines) != 2 || lines[1].Table != r.Key.Table || lines[1].Score != 6 || lines[1].Queue != "practice" {
		t.Errorf("hands %+v, %v", lines, err)
	}
	if data, err := s.Archive(t.Context(), r.Key, 1); err != nil || string(data) != string(r.Archive) {
		t.Errorf("Archive = %q, %v", data, err)
	}
}

func testLargeIDs(t *testing.T, open Opener) {
	s := open()
	const p = game.PlayerID(1<<64 - 1)
	r := result(game.MakeTableID(1<<24-1, 1<<40-1), 1<<32-1, p, 1<<63, 2, 3)
	r.Last = true
	mustSettle(t, s, r)
	mustSettle(t, s, r)
	wantProfile(t, s, game.Profile{Player: p, Score: 6, Hands: 1})
	wantProfile(t, s, game.Profile{Player: 1 << 63, Score: -1, Hands: 1})
	lines, err := s.Hands(t.Context(), p, 1<<64-1, 10)
	if err != nil || len(lines) != 1 || lines[0].Table != r.Key.Table || lines[0].Hand != r.Key.Hand {
		t.Errorf("hands %+v, %v; want one of %v", lines, err, r.Key)
	}
	if data, err := s.Archive(t.Context(), r.Key, p); err != nil || string(data) != string(r.Archive) {
		t.Errorf("Archive = %q, %v", data, err)
	}
}

func testBirth(t *testing.T, open Opener) {
	s := open()
	_, err := s.Born(t.Context())
	wantError(t, "Born before birth", err, game.ErrNotFound)
	first := game.Birth{Cluster: "c1", Created: finished, Voters: []game.Server{{Name: "a", ID: "a-1", Zone: "z", Level: 2}, {Name: "b", ID: "b-2"}}}
	for _, proposal := range []game.Birth{first, {Cluster: "c2", Created: finished}} {
		got, err := s.Bear(t.Context(), proposal)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(first) {
			t.Errorf("Bear = %v, %v; want %v", got, err, first)
		}
	}
	if got, err := open().Born(t.Context()); err != nil || fmt.Sprint(got) != fmt.Sprint(first) {
		t.Errorf("Born = %v, %v; want %v", got, err, first)
	}
}
