package coordinator

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/versions"
)

const snapshotVersion = 1

// image is a copy of the state that can be written while the state changes. To keep the copying short,
// the long lists are copied as they are and are sorted and encoded only by WriteTo.
type image struct {
	rest    *coordpb.Snapshot // all but players and waiting tickets
	players []player
	waiting []ticket
}

// snapshot copies the state. Values that are never modified (settings, members, creations, last
// answers) are shared.
func (s *state) snapshot() *image {
	out := &coordpb.Snapshot{
		Version: snapshotVersion, NowMs: s.now, Cluster: s.cluster, Settings: s.settings, Members: s.members,
		LastPlayer: s.lastPlayer, LastTicket: s.lastTicket, LastEpoch: s.lastEpoch,
		Replacement: s.replacing.message(),
	}
	for _, sh := range s.shards {
		out.Shards = append(out.Shards, sh.message())
	}
	out.Idle = make([]uint64, 0, s.idle.Len())
	for e := s.idle.Front(); e != nil; e = e.Next() {
		out.Idle = append(out.Idle, uint64(e.Value.(*player).id))
	}
	for _, id := range slices.Sorted(maps.Keys(s.tables)) {
		t := &coordpb.Table{Id: uint64(id), Queue: s.tables[id].name, Mode: s.tables[id].mode}
		for _, p := range s.tables[id].players {
			t.Players = append(t.Players, uint64(p))
		}
		out.Tables = append(out.Tables, t)
	}
	i := &image{rest: out, players: make([]player, 0, len(s.players)), waiting: make([]ticket, 0, s.waiting)}
	for _, p := range s.players {
		i.players = append(i.players, *p)
	}
	for _, q := range s.queues {
		for _, t := range q.tickets {
			i.waiting = append(i.waiting, *t)
		}
	}
	return i
}

