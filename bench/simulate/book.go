package simulate

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// book records what players were promised, and checks that it is kept.
type book struct {
	w     *world
	games map[string]game.Game
	codes codes
	wrong string // the first broken promise

	waits, departed int // see Result

	images map[place][]byte // snapshots by group and index: equal on all replicas
	newest map[game.GroupID]uint64

	queue  queueBook
	tables map[game.TableID]*tableBook
	order  []game.TableID
}

type place struct {
	group game.GroupID
	index uint64
}

// tableBook is what is known about one table.
type tableBook struct {
	id      game.TableID
	players []uint64
	over    bool // from the shard's view: its bindings may go
	epochs  map[uint64]uint64
	told    map[told][]byte // events by player and number, whoever was told them
	seen    []*seen
	ended   map[uint32]bool // hands whose end somebody saw
}

type told struct {
	player, number uint64
}

func newBook(w *world) *book {
	return &book{
		w: w, games: w.games(), codes: codes{wire.NewMethods()}, images: map[place][]byte{}, newest: map[game.GroupID]uint64{},
		tables: map[game.TableID]*tableBook{}, queue: newQueueBook(),
	}
}

func (b *book) broken() bool { return b.wrong != "" }

// violate records a broken promise; the run ends.
func (b *book) violate(format string, args ...any) {
	if b.wrong == "" {
		b.wrong = fmt.Sprintf(format, args...)
		b.w.tracef("VIOLATION: %s", b.wrong)
	}
}

func (b *book) table(id game.TableID) *tableBook {
	t := b.tables[id]
	if t == nil {
		t = &tableBook{id: id, epochs: map[uint64]uint64{}, told: map[told][]byte{}, ended: map[uint32]bool{}}
		b.tables[id] = t
		b.order = append(b.order, id)
	}
	return t
}

// applied checks what an entry did, on the first replica that applies it.
func (b *book) applied(r *replica, e logged) {
	first := r.applied > b.newest[r.g.id]
	if first {
		b.newest[r.g.id] = r.applied
	}
	if first && b.w.fault(b.w.plan.moment) {
		b.w.moment(r)
	}
	regular := r.applied%32 == 0
	if regular || first {
		if r.g.id == game.Coordinator {
			b.coordinated(r, e, first, regular)
		} else {
			b.sharded(r, e, first, regular)
		}
	}
}

// image compares a replica's state with that of others at the same index.
func (b *book) image(r *replica, image []byte) {
	at := place{r.g.id, r.applied}
	if other, ok := b.images[at]; !ok {
		b.images[at] = image
	} else if !bytes.Equal(other, image) {
		b.violate("group %d: replicas differ after entry %d (%s is one of them)", at.group, at.index, r.n.name)
	}
}

// sharded checks a shard's entry.
func (b *book) sharded(r *replica, e logged, first, regular bool) {
	if !first {
		b.image(r, r.snap())
		return
	}
	batch := &tablepb.Batch{}
	if proto.Unmarshal(e.data, batch) != nil {
		b.violate("group %d: entry %d is no batch", r.g.id, r.applied)
		return
	}
	for _, raw := range batch.Commands {
		c := &tablepb.Command{}
		if proto.Unmarshal(raw, c) != nil {
			b.violate("group %d: entry %d holds no command", r.g.id, r.applied)
			return
		}
		b.w.tracef("group %d: entry %d: %v", r.g.id, r.applied, shown{c})
		switch c.Body.(type) {
		case *tablepb.Command_Create, *tablepb.Command_Settled, *tablepb.Command_Freed, *tablepb.Command_Attach:
			regular = true
		}
	}
	if regular {
		image := r.snap()
		b.image(r, image)
		b.look(r, image)
	}
}

// look checks a shard's state.
func (b *book) look(r *replica, image []byte) {
	tables, err := readShard(image)
	if err != nil {
		b.violate("group %d: snapshot: %v", r.g.id, err)
		return
	}
	for _, m := range tables {
		t := b.table(game.TableID(m.Id))
		t.players = t.players[:0]
		t.over = m.Phase >= tablepb.Phase_ENDED
		for _, s := range m.Seats {
			if s.Player == 0 {
				continue
			}
			t.players = append(t.players, s.Player)
			if s.Epoch < t.epochs[s.Player] {
				b.violate("table %v: the epoch of player %d fell from %d to %d", t.id, s.Player, t.epochs[s.Player], s.Epoch)
			}
			t.epochs[s.Player] = s.Epoch
			for i, payload := range s.Events {
				b.tells(t, s.Player, s.Dropped+uint64(i)+1, payload)
			}
		}
		if m.Voided {
			b.violate("table %v is void", t.id)
		}
	}
	b.oneTableEach()
}

// oneTableEach looks for players who are at two running tables.
func (b *book) oneTableEach() {
	at := map[uint64]game.TableID{}
	for _, id := range b.order {
		t := b.tables[id]
		if t.over {
			continue
		}
		for _, p := range t.players {
			if other, taken := at[p]; taken {
				b.violate("player %d sits at %v and at %v", p, other, id)
			}
			at[p] = id
		}
	}
}

