package history

import (
	"fmt"
	"strings"
	"testing"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// story makes histories: each op takes ten units of time and follows the one before.
type story struct {
	ops  []Op
	now  int64
	over map[game.PlayerID][]game.TableID
}

func (s *story) add(o Op) *story {
	o.Call = s.now
	if o.Return == 0 {
		o.Return = s.now + 9
	}
	s.now += 10
	s.ops = append(s.ops, o)
	return s
}

func (s *story) joins(p game.PlayerID, ticket uint64) *story {
	return s.add(Op{Player: p, Kind: Join, Queue: "q", Got: ticket})
}

func (s *story) cancels(p game.PlayerID, ticket uint64, code wirepb.Code) *story {
	return s.add(Op{Player: p, Kind: Cancel, Ticket: ticket, Code: code})
}

func (s *story) reads(p game.PlayerID, ticket uint64, table game.TableID) *story {
	return s.add(Op{Player: p, Kind: Read, Got: ticket, Table: table})
}

func (s *story) told(p game.PlayerID, ticket uint64, table game.TableID) *story {
	return s.add(Op{Player: p, Kind: Told, Got: ticket, Table: table})
}

// meet lets two players with the tickets 1 and 2 sit down at table 9.
func meet() *story {
	return new(story).joins(1, 1).joins(2, 2).told(1, 1, 9).told(2, 2, 9)
}

// leaves records that the table is over for the player.
func (s *story) leaves(p game.PlayerID, table game.TableID) *story {
	if s.over == nil {
		s.over = make(map[game.PlayerID][]game.TableID)
	}
	s.over[p] = append(s.over[p], table)
	return s
}

func TestWhatCanHappen(t *testing.T) {
	for _, c := range []struct {
		name string
		s    *story
		want string // tickets, matched, cancelled, queued, tables
	}{
		{"nothing", new(story), "[0 0 0 0 0]"},
		{"two meet", meet().reads(1, 0, 9).reads(2, 0, 9), "[2 2 0 0 1]"},
		{"the match was not told", new(story).joins(1, 1).joins(2, 2).reads(1, 0, 9).reads(2, 0, 9), "[2 2 0 0 1]"},
		{"waits", new(story).joins(1, 1).reads(1, 1, 0), "[1 0 0 1 0]"},
		{"cancels, twice, and joins again", new(story).joins(1, 1).cancels(1, 1, 0).cancels(1, 1, wirepb.Code_NO_TICKET).
			joins(1, 2).cancels(1, 1, wirepb.Code_NO_TICKET).reads(1, 2, 0), "[2 0 1 1 0]"},
		{"joins twice", new(story).joins(1, 1).add(Op{Player: 1, Kind: Join, Code: wirepb.Code_ALREADY_QUEUED, Got: 1}).reads(1, 1, 0), "[1 0 0 1 0]"},
		{"cancels too late", meet().add(Op{Player: 1, Kind: Cancel, Ticket: 1, Code: wirepb.Code_AT_TABLE, Table: 9}).
			reads(1, 0, 9).reads(2, 0, 9), "[2 2 0 0 1]"},
		{"matched, but not confirmed yet", new(story).joins(1, 1).joins(2, 2).
			add(Op{Player: 1, Kind: Cancel, Ticket: 1, Code: wirepb.Code_AT_TABLE, Table: 9}).
			reads(1, 1, 0).told(1, 1, 9).reads(1, 0, 9).reads(2, 0, 9), "[2 2 0 0 1]"},
		{"refused by its shard", new(story).joins(1, 1).
			add(Op{Player: 1, Kind: Cancel, Ticket: 1, Code: wirepb.Code_AT_TABLE, Table: 9}).
			reads(1, 1, 0).cancels(1, 1, 0).reads(1, 0, 0), "[1 0 1 0 0]"},
		{"a join without an answer, without effect", new(story).add(Op{Player: 1, Kind: Join, Return: Open}).reads(1, 0, 0), "[0 0 0 0 0]"},
		{"a join without an answer, with its effect", new(story).add(Op{Player: 1, Kind: Join, Return: Open}).reads(1, 5, 0), "[1 0 0 1 0]"},
		{"and a match", new(story).add(Op{Player: 1, Kind: Join, Queue: "q", Return: Open}).joins(2, 2).reads(1, 0, 9).reads(2, 0, 9), "[2 2 0 0 1]"},
		{"a cancel without an answer", new(story).joins(1, 1).add(Op{Player: 1, Kind: Cancel, Ticket: 1, Return: Open}).reads(1, 0, 0), "[1 0 1 0 0]"},
		{"a join in doubt", new(story).joins(2, 2).add(Op{Player: 1, Kind: Join, Queue: "q", Doubt: true, Table: 9}).reads(1, 0, 9).reads(2, 0, 9), "[2 2 0 0 1]"},
		{"a cancel in doubt", new(story).joins(1, 1).add(Op{Player: 1, Kind: Cancel, Ticket: 1, Doubt: true}).reads(1, 0, 0), "[1 0 1 0 0]"},
		{"plays and queues again", meet().leaves(1, 9).leaves(2, 9).joins(1, 3).reads(1, 3, 0).reads(2, 0, 0), "[3 2 0 1 1]"},
		{"a full queue", new(story).add(Op{Player: 1, Kind: Join, Code: wirepb.Code_QUEUE_FULL}).reads(1, 0, 0), "[0 0 0 0 0]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Check(c.s.ops, Config{Seats: 2, Over: c.s.over})
			if got := fmt.Sprint([]int{r.Tickets, r.Matched, r.Cancelled, r.Queued, r.Tables}); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if !r.Audit.Clean() {
				t.Errorf("%+v\n%s", r.Audit, strings.Join(r.Notes, "\n"))
			}
		})
	}
}

