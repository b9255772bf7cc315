package table

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
)

// Message returns the exact state of the table. It shares the bytes of events and records with the
// table, which never modifies those, so it may be marshalled later while the table changes.
func (t *Table) Message() *tablepb.Table {
	m := t.message()
	m.Secret, m.ToldVersion = t.secret, t.game.Version()
	if t.play != nil {
		m.Play = t.play.Snapshot()
	}
	m.Deal, m.Seed = t.record.deal, t.record.seed
	m.Entries = t.record.entries[:len(t.record.entries):len(t.record.entries)]
	m.Pending = t.pending[:len(t.pending):len(t.pending)]
	m.Committed, m.Mixes, m.Delayed = t.committed, t.mixes[:len(t.mixes):len(t.mixes)], t.delayed
	if len(t.turn.seats) > 0 {
		m.Turn = &tablepb.Turn{Seats: t.turn.seats, OpenedMs: t.turn.opened, LimitMs: t.turn.limit}
	}
	for i, s := range t.seats {
		p := m.Seats[i]
		p.Nonce = s.nonce
		p.Gateway, p.Session = s.gateway, s.session
		p.Dropped, p.HandEnd = s.stream.dropped, s.stream.handEnd
		p.Events = s.stream.events[:len(s.stream.events):len(s.stream.events)]
		if t.clock() != nil {
			p.GraceMs, p.Happened = s.grace, s.stream.steps()
		}
	}
	return m
}

// withoutSecrets returns the state right before a deal as archives hold it: without the secret, the previous hand,
// gateways and sessions, and with empty streams that keep their numbers.
func (t *Table) withoutSecrets() *tablepb.Table {
	m := t.message()
	for _, p := range t.pending {
		m.Pending = append(m.Pending, &tablepb.Pending{Hand: p.GetHand()})
	}
	for i, s := range t.seats {
		m.Seats[i].Dropped = s.stream.last()
		m.Seats[i].HandEnd = min(s.stream.handEnd, s.stream.last())
	}
	return m
}

// message returns what Message and withoutSecrets have in common.
func (t *Table) message() *tablepb.Table {
	m := &tablepb.Table{
		Id: uint64(t.id), Game: t.game.Name(), GameVersion: t.version, Rules: t.rules, Hands: t.hands, Stake: t.stake, Queue: t.queue,
		Timing: t.timing, Phase: t.phase, Hand: t.hand, Dealer: uint32(t.dealer), NextDealer: uint32(t.next),
		Voided: t.voided, Timer: t.timer, TimerDueMs: t.timerDue,
	}
	for _, s := range t.seats {
		p := &tablepb.Seat{
			Player: uint64(s.player), Name: s.name, Total: s.total, Left: s.left,
			Auto: s.auto, AutoShown: s.autoShown, Unattended: s.unattended, Timeouts: s.timeouts, Switches: s.switches,
			Attached: s.attached, Attachment: s.attachment, Epoch: s.epoch, Number: s.number, Hash: s.hash,
			ReserveMs: s.reserve, Ready: s.ready, Here: s.here, Comings: s.comings,
		}
		if s.prompt.number != 0 {
			p.Prompt = &tablepb.Prompt{
				Number: s.prompt.number, Serial: s.prompt.serial, OpenedMs: s.prompt.opened,
				LimitMs: s.prompt.limit, DueMs: s.prompt.due, Secret: s.prompt.secret, ReserveMs: s.prompt.reserve,
			}
		}
		m.Seats = append(m.Seats, p)
	}
	return m
}

// Restore makes a table from a marshalled Message. games finds a game by name.
func Restore(snapshot []byte, games func(name string) (game.Game, bool)) (*Table, error) {
	var m tablepb.Table
	if err := proto.Unmarshal(snapshot, &m); err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	return FromMessage(&m, games)
}

