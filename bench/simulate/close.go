package simulate

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// recorded is a move in the record of a hand.
type recorded struct {
	prompt uint64
	move   []byte
}

type moveKey struct {
	player, number uint64
}

// close compares what players were told with what the database and the replicas hold at the end. It
// returns the number of acknowledged moves.
func (b *book) close() (moves int) {
	for _, g := range b.w.groups {
		for _, r := range g.replicas {
			b.image(r, r.snap())
		}
	}
	hands := map[game.TableID][]uint32{}
	for key := range b.w.db.hands {
		hands[key.Table] = append(hands[key.Table], key.Hand)
	}
	for _, id := range slices.Sorted(maps.Keys(hands)) {
		if b.tables[id] == nil {
			b.violate("table %v is in the database and nowhere else", id)
		}
	}
	for _, id := range b.order {
		t := b.tables[id]
		slices.Sort(hands[id])
		for hand := range t.ended {
			if !slices.Contains(hands[id], hand) {
				b.violate("table %v: hand %d has ended and is not in the database", id, hand)
			}
		}
		record := map[moveKey]recorded{}
		for i, hand := range hands[id] {
			if hand != uint32(i+1) {
				b.violate("table %v: hands %v are in the database", id, hands[id])
			}
			b.replay(t, record, b.w.db.hands[game.HandKey{Cluster: "cluster", Table: id, Hand: hand}])
		}
		moves += b.compare(t, record)
	}
	return moves
}

// compare looks up each try in the record, and each recorded move among the tries.
func (b *book) compare(t *tableBook, record map[moveKey]recorded) (moves int) {
	same := func(s *seen, y *try, key moveKey, r recorded) bool {
		return s.player == key.player && y.prompt == r.prompt && bytes.Equal(y.move, r.move)
	}
	for _, s := range t.seen {
		for _, y := range s.tries {
			if !y.acked || y.prompt == 0 {
				continue
			}
			moves++
			key := moveKey{s.player, y.number}
			if r, ok := record[key]; !ok {
				b.violate("table %v: move %d of player %d was acknowledged and is lost", t.id, y.number, s.player)
			} else if !same(s, y, key, r) {
				b.violate("table %v: move %d of player %d was acknowledged and is another one", t.id, y.number, s.player)
			}
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(record), func(a, b moveKey) int {
		return int(a.player-b.player)<<32 + int(a.number) - int(b.number)
	}) {
		r := record[key]
		sent, refused := false, ""
		for _, s := range t.seen {
			for _, y := range s.tries {
				if same(s, y, key, r) {
					if y.refusedForGood() && y.number == key.number {
						refused = fmt.Sprintf("%v to %s", y.refused, s.name)
					} else {
						sent = true
					}
				}
			}
		}
		if !sent && refused != "" {
			b.violate("table %v: move %d of player %d counts and was refused (%s)", t.id, key.number, key.player, refused)
		} else if !sent {
			b.violate("table %v: move %d of player %d was never sent", t.id, key.number, key.player)
		}
	}
	return moves
}

// replay replays a hand: it adds the moves to the record and checks that the events are those that
// were told and that nobody timed out too early.
func (b *book) replay(t *tableBook, record map[moveKey]recorded, hand game.HandResult) {
	archive := &wirepb.HandArchive{}
	if err := proto.Unmarshal(hand.Archive, archive); err != nil {
		b.violate("table %v: archive of hand %d: %v", t.id, hand.Key.Hand, err)
		return
	}
	before := &tablepb.Table{}
	if err := proto.Unmarshal(archive.Snapshot, before); err != nil {
		b.violate("table %v: archive of hand %d: %v", t.id, hand.Key.Hand, err)
		return
	}
	clock := &promptClock{b: b, t: t}
	streams, err := table.Replay(hand.Archive, b.games[before.Game], func(e *wirepb.ArchiveEntry, now *table.Table) {
		if e.Kind == wirepb.ArchiveEntry_MOVE {
			c := &tablepb.Command{}
			if proto.Unmarshal(e.Command, c) != nil {
				return
			}
			key := moveKey{c.GetMove().Player, e.Number}
			if _, twice := record[key]; twice {
				b.violate("table %v: move %d of player %d stands twice", t.id, key.number, key.player)
			}
			if e.Prompt != 0 {
				record[key] = recorded{e.Prompt, c.GetMove().Move}
			}
		}
		clock.look(e, now)
	})
	if err != nil {
		b.violate("table %v: hand %d cannot be played again: %v", t.id, hand.Key.Hand, err)
		return
	}
	for seat, events := range streams {
		player := before.Seats[seat].Player
		if player == 0 {
			continue
		}
		for _, e := range events {
			b.tells(t, player, e.Number, e.Payload)
		}
	}
}

// promptClock checks that a seat that timed out had all of its time.
type promptClock struct {
	b        *book
	t        *tableBook
	tookOver uint64
	before   []*tablepb.Seat // as the previous entry left them
	opened   [table.MaxSeats]uint64
	prompt   [table.MaxSeats]uint64
}

func (c *promptClock) look(e *wirepb.ArchiveEntry, now *table.Table) {
	if e.Kind == wirepb.ArchiveEntry_TIMER && e.Prompt != 0 && c.before != nil {
		s := c.before[e.Seat]
		from := max(c.opened[e.Seat], c.tookOver)
		if !s.Auto && s.Prompt != nil && e.LogMs < from+uint64(s.Prompt.LimitMs)+uint64(s.Prompt.ReserveMs) {
			c.b.violate("table %v: the time of prompt %d of seat %d ended after %d ms of %d",
				c.t.id, e.Prompt, e.Seat, e.LogMs-from, s.Prompt.LimitMs+s.Prompt.ReserveMs)
		}
	}
	if e.Kind == wirepb.ArchiveEntry_TOOK_OVER {
		c.tookOver = e.LogMs
	}
	c.before = now.Message().Seats
	for i, s := range c.before {
		if n := s.Prompt.GetNumber(); n != c.prompt[i] {
			c.prompt[i], c.opened[i] = n, e.LogMs
		}
	}
}
