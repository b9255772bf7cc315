package audit

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
	"teahouse/pkg/wire/wirepb"
)

// replay replays a hand and compares it with what the seats sent and received.
func (c *checker) replay(hand uint32) {
	archive := c.table.Hands[hand].Archive
	if archive == nil {
		c.blind = true
		if (len(c.table.Hands[hand].Scores) > 0 || c.table.Unscored) && !c.allCut() { // of a round that runs nobody reads archives
			c.HandsUnsettled++
			c.note("table %v hand %d has no archive", c.table.ID, hand)
		}
		return
	}
	r := &replayed{c: c, hand: hand}
	err := r.begin(archive)
	if err == nil {
		_, err = table.Replay(archive, c.game, r.entry)
	}
	if err != nil {
		c.blind = true
		c.EventsWrong++
		c.note("table %v hand %d: %v", c.table.ID, hand, err)
	}
	r.end()
}

// replayed is a hand during its replay.
type replayed struct {
	c     *checker
	hand  uint32
	seats []*place
	views []view
}

// place is the position of one of our seats in the replay.
type place struct {
	*seatCheck
	seat  int
	reach reach
	keeps game.Follower // the view, as a client keeps it
}

// view is a snapshot of this hand that a seat received.
type view struct {
	p      *place
	number uint64
	m      *wirepb.TableView
	equal  bool // to what the seat could see at that number, at some moment
	hidden int  // tiles that it could not know, at the last comparison
}

// begin finds the seats, and the position of their streams just before the deal.
func (r *replayed) begin(archive []byte) error {
	var a wirepb.HandArchive
	if err := proto.Unmarshal(archive, &a); err != nil {
		return err
	}
	var before tablepb.Table
	if err := proto.Unmarshal(a.GetSnapshot(), &before); err != nil {
		return err
	}
	if a.GetTable() != uint64(r.c.table.ID) || a.GetHand() != r.hand {
		return fmt.Errorf("the archive is that of table %v hand %d", game.TableID(a.GetTable()), a.GetHand())
	}
	for _, s := range r.c.seats {
		seat := slices.IndexFunc(before.GetSeats(), func(p *tablepb.Seat) bool { return p.GetPlayer() == uint64(s.Player) })
		if seat < 0 {
			return fmt.Errorf("player %d is not in the archive", s.Player)
		}
		last := before.GetSeats()[seat].GetDropped()
		p := &place{seatCheck: s, seat: seat, reach: reach{last + 1, last}}
		var err error
		if p.keeps, err = r.c.game.Follow(seat, before.GetRules(), nil); err != nil {
			return err
		}
		r.seats = append(r.seats, p)
		for _, snap := range s.Stream.snapshots {
			m := new(wirepb.TableView)
			if err := proto.Unmarshal(snap.payload, m); err != nil {
				return fmt.Errorf("player %d snapshot at %d: %w", s.Player, snap.number, err)
			}
			if m.GetHand() == r.hand {
				r.views = append(r.views, view{p: p, number: snap.number, m: m})
			}
		}
	}
	return nil
}

// entry checks what one entry of the archive has done.
func (r *replayed) entry(e *wirepb.ArchiveEntry, t *table.Table) {
	for _, p := range r.seats {
		switch {
		case int(e.GetSeat()) != p.seat:
		case e.GetKind() == wirepb.ArchiveEntry_MOVE:
			r.move(p, e)
		case e.GetKind() == wirepb.ArchiveEntry_TIMER && e.GetPrompt() != 0:
			r.timedOut(p, e.GetPrompt())
		}
		for _, told := range t.Events(p.seat, p.reach.last) {
			p.reach.last = told.Number
			r.event(p, told)
			r.keep(p, told)
		}
		if hand := t.Hand(); hand != nil && p.keeps != nil && !bytes.Equal(p.keeps.View(), hand.View(p.seat)) {
			r.c.EventsWrong++
			r.c.note("table %v hand %d player %d: by the events up to %d the view is another one", r.c.table.ID, r.hand, p.Player, p.reach.last)
			p.keeps = nil // once is enough
		}
	}
	for i := range r.views {
		r.look(&r.views[i], t)
	}
}

// timedOut judges a question that nobody answered in time. The client could have answered if it
// had the question for half of the time, as it has itself taken the other half for thinking,
// before it heard what came of that.
func (r *replayed) timedOut(p *place, prompt uint64) {
	asked, known := p.Stream.when(prompt)
	payload, _ := p.Stream.at(prompt)
	var m wirepb.TableEvent
	if !known || proto.Unmarshal(payload, &m) != nil || m.GetPrompt() == nil {
		r.c.Unreachable++ // it has not even heard the question
		return
	}
	limit := time.Duration(m.GetPrompt().GetLimitMs()) * time.Millisecond
	if limit == 0 { // there is none: the table has waited for an hour
		limit = time.Hour
	}
	end := asked.Add(limit)
	if next, ok := p.Stream.when(p.reach.last + 1); ok && next.Before(end) {
		end = next
	}
	if !p.Cut.IsZero() && p.Cut.Before(end) {
		end = p.Cut
	}
	had := end.Sub(asked)
	if p.Out != nil {
		had -= p.Out(asked, end)
	}
	if had < limit/2 {
		r.c.Unreachable++
		return
	}
	r.c.PromptsTimedOut++
	r.c.note("table %v hand %d player %d: prompt %d timed out", r.c.table.ID, r.hand, p.Player, prompt)
}

