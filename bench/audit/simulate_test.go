package audit

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/wire/wirepb"
)

// simulated is a round played without a network, as its four clients recorded it.
type simulated struct {
	Table
	entries int
}

// simulate plays hands with players made of code until the table is released.
func simulate(t testing.TB, hands uint32) *simulated {
	t.Helper()
	g, err := tablegame.New(tablegame.Config{})
	if err != nil {
		t.Fatal(err)
	}
	id := game.MakeTableID(1, 7)
	spec := &linkpb.CreateTable{Table: uint64(id), Game: g.Name(), Hands: hands, Queue: "bench", Secret: make([]byte, 32), Rules: []byte(`{"min_claim_ms":0}`)}
	s := &simulated{Table: Table{ID: id, Hands: map[uint32]Hand{}}}
	for i := range 4 {
		player := game.PlayerID(100 + i)
		spec.Seats = append(spec.Seats, &linkpb.Seat{Player: uint64(player), Name: "guest"})
		s.Seats = append(s.Seats, &Seat{Player: player, Steady: true})
	}
	live, err := table.New(g, &tablepb.Create{Spec: spec, Timing: &tablepb.Timing{AttachMs: 1000, IntermissionMs: 10}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	now := uint64(0)
	asked := map[int]*wirepb.Push{}
	apply := func(c *tablepb.Command) {
		s.entries++
		out := live.Apply(table.Entry{NowMS: now, Term: 1, Room: 100, Command: c})
		if out.Reply != nil && out.Reply.Code != wirepb.Code_OK {
			t.Fatalf("%v: %s", out.Reply.Code, out.Reply.Detail)
		}
		for _, p := range out.Pushes {
			s.Seats[p.Seat].Stream.Event(p.Number, p.Payload)
			var e wirepb.TableEvent
			if err := proto.Unmarshal(p.Payload, &e); err != nil {
				t.Fatal(err)
			}
			if e.GetPrompt() != nil {
				asked[p.Seat] = &wirepb.Push{Number: p.Number, Payload: e.GetPrompt().GetGame()}
			}
		}
	}
	for _, seat := range s.Seats {
		apply(&tablepb.Command{Table: uint64(id), Body: &tablepb.Command_Attach{Attach: &tablepb.Attach{
			Player: uint64(seat.Player), Epoch: 1, Gateway: "gateway-1", Session: uint64(seat.Player),
		}}})
	}
	for live.Phase() != tablepb.Phase_RELEASED {
		if s.entries > 10000 {
			t.Fatal("the round does not end")
		}
		now += 5
		for i := range 4 {
			p := asked[i]
			if p == nil {
				continue
			}
			delete(asked, i)
			move, err := g.Think(p.Payload)
			if err != nil {
				t.Fatal(err)
			}
			seat := s.Seats[i]
			number := uint64(len(seat.Moves) + 1)
			seat.Moves = append(seat.Moves, Move{Prompt: p.Number, Number: number, Hash: HashMove(move)})
			apply(&tablepb.Command{Table: uint64(id), Body: &tablepb.Command_Move{Move: &tablepb.Move{
				Player: uint64(seat.Player), Epoch: 1, Number: number, Prompt: p.Number, Move: move,
			}}})
		}
		for _, d := range live.Due(now) {
			apply(&tablepb.Command{Table: uint64(id), Body: &tablepb.Command_Deadline{Deadline: d}})
		}
		for _, hand := range live.PendingHands() {
			r, _ := live.Result(hand)
			s.Hands[hand] = Hand{Scores: [][]int64{r.Scores}, Archive: r.Archive}
			apply(&tablepb.Command{Table: uint64(id), Body: &tablepb.Command_Settled{Settled: &tablepb.Settled{Hand: hand}}})
		}
		if live.Ended() != nil {
			apply(&tablepb.Command{Table: uint64(id), Body: &tablepb.Command_Freed{Freed: &tablepb.Freed{}}})
		}
	}
	return s
}
