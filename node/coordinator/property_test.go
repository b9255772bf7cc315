package coordinator

import (
	"bytes"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// model drives a state with the commands of players, shards and leaders, which arrive late, twice and
// out of order, and remembers what it needs to check the invariants.
type model struct {
	t      *rapid.T
	state  *state
	twin   *state // gets the same log, and is restored from its own snapshot now and then
	events int

	sessions []result // of all logins, including superseded ones
	numbers  map[uint64]uint64
	sent     []*coordpb.Command
	made     map[game.TableID]*linkpb.CreateTable // every creation that was ever in an outbox
	answered map[game.TableID]bool                // the shard's answers: whether it refused
	over     map[game.TableID]bool
	spent    map[uint64]string // tickets that can never match again, and why
}

func (m *model) do(advance uint32, commands ...*coordpb.Command) *effects {
	data, err := proto.Marshal(&coordpb.Batch{AdvanceMs: advance, Commands: commands})
	if err != nil {
		m.t.Fatal(err)
	}
	var all [2]*effects
	for i, s := range []*state{m.state, m.twin} {
		b := &coordpb.Batch{}
		if err := proto.Unmarshal(data, b); err != nil {
			m.t.Fatal(err)
		}
		all[i] = s.apply(b)
	}
	if fmt.Sprint(all[0].results, all[0].notices, all[0].outbox) != fmt.Sprint(all[1].results, all[1].notices, all[1].outbox) {
		m.t.Fatalf("twins answer differently: %+v, %+v", all[0], all[1])
	}
	for i, c := range commands {
		m.check(c, all[0].results[i])
	}
	m.sent = append(m.sent, commands...)
	m.collect()
	return all[0]
}

// check follows one command's answer.
func (m *model) check(c *coordpb.Command, r result) {
	switch c := c.GetBody().(type) {
	case *coordpb.Command_Guest, *coordpb.Command_Resume:
		if r.code != wirepb.Code_OK {
			return
		}
		for _, s := range m.sessions {
			if s.epoch >= r.epoch {
				m.t.Fatalf("epoch %d after %d", r.epoch, s.epoch)
			}
		}
		m.sessions = append(m.sessions, r)
	case *coordpb.Command_Cancel:
		if r.code == wirepb.Code_OK {
			m.spent[c.Cancel.Ticket] = "cancelled"
		}
	}
}

// collect records the new creations in the outboxes.
func (m *model) collect() {
	for _, sh := range m.state.shards {
		for _, item := range sh.outbox {
			if m.made[item.table()] != nil {
				continue
			}
			m.made[item.table()] = item.create
			for _, t := range item.tickets {
				if why := m.spent[t.id]; why != "" {
					m.t.Fatalf("ticket %d matched, but it is %s", t.id, why)
				}
			}
		}
	}
}

// session returns mostly the newest session of some player, sometimes an old one.
func (m *model) session() result {
	p := rapid.SampledFrom(m.sessions).Draw(m.t, "session")
	if rapid.IntRange(0, 9).Draw(m.t, "old") > 0 {
		for _, s := range m.sessions {
			if s.player == p.player {
				p = s
			}
		}
	}
	return p
}

func (m *model) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"guest":  func(t *rapid.T) { m.do(0, guest("")) },
		"resume": func(t *rapid.T) { m.do(1, resume(m.session().player)) },
		"join": func(t *rapid.T) {
			p := m.session()
			m.numbers[p.epoch]++
			c := join(p, m.numbers[p.epoch], rapid.SampledFrom([]string{"bench", "standard", "practice"}).Draw(t, "queue"))
			if rapid.Bool().Draw(t, "wishes") {
				c.GetJoin().Stake = rapid.SampledFrom([]uint32{0, 1, 2, 3, maxStake + 1}).Draw(t, "stake")
				c.GetJoin().Hands = rapid.SampledFrom([]uint32{0, 1, 3, 17}).Draw(t, "hands")
			}
			r := m.do(1, c).results[0]
			if r.code == wirepb.Code_OK && m.spent[r.ticket] != "" {
				t.Fatalf("ticket %d given out again", r.ticket)
			}
		},
		"cancel": func(t *rapid.T) {
			p := m.session()
			m.numbers[p.epoch]++
			ticket := rapid.Uint64Range(1, m.state.lastTicket+1).Draw(t, "ticket")
			if held := m.state.players[p.player]; held != nil && held.ticket != 0 {
				ticket = held.ticket
			}
			m.do(1, cancel(p, m.numbers[p.epoch], ticket))
		},
		"match": func(t *rapid.T) {
			advance := rapid.SampledFrom([]uint32{0, 20, 5_000, 20_000}).Draw(t, "advance")
			due, _ := m.state.matchDue(m.state.now + uint64(advance))
			if e := m.do(advance, matchWith(byte(m.events))); due != (len(e.outbox) > 0) {
				t.Fatalf("due %v, made tables %v", due, e.outbox)
			}
		},
		"created": func(t *rapid.T) {
			if len(m.made) == 0 {
				t.Skip("no table was made")
			}
			id := m.table()
			refused, known := m.answered[id]
			if !known {
				refused = rapid.Bool().Draw(t, "refused")
				m.answered[id] = refused
			}
			for _, n := range m.do(1, created(id, refused)).notices {
				if refused || m.spent[n.ticket] != "" {
					t.Fatalf("notice %+v of a ticket that is %q", n, m.spent[n.ticket])
				}
				m.spent[n.ticket] = "seated"
			}
		},
		"ended": func(t *rapid.T) {
			if len(m.made) == 0 {
				t.Skip("no table was made")
			}
			id := m.table()
			if refused, known := m.answered[id]; known && refused {
				t.Skip("the table was refused")
			}
			m.answered[id], m.over[id] = false, true
			var players []game.PlayerID
			for _, s := range m.made[id].Seats {
				players = append(players, game.PlayerID(s.Player))
			}
			m.do(1, ended(id, players...))
		},
		"again": func(t *rapid.T) {
			c := rapid.SampledFrom(m.sent).Draw(t, "command")
			if c.GetGuest() != nil || c.GetMatch() != nil {
				t.Skip("makes new things each time")
			}
			m.do(0, c)
		},
		"raise": func(t *rapid.T) {
			for _, n := range []string{"node-1", "node-2"} {
				m.do(0, reports(n, n+".disk", able()))
			}
			m.do(0, raise(newest))
			if Level(m.state.members) != newest {
				t.Fatalf("level %d", Level(m.state.members))
			}
			if rapid.Bool().Draw(t, "settings") { // the leader does so at once, but what was asked before comes first
				m.do(0, tookOverAt(newest, m.limits))
			}
		},
		"restore": func(t *rapid.T) {
			s, err := restore(m.twin.bytes())
			if err != nil {
				t.Fatal(err)
			}
			m.twin = s
		},
		"": m.invariants,
	}
}