// tells records an event; the same number must always have the same content.
func (b *book) tells(t *tableBook, player, number uint64, payload []byte) {
	key := told{player, number}
	old, ok := t.told[key]
	if !ok {
		t.told[key] = payload
		e := &wirepb.TableEvent{}
		if proto.Unmarshal(payload, e) == nil && e.GetHandEnded() != nil {
			t.ended[e.GetHandEnded().Hand] = true
		}
	} else if !bytes.Equal(old, payload) {
		b.violate("table %v: player %d is told two different events %d", t.id, player, number)
	}
}

// seen is what one device got of one table.
type seen struct {
	t      *tableBook
	b      *book
	player uint64
	name   string
	last   uint64
	tries  []*try
}

func (b *book) sits(d *device, id game.TableID) *seen {
	t := b.table(id)
	s := &seen{t: t, b: b, player: uint64(d.player.id), name: d.name}
	t.seen = append(t.seen, s)
	return s
}

// event handles what a device received: the next event, or a snapshot that replaces missing ones.
func (b *book) event(d *device, p *wirepb.Push) {
	s := d.seen
	if p.Kind == wirepb.Push_SNAPSHOT {
		s.last = p.Number
		return
	}
	if p.Number != s.last+1 {
		b.violate("%s at table %v received event %d after %d", s.name, s.t.id, p.Number, s.last)
	}
	s.last = p.Number
	b.tells(s.t, s.player, p.Number, p.Payload)
}

// try is one move that a player made.
type try struct {
	prompt  uint64
	move    []byte
	over    bool
	number  uint64
	acked   bool
	refused wirepb.Code
}

func (s *seen) sends(m *wirepb.MoveRequest) *try {
	t := &try{prompt: m.Prompt, move: m.Move}
	s.tries = append(s.tries, t)
	return t
}

func (t *try) answered(number uint64, answered bool, err error) {
	t.over = true
	t.number = number
	t.acked = err == nil
	if answered && err != nil {
		t.refused = game.CodeOf(err, wirepb.Code_OK)
	}
}

// refusedForGood reports whether the move can never count.
func (t *try) refusedForGood() bool {
	switch t.refused {
	case wirepb.Code_OK, wirepb.Code_ALREADY_DECIDED, wirepb.Code_NUMBER_GAP, wirepb.Code_TABLE_GONE:
		return false
	}
	return true
}

// watch is what a gateway has forwarded from one table on one connection.
type watch struct{ last uint64 }

type attach struct{ table, last uint64 }

// frame checks what a gateway writes to a client: of each table exactly the next event.
func (b *book) frame(c *conn, e *wirepb.Envelope) {
	if wrong := b.codes.wrong(e, c.called[e.GetReply().GetId()]); wrong != "" {
		b.violate("%s to %s: %s", c.gate.name, c.dev.name, wrong)
	}
	switch body := e.Body.(type) {
	case *wirepb.Envelope_Reply:
		delete(c.called, body.Reply.Id)
		a, ok := c.opened[body.Reply.Id]
		delete(c.opened, body.Reply.Id)
		if ok && (body.Reply.Code == wirepb.Code_OK || body.Reply.Code == wirepb.Code_RESUME_INVALID) {
			c.watch[a.table] = &watch{a.last}
			delete(c.waits, a.table) // it may have been left meanwhile
		}
	case *wirepb.Envelope_Push:
		p := body.Push
		t := c.watch[p.Table]
		if now := uint64(b.w.clock().UnixMilli()); p.TimeMs == 0 || p.TimeMs > now {
			b.violate("%s tells %s of %d ms at %d", c.gate.name, c.dev.name, p.TimeMs, now)
		}
		switch {
		case p.Kind == wirepb.Push_NOTICE:
			b.notice(c, p)
		case c.waits[p.Table]:
			b.violate("%s forwards event %d of table %v to %s, which nobody runs", c.gate.name, p.Number, game.TableID(p.Table), c.dev.name)
		case t == nil:
			b.violate("%s forwards event %d of table %v, which %s has not attached", c.gate.name, p.Number, game.TableID(p.Table), c.dev.name)
		case p.Kind == wirepb.Push_EVENT && p.Number != t.last+1:
			b.violate("%s forwards event %d of table %v to %s, after %d", c.gate.name, p.Number, game.TableID(p.Table), c.dev.name, t.last)
		default:
			t.last = p.Number
		}
	}
}

// notice checks that waiting begins and ends in turns.
func (b *book) notice(c *conn, p *wirepb.Push) {
	n := &wirepb.Notice{}
	if err := proto.Unmarshal(p.Payload, n); err != nil {
		b.violate("%s tells %s no notice: %v", c.gate.name, c.dev.name, err)
	}
	w := n.GetWaiting()
	if w == nil {
		return
	}
	id := game.TableID(w.Table)
	switch attached := c.watch[w.Table] != nil; {
	case !attached:
		b.violate("%s tells %s to wait for table %v, which it has not attached", c.gate.name, c.dev.name, id)
	case w.Over != c.waits[w.Table]:
		b.violate("%s tells %s twice of table %v: waiting is over %v", c.gate.name, c.dev.name, id, w.Over)
	}
	c.waits[w.Table] = !w.Over
	b.waits++
}
