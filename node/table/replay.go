package table

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// Replay plays the hand of an archive (a wirepb.HandArchive) again. It returns the events of each seat,
// from HandStarted to HandEnded, with their numbers in the seat's stream. An archive is right if these
// are byte for byte the events that were pushed.
//
// hook, if not nil, is called after each entry with the table as it is then. It may read t.Hand and
// t.Events, but must not keep them.
func Replay(archive []byte, g game.Game, hook func(e *wirepb.ArchiveEntry, t *Table)) ([][]StreamEvent, error) {
	var a wirepb.HandArchive
	if err := proto.Unmarshal(archive, &a); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	if a.GetVersion() != archiveVersion || len(a.GetSeed()) != secretBytes {
		return nil, fmt.Errorf("archive: version %d, seed of %d bytes", a.GetVersion(), len(a.GetSeed()))
	}
	t, err := Restore(a.GetSnapshot(), func(string) (game.Game, bool) { return g, true })
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	if uint64(t.id) != a.GetTable() || t.hand+1 != a.GetHand() || t.secret != nil {
		return nil, fmt.Errorf("archive of table %v hand %d has a snapshot of another hand", game.TableID(a.GetTable()), a.GetHand())
	}
	before := make([]uint64, len(t.seats))
	for i, s := range t.seats {
		before[i] = s.stream.last()
	}
	for n, e := range a.GetEntries() {
		if err := t.replayEntry(e, [32]byte(a.GetSeed())); err != nil {
			return nil, fmt.Errorf("archive: entry %d: %w", n, err)
		}
		if hook != nil {
			hook(e, t)
		}
	}
	if t.phase == tablepb.Phase_PLAYING || t.hand != a.GetHand() {
		return nil, fmt.Errorf("archive: the hand does not end")
	}
	streams := make([][]StreamEvent, len(t.seats))
	for i := range t.seats {
		streams[i] = t.Events(i, before[i])
	}
	return streams, nil
}

// replayEntry applies one entry of an archive.
func (t *Table) replayEntry(e *wirepb.ArchiveEntry, seed [32]byte) error {
	var c tablepb.Command
	if err := proto.Unmarshal(e.GetCommand(), &c); err != nil {
		return err
	}
	_, deal := c.GetBody().(*tablepb.Command_Deal)
	if deal == (t.phase == tablepb.Phase_PLAYING) {
		return fmt.Errorf("%T in phase %v", c.GetBody(), t.phase)
	}
	var out Output
	if deal {
		t.now, t.term, t.out = e.GetLogMs(), e.GetTerm(), Output{}
		t.guard(func() { t.deal(seed) })
		out, t.out = t.out, Output{}
	} else {
		// Room is 0, so the hand after this one is not dealt.
		out = t.Apply(Entry{NowMS: e.GetLogMs(), Term: e.GetTerm(), Command: &c, Raw: e.GetCommand()})
	}
	switch {
	case out.Void != "":
		return fmt.Errorf("the table was voided: %s", out.Void)
	case out.Reply != nil && out.Reply.Code != wirepb.Code_OK && out.Reply.Code != wirepb.Code_RESUME_INVALID:
		return fmt.Errorf("refused: %v %s", out.Reply.Code, out.Reply.Detail)
	}
	return nil
}
