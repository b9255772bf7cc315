package logs

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/bench/audit"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/raftgroup"
)

// stored is an entry with moves, of group 1 by default.
func stored(t *testing.T, index, term uint64, moves ...Move) raftgroup.StoredEntry {
	t.Helper()
	batch := &tablepb.Batch{Number: index}
	for _, m := range moves {
		raw, err := proto.Marshal(&tablepb.Command{Table: uint64(m.Table), Body: &tablepb.Command_Move{Move: &tablepb.Move{
			Player: uint64(m.Player), Number: m.Number, Prompt: m.Prompt, Move: payload,
		}}})
		if err != nil {
			t.Fatal(err)
		}
		batch.Commands = append(batch.Commands, raw)
	}
	data, err := proto.Marshal(batch)
	if err != nil {
		t.Fatal(err)
	}
	return raftgroup.StoredEntry{Group: 1, Index: index, Term: term, Kind: "command", Data: data}
}

var payload = []byte("discard")

func move(number uint64) Move {
	return Move{Table: game.MakeTableID(1, 7), Player: 3, Number: number, Prompt: 10 + number, Hash: audit.HashMove(payload)}
}

func log(entries ...raftgroup.StoredEntry) server {
	return server{name: "node", entries: sequence(entries, nil)}
}

func compacted(snapshot uint64, entries ...raftgroup.StoredEntry) server {
	s := log(entries...)
	s.snapshots = map[raftgroup.GroupID]uint64{1: snapshot}
	return s
}