// WriteTo writes the image. Equal states give equal bytes.
func (i *image) WriteTo(w io.Writer) (int64, error) {
	slices.SortFunc(i.players, func(a, b player) int { return cmp.Compare(a.id, b.id) })
	slices.SortFunc(i.waiting, func(a, b ticket) int { return cmp.Compare(a.id, b.id) })
	out := i.rest
	out.Players, out.Waiting = nil, nil
	for n := range i.players {
		out.Players = append(out.Players, i.players[n].message())
	}
	for n := range i.waiting {
		out.Waiting = append(out.Waiting, i.waiting[n].message())
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(out)
	if err != nil {
		return 0, err
	}
	n, err := w.Write(data)
	return int64(n), err
}

func (sh *shard) message() *coordpb.Shard {
	m := &coordpb.Shard{Id: uint32(sh.id), Replicas: sh.replicas, LastSeq: sh.lastSeq, RefusedUntilMs: sh.refusedUntil}
	for _, item := range sh.outbox {
		p := &coordpb.Pending{Create: item.create, SinceMs: item.sinceMs}
		for _, t := range item.tickets {
			p.Tickets = append(p.Tickets, t.message())
		}
		m.Outbox = append(m.Outbox, p)
	}
	return m
}

func (t *ticket) message() *coordpb.Ticket {
	return &coordpb.Ticket{
		Id: t.id, Player: uint64(t.player), Rating: t.rating, JoinedMs: t.joinedMs,
		Queue: t.key.name, Mode: t.key.mode, Stake: t.key.stake, Hands: t.key.hands,
	}
}

func (p *player) message() *coordpb.Player {
	m := &coordpb.Player{
		Id: uint64(p.id), Name: p.name, Epoch: p.epoch,
		Place:  &coordpb.Place{Gateway: p.gateway, Session: p.session},
		Device: p.device, Attempt: p.attempt,
		Ticket: p.ticket, Table: uint64(p.table),
	}
	if p.last != nil {
		m.Last = &coordpb.Pair{
			Number: p.last.number, Hash: p.last.hash[:], Code: uint32(p.last.result.code),
			Ticket: p.last.result.ticket, Table: uint64(p.last.result.table),
		}
	}
	return m
}

// restore reads what image.WriteTo wrote. Damaged input is an error.
func restore(data []byte) (*state, error) {
	in := &coordpb.Snapshot{}
	if err := proto.Unmarshal(data, in); err != nil {
		return nil, fmt.Errorf("coordinator: snapshot: %w", err)
	}
	if in.GetVersion() != snapshotVersion {
		return nil, fmt.Errorf("coordinator: %w", raftgroup.Halt{
			Reason: fmt.Sprintf("a snapshot of version %d, this binary knows %d", in.GetVersion(), snapshotVersion),
		})
	}
	if what := versions.Unknown(in); what != "" {
		return nil, fmt.Errorf("coordinator: snapshot: %w", raftgroup.Halt{Reason: what})
	}
	s := newState()
	s.now, s.cluster, s.settings = in.GetNowMs(), in.GetCluster(), in.GetSettings()
	s.lastPlayer, s.lastTicket, s.lastEpoch = in.GetLastPlayer(), in.GetLastTicket(), in.GetLastEpoch()
	s.replacing = restoreReplacement(in.GetReplacement())
	if in.GetMembers() != nil {
		s.members = in.GetMembers()
	}
	if err := errors.Join(s.restorePlayers(in), s.restoreShards(in), s.restoreTickets(in), s.restoreTables(in)); err != nil {
		return nil, fmt.Errorf("coordinator: snapshot: %w", err)
	}
	if s.settings != nil && !validSettings(s.settings) {
		return nil, errors.New("coordinator: snapshot: invalid settings")
	}
	return s, nil
}

func (s *state) restorePlayers(in *coordpb.Snapshot) error {
	for _, m := range in.GetPlayers() {
		p := &player{
			id: game.PlayerID(m.GetId()), name: m.GetName(), epoch: m.GetEpoch(),
			gateway: m.GetPlace().GetGateway(), session: m.GetPlace().GetSession(),
			device: m.GetDevice(), attempt: m.GetAttempt(),
			ticket: m.GetTicket(), table: game.TableID(m.GetTable()),
		}
		if last := m.GetLast(); last != nil {
			if len(last.GetHash()) != len(pair{}.hash) {
				return fmt.Errorf("hash of %d bytes", len(last.GetHash()))
			}
			p.last = &pair{number: last.GetNumber(), hash: [32]byte(last.GetHash()), result: result{
				code: game.Code(last.GetCode()), ticket: last.GetTicket(), table: game.TableID(last.GetTable()),
			}}
		}
		s.players[p.id] = p
	}
	for _, id := range in.GetIdle() {
		p := s.players[game.PlayerID(id)]
		if p == nil || p.idle != nil || p.ticket != 0 || p.table != 0 {
			return fmt.Errorf("player %d cannot be idle", id)
		}
		p.idle = s.idle.PushBack(p)
	}
	return nil
}

func (s *state) restoreShards(in *coordpb.Snapshot) error {
	for i, m := range in.GetShards() {
		sh := &shard{
			id: game.GroupID(m.GetId()), replicas: m.GetReplicas(),
			lastSeq: m.GetLastSeq(), refusedUntil: m.GetRefusedUntilMs(),
		}
		if int(sh.id) != i+1 {
			return fmt.Errorf("shard %d stands at position %d", sh.id, i+1)
		}
		s.shards = append(s.shards, sh)
		var last uint64
		for _, p := range m.GetOutbox() {
			item := &pending{create: p.GetCreate(), sinceMs: p.GetSinceMs()}
			if item.create == nil || item.table().Shard() != sh.id || item.table().Seq() <= last {
				return fmt.Errorf("outbox of shard %d is out of order", sh.id)
			}
			last = item.table().Seq()
			for _, t := range p.GetTickets() {
				tk, err := s.restoreTicket(t)
				if err != nil {
					return err
				}
				tk.table = item.table()
				item.tickets = append(item.tickets, tk)
			}
			sh.outbox = append(sh.outbox, item)
		}
	}
	return nil
}

func (s *state) restoreTickets(in *coordpb.Snapshot) error {
	for _, m := range in.GetWaiting() {
		t, err := s.restoreTicket(m)
		if err != nil {
			return err
		}
		s.enqueue(t)
	}
	return nil
}

func (s *state) restoreTicket(m *coordpb.Ticket) (*ticket, error) {
	t := &ticket{
		id: m.GetId(), player: game.PlayerID(m.GetPlayer()), rating: m.GetRating(), joinedMs: m.GetJoinedMs(),
		key: queueKey{modeKey{m.GetQueue(), m.GetMode()}, m.GetStake(), m.GetHands()},
	}
	if p := s.players[t.player]; p == nil || p.ticket != t.id || s.tickets[t.id] != nil {
		return nil, fmt.Errorf("ticket %d and its player do not match", t.id)
	}
	s.tickets[t.id] = t
	return t, nil
}

func (s *state) restoreTables(in *coordpb.Snapshot) error {
	for _, m := range in.GetTables() {
		id := game.TableID(m.GetId())
		sh := s.shard(id.Shard())
		if sh == nil || s.tables[id] != nil {
			return fmt.Errorf("table %v has no shard or is listed twice", id)
		}
		t := &roomTable{modeKey: modeKey{m.GetQueue(), m.GetMode()}}
		for _, n := range m.GetPlayers() {
			t.players = append(t.players, game.PlayerID(n))
		}
		s.tables[id] = t
		sh.open++
	}
	return nil
}
