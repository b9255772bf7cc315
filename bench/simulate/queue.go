package simulate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator/coordpb"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
)

// queueBook follows each ticket through the coordinator's log.
type queueBook struct {
	tickets   map[uint64]*ticket
	live      []uint64                      // ids of tickets that are waiting or matched
	joins     map[uint64]map[[2]uint64]bool // by player: (epoch, number) of the join commands
	issued    map[uint64]int
	created   map[uint64][]byte // creations by table: a number always means the same one
	cancelled map[uint64]string // tickets that a client knows to be cancelled
	epochs    map[uint64]uint64
}

type ticket struct {
	player uint64
	table  uint64 // matched to it, 0 = waiting
	gone   string // how it ended
}

func newQueueBook() queueBook {
	return queueBook{
		tickets: map[uint64]*ticket{}, joins: map[uint64]map[[2]uint64]bool{}, issued: map[uint64]int{},
		created: map[uint64][]byte{}, cancelled: map[uint64]string{}, epochs: map[uint64]uint64{},
	}
}

// cancelled records that a player was told that its ticket is cancelled.
func (b *book) cancelled(d *device, id uint64) {
	b.queue.cancelled[id] = d.name
	if t := b.queue.tickets[id]; t != nil && t.gone != "" && t.gone != "cancelled" {
		b.violate("%s was told that ticket %d is cancelled; it is %s", d.name, id, t.gone)
	}
}

// coordinated checks an entry of the coordinator.
func (b *book) coordinated(r *replica, e logged, first, regular bool) {
	if !first {
		b.image(r, r.snap())
		return
	}
	batch := &coordpb.Batch{}
	if proto.Unmarshal(e.data, batch) != nil {
		b.violate("the coordinator's entry %d is no batch", r.applied)
		return
	}
	look := regular
	cancels := map[uint64]bool{}
	refused := map[uint64]bool{}
	ended := map[uint64]bool{}
	for _, c := range batch.Commands {
		b.w.tracef("group 0: entry %d: %v", r.applied, shown{c})
		switch c := c.Body.(type) {
		case *coordpb.Command_Join:
			asked := b.queue.joins[c.Join.Player]
			if asked == nil {
				asked = map[[2]uint64]bool{}
				b.queue.joins[c.Join.Player] = asked
			}
			asked[[2]uint64{c.Join.Epoch, c.Join.Number}] = true
		case *coordpb.Command_Cancel:
			cancels[c.Cancel.Ticket] = true
		case *coordpb.Command_Created:
			refused[c.Created.Table] = refused[c.Created.Table] || c.Created.Refused
		case *coordpb.Command_Ended:
			ended[c.Ended.Table] = true
		case *coordpb.Command_Binding, *coordpb.Command_Guest, *coordpb.Command_Resume:
			continue
		}
		look = true
	}
	if !look {
		return
	}
	image := r.snap()
	b.image(r, image)
	s := &coordpb.Snapshot{}
	if err := proto.Unmarshal(image, s); err != nil {
		b.violate("the coordinator's snapshot: %v", err)
		return
	}
	b.follow(s, cancels, refused, ended)
}