// FromMessage is the inverse of Message. The table keeps parts of m.
func FromMessage(m *tablepb.Table, games func(name string) (game.Game, bool)) (*Table, error) {
	id := game.TableID(m.GetId())
	g, ok := games(m.GetGame())
	switch {
	case !ok || g.Name() != m.GetGame():
		return nil, fmt.Errorf("table %v: game %q is not known", id, m.GetGame())
	case m.GetGameVersion() > g.Version():
		return nil, fmt.Errorf("table %v: version %d of %s, this binary knows up to %d", id, m.GetGameVersion(), g.Name(), g.Version())
	case len(m.GetSeats()) != g.Seats() || g.Seats() > MaxSeats:
		return nil, fmt.Errorf("table %v: %d seats", id, len(m.GetSeats()))
	case int(m.GetDealer()) >= g.Seats() || int(m.GetNextDealer()) >= g.Seats():
		return nil, fmt.Errorf("table %v: dealers %d, %d", id, m.GetDealer(), m.GetNextDealer())
	case m.GetPhase() == tablepb.Phase_PLAYING && m.GetPlay() == nil:
		return nil, fmt.Errorf("table %v is in phase PLAYING without a hand", id)
	}
	t := &Table{
		game: g, version: m.GetGameVersion(), id: id, secret: m.GetSecret(), rules: m.GetRules(), hands: m.GetHands(), stake: m.GetStake(),
		queue: m.GetQueue(), timing: m.GetTiming(), phase: m.GetPhase(), hand: m.GetHand(),
		dealer: int(m.GetDealer()), next: int(m.GetNextDealer()), voided: m.GetVoided(),
		timer: m.GetTimer(), timerDue: m.GetTimerDueMs(), pending: m.GetPending(),
		committed: m.GetCommitted(), mixes: m.GetMixes(), delayed: m.GetDelayed(),
		record: record{deal: m.GetDeal(), seed: m.GetSeed(), entries: m.GetEntries()},
	}
	if t.timing == nil {
		t.timing = &tablepb.Timing{}
	}
	if m.GetPlay() != nil {
		play, err := g.Restore(m.GetPlay())
		if err != nil {
			return nil, fmt.Errorf("table %v: %w", id, err)
		}
		t.play = play
	}
	for _, p := range m.GetSeats() {
		s := &seat{
			player: game.PlayerID(p.GetPlayer()), name: p.GetName(), total: p.GetTotal(), left: p.GetLeft(),
			auto: p.GetAuto(), autoShown: p.GetAutoShown(), unattended: p.GetUnattended(), timeouts: p.GetTimeouts(), switches: p.GetSwitches(),
			attached: p.GetAttached(), attachment: p.GetAttachment(),
			epoch: p.GetEpoch(), gateway: p.GetGateway(), session: p.GetSession(), number: p.GetNumber(), hash: p.GetHash(),
			nonce:   p.GetNonce(),
			reserve: p.GetReserveMs(), grace: p.GetGraceMs(), ready: p.GetReady(), here: p.GetHere(), comings: p.GetComings(),
			stream: stream{dropped: p.GetDropped(), events: p.GetEvents(), handEnd: p.GetHandEnd()},
		}
		s.stream.walk(p.GetHappened())
		if max(m.GetToldVersion(), 1) < g.Version() {
			// What an earlier build told, today's clients may read as something else: they
			// are given the view instead.
			s.stream.forget()
		}
		if q := p.GetPrompt(); q != nil {
			s.prompt = prompt{
				number: q.GetNumber(), serial: q.GetSerial(), opened: q.GetOpenedMs(),
				limit: q.GetLimitMs(), due: q.GetDueMs(), secret: q.GetSecret(), reserve: q.GetReserveMs(),
			}
		}
		t.seats = append(t.seats, s)
	}
	if q := m.GetTurn(); q != nil {
		t.turn = turn{seats: q.GetSeats(), opened: q.GetOpenedMs(), limit: q.GetLimitMs()}
	}
	t.opened = t.makeOpened()
	return t, nil
}