// move finds the client's side of a recorded move.
func (r *replayed) move(s *place, e *wirepb.ArchiveEntry) {
	c := r.c
	key := moveKey{s.Player, e.GetNumber()}
	if c.numbers[key] {
		c.DuplicateMoves++
		c.note("table %v hand %d player %d: move %d stands twice", c.table.ID, r.hand, s.Player, e.GetNumber())
	}
	c.numbers[key] = true
	var command tablepb.Command
	if err := proto.Unmarshal(e.GetCommand(), &command); err != nil {
		return // the replay has already failed
	}
	m := s.moves[e.GetPrompt()]
	if m == nil || m.Hash != HashMove(command.GetMove().GetMove()) || m.Number != 0 && m.Number != e.GetNumber() {
		c.DuplicateMoves++
		c.note("table %v hand %d player %d: nobody has sent move %d, on prompt %d", c.table.ID, r.hand, s.Player, e.GetNumber(), e.GetPrompt())
		return
	}
	m.found = true
}

// event compares an event with what the seat received under its number.
func (r *replayed) event(s *place, told table.StreamEvent) {
	got, ok := s.Stream.at(told.Number)
	if !ok {
		// Whoever was cut off in the midst of the hand was told no more of it.
		if cut := !s.Cut.IsZero() && told.Number > s.Stream.last; !cut && !s.Stream.skipped(told.Number) {
			r.c.EventsWrong++
			r.c.note("table %v hand %d player %d: event %d never came", r.c.table.ID, r.hand, s.Player, told.Number)
		}
		return
	}
	if !bytes.Equal(got, told.Payload) {
		r.c.EventsWrong++
		r.c.note("table %v hand %d player %d: event %d is not that of the replay", r.c.table.ID, r.hand, s.Player, told.Number)
	}
	var m wirepb.TableEvent
	if proto.Unmarshal(got, &m) == nil {
		r.c.tiles(s.seatCheck, s.seat, told.Number, &m)
	}
}

// keep tells a seat's follower of an event.
func (r *replayed) keep(p *place, told table.StreamEvent) {
	var m wirepb.TableEvent
	if p.keeps == nil || proto.Unmarshal(told.Payload, &m) != nil {
		return
	}
	if payload, is := m.Body.(*wirepb.TableEvent_Game); is {
		if err := p.keeps.Told(payload.Game); err != nil {
			r.c.EventsWrong++
			r.c.note("table %v hand %d player %d: event %d cannot be followed: %v", r.c.table.ID, r.hand, p.Player, told.Number, err)
			p.keeps = nil
		}
	}
}

// look compares a snapshot with what the seat can see now. Some entries advance no stream, so one
// of the moments with that number must fit.
func (r *replayed) look(v *view, t *table.Table) {
	p := v.p
	over := t.Phase() != tablepb.Phase_PLAYING
	if p.reach.last != v.number && !(over && v.number > p.reach.last) {
		return
	}
	v.equal = v.equal || bytes.Equal(v.m.GetGame(), t.Hand().View(p.seat))
	v.hidden = r.c.hidden(p.seat, v.m.GetGame(), new(mahjongpb.View)) +
		r.c.hidden(p.seat, v.m.GetPrompt().GetPrompt().GetGame(), new(mahjongpb.Prompt))
}

// end finishes the hand's checks.
func (r *replayed) end() {
	for _, p := range r.seats {
		p.covered = append(p.covered, p.reach)
	}
	for _, v := range r.views {
		if !v.equal {
			r.c.EventsWrong++
			r.c.note("table %v hand %d player %d: the snapshot at %d is not what the seat could see", r.c.table.ID, r.hand, v.p.Player, v.number)
		}
		r.c.HiddenTilesSeen += v.hidden
	}
}

// tiles counts the tiles in an event that seat cannot know now.
func (c *checker) tiles(s *seatCheck, seat int, number uint64, e *wirepb.TableEvent) {
	n := 0
	switch b := e.Body.(type) {
	case *wirepb.TableEvent_Game:
		n = c.hidden(seat, b.Game, new(mahjongpb.Event))
	case *wirepb.TableEvent_Prompt:
		n = c.hidden(seat, b.Prompt.GetGame(), new(mahjongpb.Prompt))
	case *wirepb.TableEvent_HandEnded:
		n = c.hidden(seat, b.HandEnded.GetGame(), new(mahjongpb.Summary))
	}
	if n > 0 {
		c.HiddenTilesSeen += n
		c.note("table %v player %d event %d shows %d hidden tiles", c.table.ID, s.Player, number, n)
	}
}

// hidden counts them in a payload that only the game can read.
func (c *checker) hidden(seat int, payload []byte, m proto.Message) int {
	if c.open || proto.Unmarshal(payload, m) != nil {
		return 0 // nothing is hidden, or the payload differs from the replay's anyway
	}
	return c.known.Hidden(seat, m)
}