func (m *model) table() game.TableID {
	var ids []game.TableID
	for _, sh := range m.state.shards {
		for seq := uint64(1); seq <= sh.lastSeq; seq++ {
			ids = append(ids, game.MakeTableID(sh.id, seq))
		}
	}
	return rapid.SampledFrom(ids).Draw(m.t, "table")
}

// invariants checks what must hold after every command.
func (m *model) invariants(t *rapid.T) {
	m.events++
	if !bytes.Equal(m.state.bytes(), m.twin.bytes()) {
		t.Fatal("twins differ")
	}
	m.consistent(t, m.state)
	m.consistent(t, m.twin)
}

func (m *model) consistent(t *rapid.T, s *state) {
	waiting, tickets := 0, 0
	for key, q := range s.queues {
		if len(q.tickets) == 0 {
			t.Fatalf("empty queue %v", key)
		}
		for i, tk := range q.tickets {
			if tk.table != 0 || tk.key != key || s.tickets[tk.id] != tk || i > 0 && q.tickets[i-1].id >= tk.id {
				t.Fatalf("ticket %+v in queue %v", tk, key)
			}
			waiting++
		}
	}
	for _, sh := range s.shards {
		open := 0
		for id := range s.tables {
			if id.Shard() == sh.id {
				open++
			}
		}
		if open != sh.open {
			t.Fatalf("shard %d counts %d tables, has %d", sh.id, sh.open, open)
		}
		for _, item := range sh.outbox {
			for _, tk := range item.tickets {
				if tk.table != item.table() || s.tickets[tk.id] != tk {
					t.Fatalf("ticket %+v in the outbox at %v", tk, item.table())
				}
				tickets++
			}
		}
	}
	if waiting != s.waiting || waiting+tickets != len(s.tickets) {
		t.Fatalf("%d tickets wait, %d are matched, of %d; counted %d", waiting, tickets, len(s.tickets), s.waiting)
	}
	if len(s.queues) > int(s.settings.GetMaxQueues()) {
		t.Fatalf("%d kinds of tables", len(s.queues))
	}
	for id, tb := range s.tables {
		if tb.modeKey != (modeKey{}) && (Level(s.members) < levelChoices || tb.name == "" || tb.mode == "") {
			t.Fatalf("table %v of %q at level %d", id, tb.modeKey, Level(s.members))
		}
	}
	idle := 0
	for id, p := range s.players {
		if p.id != id || p.ticket != 0 && p.table != 0 {
			t.Fatalf("player %+v", p)
		}
		if p.ticket != 0 && (s.tickets[p.ticket] == nil || s.tickets[p.ticket].player != id) {
			t.Fatalf("player %d lost ticket %d", id, p.ticket)
		}
		if p.table != 0 && (s.tables[p.table] == nil || m.over[p.table]) {
			t.Fatalf("player %d is bound to %v, which is no more", id, p.table)
		}
		if (p.idle != nil) != (p.ticket == 0 && p.table == 0) {
			t.Fatalf("player %+v on the wrong list", p)
		}
		if p.idle != nil {
			idle++
		}
	}
	if idle != s.idle.Len() || idle > int(s.settings.GetMaxIdle()) {
		t.Fatalf("%d idle players, %d on the list", idle, s.idle.Len())
	}
	for _, tk := range s.tickets {
		if s.players[tk.player] == nil || s.players[tk.player].ticket != tk.id {
			t.Fatalf("ticket %+v without its player", tk)
		}
	}
}

