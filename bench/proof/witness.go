package proof

import (
	"encoding/json"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
	"teahouse/pkg/wire/wirepb"
)

// Witness makes records of what one seat is told. It is not safe for concurrent use.
type Witness struct {
	table   game.TableID
	seat    int
	opened  *wirepb.Opened
	hand    uint32 // the last one dealt
	ended   bool   // and has ended
	records map[uint32]*Record
	over    bool // the seeds are revealed
}

func NewWitness(table game.TableID, seat int) *Witness {
	return &Witness{table: table, seat: seat, records: make(map[uint32]*Record)}
}

// Contributed records that the seat's nonce for a hand was acknowledged.
func (w *Witness) Contributed(hand uint32, nonce []byte) {
	if r := w.records[hand]; r != nil {
		r.Nonce = nonce
	}
}

// Missed takes a snapshot in place of events that will never come: it forgets hands that were not
// seen completely.
func (w *Witness) Missed(v *wirepb.TableView) {
	maps.DeleteFunc(w.records, func(hand uint32, _ *Record) bool {
		return hand <= v.GetHand() && (hand > w.hand || hand == w.hand && !w.ended)
	})
	if v.GetOpened() != nil {
		w.opened = v.GetOpened()
	}
	w.dealt(v.GetHand())
	w.committed(v.GetCommitted())
	if v.GetRoundEnded() {
		w.revealed(v.GetRevealed())
	}
}

// Told takes the next event of the stream.
func (w *Witness) Told(e *wirepb.TableEvent) {
	switch b := e.GetBody().(type) {
	case *wirepb.TableEvent_Opened:
		w.opened = b.Opened
	case *wirepb.TableEvent_Committed:
		w.committed(b.Committed)
	case *wirepb.TableEvent_HandStarted:
		w.dealt(b.HandStarted.GetHand())
		if r := w.records[w.hand]; r != nil {
			r.Dealer = int(b.HandStarted.GetDealer())
		}
	case *wirepb.TableEvent_Game:
		if r := w.records[w.hand]; r != nil && r.Game == tablegame.Name {
			r.see(b.Game)
		}
	case *wirepb.TableEvent_HandEnded:
		w.ended = true
	case *wirepb.TableEvent_RoundEnded:
		w.revealed(b.RoundEnded.GetRevealed())
	}
}

func (w *Witness) dealt(hand uint32) {
	if hand > w.hand {
		w.hand, w.ended = hand, false
	}
}

// committed starts a record if the commitment comes before the deal. Only the first one counts.
func (w *Witness) committed(c *wirepb.Committed) {
	if w.opened == nil || c.GetHand() <= w.hand || w.records[c.GetHand()] != nil {
		return
	}
	r := &Record{
		Version: version,
		Table:   uint64(w.table), Hand: c.GetHand(), Seat: w.seat, Game: w.opened.GetGame(),
		Rules: json.RawMessage(w.opened.GetRules()), Commitment: c.GetCommitment(),
	}
	for _, s := range w.opened.GetSeats() {
		r.Players = append(r.Players, s.GetPlayer())
	}
	w.records[r.Hand] = r
}

func (w *Witness) revealed(all []*wirepb.Revealed) {
	w.over = true
	for _, told := range all {
		if r := w.records[told.GetHand()]; r != nil {
			r.Seed, r.Nonces = told.GetSeed(), nil
			for _, n := range told.GetNonces() {
				r.Nonces = append(r.Nonces, n)
			}
		}
	}
}

// Records returns the dealt hands of a finished round, in order; none before.
func (w *Witness) Records() []*Record {
	if !w.over {
		return nil
	}
	var all []*Record
	for _, hand := range slices.Sorted(maps.Keys(w.records)) {
		if hand <= w.hand {
			all = append(all, w.records[hand])
		}
	}
	return all
}

// see records what a mahjong event shows of the wall.
func (r *Record) see(payload []byte) {
	var e mahjongpb.Event
	if proto.Unmarshal(payload, &e) != nil {
		return // the audit counts it
	}
	switch b := e.GetBody().(type) {
	case *mahjongpb.Event_Deal:
		for _, t := range b.Deal.GetHand() {
			r.Dealt = append(r.Dealt, int(t))
		}
	case *mahjongpb.Event_Swapped:
		r.Direction = int(b.Swapped.GetDirection())
	case *mahjongpb.Event_Draw:
		d := Draw{Seat: int(b.Draw.GetSeat())}
		if b.Draw.Tile != nil {
			tile := int(b.Draw.GetTile())
			d.Tile = &tile
		}
		r.Draws = append(r.Draws, d)
	}
}