// follow compares the coordinator's state with the previous one.
func (b *book) follow(s *coordpb.Snapshot, cancels, refused, ended map[uint64]bool) {
	q := &b.queue
	now := map[uint64]uint64{} // ticket: table, or 0
	owner := map[uint64]uint64{}
	note := func(t *coordpb.Ticket, table uint64) {
		if _, twice := now[t.Id]; twice {
			b.violate("ticket %d is there twice", t.Id)
		}
		now[t.Id], owner[t.Id] = table, t.Player
		if who, gone := q.cancelled[t.Id]; gone {
			b.violate("ticket %d is back, of which %s knows that it is cancelled", t.Id, who)
		}
	}
	var order []uint64
	for _, t := range s.Waiting {
		note(t, 0)
		order = append(order, t.Id)
	}
	for _, sh := range s.Shards {
		for _, p := range sh.Outbox {
			spec, err := proto.MarshalOptions{Deterministic: true}.Marshal(p.Create)
			if old, ok := q.created[p.Create.Table]; err != nil || ok && !bytes.Equal(old, spec) {
				b.violate("table %v was created twice, differently", game.TableID(p.Create.Table))
			}
			q.created[p.Create.Table] = spec
			for _, t := range p.Tickets {
				note(t, p.Create.Table)
				order = append(order, t.Id)
			}
		}
	}
	at := map[uint64]uint64{} // player: table
	for _, t := range s.Tables {
		for _, p := range t.Players {
			if other, taken := at[p]; taken {
				b.violate("player %d is bound to %v and to %v", p, game.TableID(other), game.TableID(t.Id))
			}
			at[p] = t.Id
		}
	}
	for _, p := range s.Players {
		switch {
		case p.Ticket != 0 && owner[p.Ticket] != p.Id:
			b.violate("player %d holds ticket %d, which is nowhere", p.Id, p.Ticket)
		case p.Ticket != 0 && p.Table != 0:
			b.violate("player %d holds a ticket at a table", p.Id)
		case p.Table != at[p.Id]:
			b.violate("player %d is bound to %v, whose players it is not of", p.Id, game.TableID(p.Table))
		case p.Epoch < q.epochs[p.Id]:
			b.violate("the epoch of player %d fell", p.Id)
		}
		q.epochs[p.Id] = p.Epoch
	}
	// What became of the tickets that existed before.
	live := q.live[:0]
	for _, id := range q.live {
		t := q.tickets[id]
		table, there := now[id]
		switch {
		case there && t.table != 0 && table != t.table && !refused[t.table]:
			b.violate("ticket %d was matched with %v and is matched again", id, game.TableID(t.table))
		case there:
			t.table = table
			live = append(live, id)
		case (t.table == 0 || refused[t.table]) && cancels[id]:
			t.gone = "cancelled"
		case at[t.player] != 0 && (t.table == 0 || t.table == at[t.player]), ended[t.table]:
			t.gone = "seated"
		default:
			b.violate("ticket %d of player %d is lost", id, t.player)
		}
		if t.gone == "seated" {
			if who, gone := q.cancelled[id]; gone {
				b.violate("ticket %d matched, of which %s knows that it is cancelled", id, who)
			}
		}
	}
	q.live = live
	for _, id := range order {
		t := q.tickets[id]
		switch {
		case t == nil:
			q.tickets[id] = &ticket{player: owner[id], table: now[id]}
			q.live = append(q.live, id)
			q.issued[owner[id]]++
			if n := len(q.joins[owner[id]]); q.issued[owner[id]] > n {
				b.violate("player %d asked %d times and has got %d tickets", owner[id], n, q.issued[owner[id]])
			}
		case t.gone != "":
			b.violate("ticket %d was %s and is back", id, t.gone)
		}
	}
}

// readShard reads the tables of a shard's snapshot.
func readShard(image []byte) ([]*tablepb.Table, error) {
	in := bufio.NewReader(bytes.NewReader(image))
	head := &tablepb.Shard{}
	if err := protodelim.UnmarshalFrom(in, head); err != nil {
		return nil, err
	}
	var tables []*tablepb.Table
	for {
		m := &tablepb.Table{}
		err := (protodelim.UnmarshalOptions{MaxSize: -1}).UnmarshalFrom(in, m)
		if errors.Is(err, io.EOF) {
			return tables, nil
		}
		if err != nil {
			return nil, err
		}
		tables = append(tables, m)
	}
}

// shown is a message as printed in the trace.
type shown struct{ m proto.Message }

func (s shown) String() string {
	text := fmt.Sprint(s.m)
	if len(text) > 160 {
		text = text[:160] + "…"
	}
	return text
}