func sequence(entries []raftgroup.StoredEntry, end error) iter.Seq2[raftgroup.StoredEntry, error] {
	return func(yield func(raftgroup.StoredEntry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
		if end != nil {
			yield(raftgroup.StoredEntry{}, end)
		}
	}
}

// Each kind of damage is introduced once; what Raft allows is not damage.
func TestCompare(t *testing.T) {
	e := func(index, term uint64, moves ...Move) raftgroup.StoredEntry { return stored(t, index, term, moves...) }
	other := func(index, term uint64) raftgroup.StoredEntry { return e(index, term, move(99)) }
	noop := raftgroup.StoredEntry{Group: 1, Index: 1, Term: 1, Kind: "noop"}
	text := raftgroup.StoredEntry{Group: 1, Index: 1, Term: 1, Kind: "command", Data: []byte{0xff}}
	for name, c := range map[string]struct {
		servers []server
		moves   []Move
		want    Group
		verdict Moves
		dirty   bool
	}{
		"equal": {
			servers: []server{log(noop, e(2, 1, move(1)), e(3, 2)), log(noop, e(2, 1, move(1)), e(3, 2)), log(noop, e(2, 1, move(1)), e(3, 2))},
			moves:   []Move{move(1)},
			want:    Group{Replicas: 3, First: 1, Last: 3, Entries: 3, Compared: 3},
			verdict: Moves{Acknowledged: 1, Found: 1},
		},
		"one is behind": {
			servers: []server{log(e(1, 1), e(2, 1, move(1))), log(e(1, 1), e(2, 1, move(1))), log(e(1, 1))},
			moves:   []Move{move(1)},
			want:    Group{Replicas: 3, First: 1, Last: 1, Entries: 2, Compared: 2},
			verdict: Moves{Acknowledged: 1, Found: 1},
		},
		"an uncommitted end": {
			servers: []server{log(e(1, 1), other(2, 1), other(3, 1)), log(e(1, 1), e(2, 2)), log(e(1, 1), e(2, 2))},
			want:    Group{Replicas: 3, First: 1, Last: 2, Entries: 3, Compared: 2, Apart: 1},
		},
		"two commands in one term": {
			servers: []server{log(e(1, 1), e(2, 1)), log(e(1, 1), other(2, 1))},
			want:    Group{Replicas: 2, First: 1, Last: 2, Entries: 2, Compared: 2, Conflicts: 1}, dirty: true,
		},
		"a mark and a command": {
			servers: []server{log(noop), log(raftgroup.StoredEntry{Group: 1, Index: 1, Term: 1, Kind: "command"})},
			want:    Group{Replicas: 2, First: 1, Last: 1, Entries: 1, Compared: 1, Conflicts: 1}, dirty: true,
		},
		"another command in the middle": {
			servers: []server{log(e(1, 1), e(2, 1), e(3, 3)), log(e(1, 1), e(2, 2), e(3, 3))},
			want:    Group{Replicas: 2, First: 1, Last: 3, Entries: 3, Compared: 3, Apart: 1, Conflicts: 1}, dirty: true,
		},
		"both were applied": {
			servers: []server{compacted(2, e(2, 1)), compacted(2, e(2, 2))},
			want:    Group{Replicas: 2, First: 2, Last: 2, Entries: 1, Compared: 1, Conflicts: 1}, dirty: true,
		},
		"a term that falls": {
			servers: []server{log(e(1, 2), e(2, 1)), log(e(1, 2), e(2, 1))},
			want:    Group{Replicas: 2, First: 1, Last: 2, Entries: 2, Compared: 2, TermsDown: 2}, dirty: true,
		},
		"no batch": {
			servers: []server{log(text)},
			want:    Group{Replicas: 1, First: 1, Last: 1, Entries: 1, Malformed: 1}, dirty: true,
		},
		"a move that is nowhere": {
			servers: []server{log(e(1, 1, move(1))), log(e(1, 1, move(1)))},
			moves:   []Move{move(1), move(2)},
			want:    Group{Replicas: 2, First: 1, Last: 1, Entries: 1, Compared: 1},
			verdict: Moves{Acknowledged: 2, Found: 1, Missing: 1}, dirty: true,
		},
		"a move that a minority has": {
			servers: []server{log(e(1, 1), e(2, 1, move(1))), log(e(1, 1)), log(e(1, 1))},
			moves:   []Move{move(1)},
			want:    Group{Replicas: 3, First: 1, Last: 1, Entries: 2, Compared: 1},
			verdict: Moves{Acknowledged: 1, Missing: 1}, dirty: true,
		},
		"a move whose holders have compacted": {
			servers: []server{log(e(1, 1, move(1)), e(2, 1)), compacted(1, e(2, 1)), compacted(1, e(2, 1))},
			moves:   []Move{move(1)},
			want:    Group{Replicas: 3, First: 2, Last: 2, Entries: 2, Compared: 1},
			verdict: Moves{Acknowledged: 1, Found: 1},
		},
		"a move that everybody has compacted": {
			servers: []server{compacted(1, e(2, 1)), compacted(1, e(2, 1))},
			moves:   []Move{move(1)},
			want:    Group{Replicas: 2, First: 2, Last: 2, Entries: 1, Compared: 1},
			verdict: Moves{Acknowledged: 1, Unseen: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := compare(t.Context(), c.servers, c.moves)
			if err != nil {
				t.Fatal(err)
			}
			c.want.Group = 1
			if len(r.Groups) != 1 || r.Groups[0] != c.want {
				t.Errorf("got %+v, want %+v", r.Groups, c.want)
			}
			if r.Moves != c.verdict {
				t.Errorf("moves %+v, want %+v", r.Moves, c.verdict)
			}
			if r.Clean() == c.dirty || (len(r.Notes) > 0) != c.dirty {
				t.Errorf("clean: %v, notes: %q", r.Clean(), r.Notes)
			}
		})
	}
}

// The coordinator's entries are compared but not parsed; a group that only some servers have is
// compared among those.
func TestCompareGroups(t *testing.T) {
	coordinator := raftgroup.StoredEntry{Group: 0, Index: 1, Term: 1, Kind: "command", Data: []byte{0xff}}
	third := stored(t, 1, 1)
	third.Group = 3
	r, err := compare(t.Context(), []server{log(coordinator, third), log(coordinator), log(coordinator, third)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Groups) != 2 || r.Groups[0].Replicas != 3 || r.Groups[1].Group != 3 || r.Groups[1].Replicas != 2 || !r.Clean() {
		t.Errorf("%+v", r)
	}
}

func TestCompareStops(t *testing.T) {
	damage := errors.New("damage")
	broken := server{name: "node-2", entries: sequence([]raftgroup.StoredEntry{stored(t, 1, 1)}, damage)}
	if _, err := compare(t.Context(), []server{log(stored(t, 1, 1)), broken}, nil); !errors.Is(err, damage) {
		t.Errorf("a damaged log: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := compare(ctx, []server{log(stored(t, 1, 1), stored(t, 2, 1))}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled comparison: %v", err)
	}
}

func TestLedger(t *testing.T) {
	var file bytes.Buffer
	l := NewLedger(&file)
	want := []Move{move(1), move(2)}
	for _, m := range want {
		l.Acknowledged(m.Table, m.Player, audit.Move{Number: m.Number, Prompt: m.Prompt, Hash: m.Hash})
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadMoves(&file); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := ReadMoves(strings.NewReader("{\"table\": 1}\n{")); err == nil {
		t.Error("a truncated ledger was accepted")
	}
}

func TestNoFolder(t *testing.T) {
	if _, err := Check(t.Context(), Config{Data: t.TempDir()}); err == nil {
		t.Error("an empty folder was accepted")
	}
}
