package table

import (
	"google.golang.org/protobuf/proto"

	"teahouse/node/table/tablepb"
	"teahouse/pkg/wire/wirepb"
)

// archiveVersion is the version of the HandArchive messages written here.
const archiveVersion = 1

// record collects what the archive of the open hand needs.
type record struct {
	deal    []byte // the table right before the deal, without secrets; nil = no open hand
	seed    []byte
	entries []*wirepb.ArchiveEntry // append only; an entry is never modified
}

func (r *record) begin(t *Table, seed [32]byte) {
	*r = record{deal: encode(t.withoutSecrets()), seed: seed[:]}
	command := &tablepb.Command{Table: uint64(t.id), Body: &tablepb.Command_Deal{Deal: &tablepb.Deal{}}}
	r.entries = append(r.entries, &wirepb.ArchiveEntry{
		Kind: wirepb.ArchiveEntry_OTHER, LogMs: t.now, Term: t.term, Command: encode(command),
	})
}

// add records a command that has changed the table.
func (r *record) add(t *Table, e Entry) {
	if r.deal == nil {
		return
	}
	a := &wirepb.ArchiveEntry{LogMs: e.NowMS, Term: e.Term, Command: e.Raw}
	switch b := e.Command.GetBody().(type) {
	case *tablepb.Command_Move:
		i, _, _ := t.seatOf(b.Move.GetPlayer())
		a.Kind, a.Seat, a.Number, a.Prompt = wirepb.ArchiveEntry_MOVE, uint32(i), b.Move.GetNumber(), b.Move.GetPrompt()
		if b.Move.GetLagMs() != 0 { // a seat's line is nobody else's business
			m := proto.CloneOf(b.Move)
			m.LagMs = 0
			a.Command = encode(&tablepb.Command{Table: uint64(t.id), Body: &tablepb.Command_Move{Move: m}})
		}
	case *tablepb.Command_Deadline:
		a.Kind, a.Seat, a.Prompt = wirepb.ArchiveEntry_TIMER, b.Deadline.GetSeat(), b.Deadline.GetPrompt()
	case *tablepb.Command_Bot:
		a.Kind, a.Seat, a.Prompt = wirepb.ArchiveEntry_BOT, b.Bot.GetSeat(), b.Bot.GetPrompt()
	case *tablepb.Command_Attach:
		i, _, _ := t.seatOf(b.Attach.GetPlayer())
		a.Kind, a.Seat = wirepb.ArchiveEntry_ATTACH, uint32(i)
		// Players may read archives, and must not learn gateways and sessions.
		a.Command = encode(&tablepb.Command{Table: uint64(t.id), Body: &tablepb.Command_Attach{Attach: &tablepb.Attach{
			Player: b.Attach.GetPlayer(), Epoch: b.Attach.GetEpoch(), LastEvent: b.Attach.GetLastEvent(),
		}}})
	case *tablepb.Command_Detach:
		a.Kind, a.Seat = wirepb.ArchiveEntry_DETACH, b.Detach.GetSeat()
		a.Command = encode(&tablepb.Command{Table: uint64(t.id), Body: &tablepb.Command_Detach{
			Detach: &tablepb.Detach{Seat: b.Detach.GetSeat()},
		}})
	case *tablepb.Command_TookOver:
		a.Kind = wirepb.ArchiveEntry_TOOK_OVER
	default:
		a.Kind = wirepb.ArchiveEntry_OTHER
	}
	if a.Command == nil {
		a.Command = encode(e.Command)
	}
	r.entries = append(r.entries, a)
}

// finish returns the archive of the hand that ended and empties the record.
func (r *record) finish(t *Table) []byte {
	if t.secret == nil {
		*r = record{}
		return nil // a replay needs no archive
	}
	a := &wirepb.HandArchive{
		Version: archiveVersion, Table: uint64(t.id), Hand: t.hand,
		Snapshot: r.deal, Seed: r.seed, Entries: r.entries,
	}
	*r = record{}
	return encode(a)
}
