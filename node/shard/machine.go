package shard

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/versions"
	"teahouse/pkg/wire/wirepb"
)

// maxTableBytes bounds one table in a snapshot.
const maxTableBytes = 64 << 20

// Apply implements raftgroup.Machine. It also sends answers and pushes, in the order of the log.
func (s *Shard) Apply(e raftgroup.Entry) any {
	b, commands, unknown := s.read(e.Data)
	if unknown != "" {
		return raftgroup.Halt{Reason: unknown}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.applied = e.Index
	if e.Term != s.pushing {
		s.pushing, s.touched = 0, nil
	}
	ours := b.GetOrigin() == s.origin
	var waiting []item
	if ours {
		waiting = s.inbox.claim(b.GetNumber())
	}
	s.state.now += min(b.GetAdvanceMs(), maxAdvanceMS)
	for i, raw := range b.GetCommands() {
		var reply func(*table.Reply)
		if i < len(waiting) {
			reply = waiting[i].answer
		}
		c := &commands[i]
		s.state.apply(&s.cfg, e.Term, c, raw, func(t *table.Table, out table.Output) {
			s.deliver(t, c, out, reply)
		})
		if _, is := c.GetBody().(*tablepb.Command_TookOver); is && ours && s.inbox.announce(e.Term) {
			s.pushing = e.Term
			s.touched = slices.Sorted(maps.Keys(s.state.tables))
		}
	}
	s.tables.Store(int64(len(s.state.tables)))
	return nil
}

// deliver sends the output of a command: first the reply, then the pushes.
func (s *Shard) deliver(t *table.Table, c *tablepb.Command, out table.Output, reply func(*table.Reply)) {
	if out.Void != "" {
		s.voided.Add(1)
		s.cfg.Logger.Error("table is void", "table", t.ID().String(), "why", out.Void)
	}
	if reply != nil {
		if out.Reply == nil {
			out.Reply = internalError("the command gave no reply")
		}
		reply(out.Reply)
	}
	if s.pushing == 0 || t == nil {
		return
	}
	if _, bot := c.GetBody().(*tablepb.Command_Bot); bot && out.Reply != nil &&
		out.Reply.Code != wirepb.Code_OK && out.Reply.Code != wirepb.Code_PROMPT_GONE {
		s.cfg.Logger.Error("bot's move was refused", "table", t.ID().String(), "code", out.Reply.Code)
	}
	for i := range out.Pushes {
		p := &out.Pushes[i]
		s.cfg.Push(p.Gateway, &linkpb.Push{
			Session: p.Session, Epoch: p.Epoch, Kind: p.Kind, Table: uint64(t.ID()), Number: p.Number, Payload: p.Payload, AgeMs: p.AgeMS,
		})
	}
	if t.Unsettled() > 0 || t.Phase() >= tablepb.Phase_ENDED || t.HasBots() {
		s.touched = append(s.touched, t.ID())
	}
}

// Snapshot implements raftgroup.Machine. It only collects the messages; WriteTo marshals them, which
// takes longer and needs no lock.
func (s *Shard) Snapshot() (w io.WriterTo, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("shard: snapshot: panicked with a %T", p) // its text may show hidden tiles
		}
	}()
	snap := &snapshot{head: &tablepb.Shard{
		NowMs: s.state.now, Created: s.state.created, Refused: slices.Clone(s.state.refused),
		UnsettledBound: uint32(s.state.bound), Tables: uint64(len(s.state.tables)),
	}}
	for _, id := range slices.Sorted(maps.Keys(s.state.tables)) {
		snap.tables = append(snap.tables, s.state.tables[id].Message())
	}
	return snap, nil
}

type snapshot struct {
	head   *tablepb.Shard
	tables []*tablepb.Table
}

// WriteTo writes the head and the tables, each with its length in front.
func (s *snapshot) WriteTo(w io.Writer) (int64, error) {
	buf := bufio.NewWriterSize(w, 1<<16)
	opts := protodelim.MarshalOptions{MarshalOptions: proto.MarshalOptions{Deterministic: true}}
	n, err := opts.MarshalTo(buf, s.head)
	total := int64(n)
	for _, t := range s.tables {
		if err != nil {
			return total, err
		}
		n, err = opts.MarshalTo(buf, t)
		total += int64(n)
	}
	return total, errors.Join(err, buf.Flush())
}

// Restore implements raftgroup.Machine.
func (s *Shard) Restore(r io.Reader) error {
	in := bufio.NewReaderSize(r, 1<<16)
	opts := protodelim.UnmarshalOptions{MaxSize: maxTableBytes}
	var head tablepb.Shard
	if err := opts.UnmarshalFrom(in, &head); err != nil {
		return fmt.Errorf("shard: snapshot: %w", err)
	}
	if what := versions.Unknown(&head); what != "" {
		return fmt.Errorf("shard: snapshot: %w", raftgroup.Halt{Reason: what})
	}
	st := newState()
	st.now, st.created, st.refused, st.bound = head.GetNowMs(), head.GetCreated(), head.GetRefused(), int(head.GetUnsettledBound())
	for range head.GetTables() {
		var m tablepb.Table
		if err := opts.UnmarshalFrom(in, &m); err != nil {
			return fmt.Errorf("shard: snapshot: %w", err)
		}
		if what := s.unknownTable(&m); what != "" {
			return fmt.Errorf("shard: snapshot: %w", raftgroup.Halt{Reason: what})
		}
		t, err := table.FromMessage(&m, func(name string) (game.Game, bool) { g, ok := s.cfg.Games[name]; return g, ok })
		if err != nil { // not corruption: raft has verified the checksum. The error text may show tiles, so it is left out.
			return fmt.Errorf("shard: snapshot: %w", raftgroup.Halt{
				Reason: fmt.Sprintf("table %v of the game %.64q cannot be read", game.TableID(m.GetId()), m.GetGame()),
			})
		}
		st.tables[t.ID()] = t
		st.unsettled += t.Unsettled()
		st.deadlines.set(t)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.refusals = s.state.refusals
	s.state = st
	s.pushing, s.touched = 0, nil
	s.tables.Store(int64(len(st.tables)))
	return nil
}
