package audit

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/wire/wirepb"
)

// simulated is a round played without a network, as recorded by its four clients.
type simulated struct {
	Table
	entries int
	views   [4]map[uint64]*wirepb.TableView // what each seat could see at each event
}

// simulate has bots play hands until the table is released.
func simulate(t testing.TB, hands uint32) *simulated {
	t.Helper()
	return simulateSlow(t, hands, -1)
}

// simulateSlow has a seat that never answers, unless lazy is below 0.
func simulateSlow(t testing.TB, hands uint32, lazy int) *simulated {
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
		s.Seats = append(s.Seats, &Seat{Player: player})
		s.views[i] = make(map[uint64]*wirepb.TableView)
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
			s.Seats[p.Seat].Stream.Event(p.Number, p.Payload, time.UnixMilli(int64(now)))
			var e wirepb.TableEvent
			if err := proto.Unmarshal(p.Payload, &e); err != nil {
				t.Fatal(err)
			}
			if e.GetPrompt() != nil {
				asked[p.Seat] = &wirepb.Push{Number: p.Number, Payload: e.GetPrompt().GetGame()}
			}
			if e.GetHandEnded() != nil {
				delete(asked, p.Seat)
			}
		}
		for i, seat := range s.Seats {
			if h := live.Hand(); h != nil {
				s.views[i][seat.Stream.last] = &wirepb.TableView{Hand: uint32(len(s.Hands)) + 1, Game: h.View(i)}
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
		moved := false
		for i := range 4 {
			p := asked[i]
			if p == nil || i == lazy {
				continue
			}
			moved = true
			delete(asked, i)
			move, err := g.Think(live.Rules(), live.Hand().View(i), p.Payload, game.Middle)
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
		if ms, ok := live.NextDeadline(); ok && !moved {
			now = max(now, ms)
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

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// edit changes an event that a seat has received.
func (s *simulated) edit(t testing.TB, seat int, number uint64, change func(*wirepb.TableEvent)) {
	t.Helper()
	old := s.Seats[seat].Stream
	var edited Stream
	for i, e := range old.events {
		payload := slices.Clone(old.payload(i))
		if e.number == number {
			var m wirepb.TableEvent
			if err := proto.Unmarshal(payload, &m); err != nil {
				t.Fatal(err)
			}
			change(&m)
			payload = marshal(t, &m)
		}
		edited.Event(e.number, payload, time.Unix(0, e.at))
	}
	s.Seats[seat].Stream = edited
}

// editArchive changes the archive of a hand.
func (s *simulated) editArchive(t testing.TB, hand uint32, change func(*wirepb.HandArchive)) {
	t.Helper()
	h := s.Hands[hand]
	var a wirepb.HandArchive
	if err := proto.Unmarshal(h.Archive, &a); err != nil {
		t.Fatal(err)
	}
	change(&a)
	h.Archive = marshal(t, &a)
	s.Hands[hand] = h
}

// unseen is a tile of the first hand that a seat does not know at an event.
func (s *simulated) unseen(t testing.TB, seat int, number uint64) uint32 {
	t.Helper()
	var known tablegame.Audit
	g, err := tablegame.New(tablegame.Config{Observe: known.Observe})
	if err != nil {
		t.Fatal(err)
	}
	tile := mahjong.NoTile
	_, err = table.Replay(s.Hands[1].Archive, g, func(_ *wirepb.ArchiveEntry, now *table.Table) {
		for i := mahjong.Tile(0); !tile.Valid() && len(now.Events(seat, number-1)) > 0; i++ {
			if !known.Knows(seat, i) {
				tile = i
			}
		}
	})
	if err != nil || !tile.Valid() {
		t.Fatal("no tile is hidden", err)
	}
	return uint32(tile)
}
