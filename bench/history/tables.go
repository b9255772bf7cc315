package history

import (
	"cmp"
	"maps"
	"slices"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// table is what players were told about one table.
type table struct {
	id      game.TableID
	players []game.PlayerID // those who were told of it, sorted
	heard   int64           // a player was told of it before this time
	seated  int64           // a player was told that it sits there before this time; Open = nobody was, but see sure
	sure    bool            // somebody sat there
}

// seats reports whether the answer means that the player sits at Op.Table. The refusal of a cancel
// does not: the table may be unconfirmed.
func (o Op) seats() bool { return o.Table != 0 && o.Kind != Cancel }

// tables lists all tables that anybody was told of, by id. over are the tables of each player that
// are known to be over.
func tables(ops []Op, over map[game.PlayerID][]game.TableID) []*table {
	byID := make(map[game.TableID]*table)
	at := func(id game.TableID, p game.PlayerID) *table {
		t := byID[id]
		if t == nil {
			t = &table{id: id, heard: Open, seated: Open}
			byID[id] = t
		}
		if i, ok := slices.BinarySearch(t.players, p); !ok {
			t.players = slices.Insert(t.players, i, p)
		}
		return t
	}
	for _, o := range ops {
		if o.Table == 0 || o.open() {
			continue
		}
		t := at(o.Table, o.Player)
		t.heard = min(t.heard, o.Return)
		if o.seats() {
			t.sure, t.seated = true, min(t.seated, o.Return)
		}
	}
	for p, ids := range over {
		for _, id := range ids {
			at(id, p).sure = true
		}
	}
	return slices.SortedFunc(maps.Values(byID), func(a, b *table) int { return cmp.Compare(a.id, b.id) })
}

// events is what the cluster did by itself, for the players of a model. Each event may have
// happened at any time before somebody was told of it.
func (t *table) events(index map[game.PlayerID]int) (events []event) {
	var players []int
	for _, p := range t.players {
		if i, ok := index[p]; ok {
			players = append(players, i)
		}
	}
	add := func(kind Kind, before int64) {
		events = append(events, event{Op{Kind: kind, Table: t.id, Return: before}, players})
	}
	add(match, t.heard)
	if t.sure {
		add(seat, t.seated)
	} else {
		add(refuse, Open)
	}
	return events
}

// groups are groups of two or more players connected by tables.
func groups(all []*table) [][]game.PlayerID {
	head := make(map[game.PlayerID]game.PlayerID) // union-find
	var find func(p game.PlayerID) game.PlayerID
	find = func(p game.PlayerID) game.PlayerID {
		if head[p] != p {
			head[p] = find(head[p])
		}
		return head[p]
	}
	for _, t := range all {
		for _, p := range t.players {
			if _, ok := head[p]; !ok {
				head[p] = p
			}
			head[find(p)] = find(t.players[0])
		}
	}
	members := make(map[game.PlayerID][]game.PlayerID)
	for _, p := range slices.Sorted(maps.Keys(head)) {
		members[find(p)] = append(members[find(p)], p)
	}
	var list [][]game.PlayerID
	for _, p := range slices.Sorted(maps.Keys(members)) {
		if len(members[p]) > 1 {
			list = append(list, members[p])
		}
	}
	return list
}

// answered reports whether the op got an answer with this code.
func (o Op) answered(code wirepb.Code) bool { return !o.open() && o.Code == code }