// TestWhatCannotHappen shows that the check can fail: each history breaks one promise.
func TestWhatCannotHappen(t *testing.T) {
	for _, c := range []struct {
		name string
		s    *story
		want Audit // 1 = at least one
	}{
		{"cancelled, then matched", new(story).joins(1, 1).joins(2, 2).cancels(1, 1, 0).told(1, 1, 9).told(2, 2, 9).reads(1, 0, 9).reads(2, 0, 9),
			Audit{CancelledMatched: 1, Impossible: 1}},
		{"cancelled, then matched, and nobody told", new(story).joins(1, 1).joins(2, 2).cancels(1, 1, 0).reads(1, 0, 9).reads(2, 0, 9),
			Audit{Unticketed: 1, Impossible: 1}},
		{"one ticket, two tables", meet().told(1, 1, 10).told(2, 2, 10).reads(1, 0, 10).reads(2, 0, 10),
			Audit{TwoFates: 1, BoundTwice: 1, Impossible: 1}},
		{"two tables at once", meet().joins(1, 3).joins(2, 4).told(1, 3, 10).told(2, 4, 10).reads(1, 0, 10).reads(2, 0, 10),
			Audit{BoundTwice: 1, Impossible: 1}},
		{"lost", new(story).joins(1, 1).reads(1, 0, 0),
			Audit{Lost: 1, Impossible: 1}},
		{"lost after a match", meet().reads(1, 0, 0).reads(2, 0, 9),
			Audit{Impossible: 1}},
		{"back in the queue after a cancel", new(story).joins(1, 1).cancels(1, 1, 0).reads(1, 1, 0),
			Audit{TwoFates: 1, Impossible: 1}},
		{"a read that is too old", new(story).joins(1, 1).cancels(1, 1, 0).reads(1, 1, 0).reads(1, 0, 0),
			Audit{Impossible: 1}},
		{"a ticket that was not found", new(story).joins(1, 1).cancels(1, 1, wirepb.Code_NO_TICKET).reads(1, 1, 0),
			Audit{Impossible: 1}},
		{"two tickets at once", new(story).joins(1, 1).joins(1, 2).cancels(1, 1, 0).cancels(1, 2, 0).reads(1, 0, 0),
			Audit{Impossible: 1}},
		{"the same ticket again", new(story).joins(1, 2).cancels(1, 2, 0).joins(1, 1).cancels(1, 1, 0).reads(1, 0, 0),
			Audit{Impossible: 1}},
		{"a table of one", new(story).joins(1, 1).told(1, 1, 9).reads(1, 0, 9),
			Audit{WrongTables: 1}},
		{"a table of two queues", new(story).joins(1, 1).add(Op{Player: 2, Kind: Join, Queue: "other", Got: 2}).reads(1, 0, 9).reads(2, 0, 9),
			Audit{ImpossiblePairs: 1}},
		{"matched with somebody who came later", new(story).joins(1, 1).told(1, 1, 9).joins(2, 2).reads(1, 0, 9).reads(2, 0, 9),
			Audit{Impossible: 1}},
		{"matched with somebody who had gone", new(story).joins(1, 1).cancels(1, 1, 0).joins(2, 2).
			told(2, 2, 9).joins(1, 3).told(1, 3, 9).reads(1, 0, 9).reads(2, 0, 9),
			Audit{Impossible: 1}},
		{"no last word", meet().reads(1, 0, 9).reads(2, 0, 9).joins(2, 3),
			Audit{Unread: 1, Impossible: 1}},
		{"never read", new(story).joins(1, 1),
			Audit{Unread: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Check(c.s.ops, Config{Seats: 2, Over: c.s.over})
			got := r.Audit
			for _, n := range []*int{&got.Lost, &got.CancelledMatched, &got.TwoFates, &got.BoundTwice, &got.Unticketed,
				&got.WrongTables, &got.Unread, &got.Impossible, &got.ImpossiblePairs} {
				*n = min(*n, 1)
			}
			if got != c.want {
				t.Errorf("got %+v, want %+v\n%s", got, c.want, strings.Join(r.Notes, "\n"))
			}
			if len(r.Notes) == 0 || r.Audit.Clean() {
				t.Error("nothing is said")
			}
		})
	}
}
