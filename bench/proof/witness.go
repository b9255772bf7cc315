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

// Witness makes records of what one seat is told. It is not safe for concurrent
// use.
type Witness struct {
	table   game.TableID
	seat    int
	opened  *wirepb.Opened
	hand    uint32 // that is being played
	records map[uint32]*Record
	over    bool // the seeds are revealed
}

// NewWitness begins with nothing told.
func NewWitness(table game.TableID, seat int) *Witness {
	return &Witness{table: table, seat: seat, records: make(map[uint32]*Record)}
}

// Contributed notes that the seat's nonce for a hand was acknowledged.
func (w *Witness) Contributed(hand uint32, nonce []byte) {
	if r := w.records[hand]; r != nil {
		r.Nonce = nonce
	}
}

// Missed forgets the hand that is played: not all of its events have come.
func (w *Witness) Missed() { delete(w.records, w.hand) }

// Told takes the next event of the stream.
func (w *Witness) Told(e *wirepb.TableEvent) {
	switch b := e.GetBody().(type) {
	case *wirepb.TableEvent_Opened:
		w.opened = b.Opened
	case *wirepb.TableEvent_Committed:
		if w.opened != nil && b.Committed.GetHand() > w.hand {
			w.records[b.Committed.GetHand()] = &Record{
				Table: uint64(w.table), Hand: b.Committed.GetHand(), Seat: w.seat, Game: w.opened.GetGame(),
				Rules: json.RawMessage(w.opened.GetRules()), Commitment: b.Committed.GetCommitment(),
			}
		}
	case *wirepb.TableEvent_HandStarted:
		w.hand = b.HandStarted.GetHand()
	case *wirepb.TableEvent_Game:
		if r := w.records[w.hand]; r != nil && r.Game == tablegame.Name {
			r.see(b.Game)
		}
	case *wirepb.TableEvent_RoundEnded:
		w.over = true
		for _, told := range b.RoundEnded.GetRevealed() {
			if r := w.records[told.GetHand()]; r != nil {
				r.Seed, r.Dealer = told.GetSeed(), int(told.GetDealer())
				for _, n := range told.GetNonces() {
					r.Nonces = append(r.Nonces, n)
				}
			}
		}
	}
}

// Records are the dealt hands of a round that is over, in order; none before.
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

// see notes what an event of mahjong shows of the wall.
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