func (m *model) limits(s *coordpb.Settings) { s.MaxIdle, s.MaxTickets, s.MaxPending = 6, 12, 2 }

func TestStateMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{
			t: t, state: newState(), twin: newState(), numbers: map[uint64]uint64{},
			made: map[game.TableID]*linkpb.CreateTable{}, answered: map[game.TableID]bool{},
			over: map[game.TableID]bool{}, spent: map[uint64]string{},
		}
		level := rapid.Uint32Range(1, newest).Draw(t, "level")
		m.do(0, birthAt(level, "node-1", "node-2"), tookOverAt(level, m.limits))
		for range 6 {
			m.do(0, guest(""))
		}
		t.Repeat(m.actions())
	})
}

// TestRepeatedCommandsGetTheSameAnswer sends commands again, as a sender does after an unknown
// outcome.
func TestRepeatedCommandsGetTheSameAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, state: newState()}
		w.do(0, birthOf("node-1"), tookOver(nil))
		p := w.one(guest(""))
		number := uint64(0)
		for range rapid.IntRange(1, 10).Draw(t, "steps") {
			number += rapid.Uint64Range(1, 3).Draw(t, "step")
			c := join(p, number, rapid.SampledFrom([]string{"bench", "standard", "none"}).Draw(t, "queue"))
			if rapid.Bool().Draw(t, "cancel") {
				c = cancel(p, number, rapid.Uint64Range(0, w.lastTicket+1).Draw(t, "ticket"))
			}
			first := w.one(c)
			if rapid.Bool().Draw(t, "meanwhile") {
				w.do(20_000, matchWith(byte(number)))
			}
			before := w.bytes()
			if again := w.one(c); again != first || !bytes.Equal(before, w.bytes()) {
				t.Fatalf("number %d: %+v, then %+v", number, first, again)
			}
		}
	})
}
