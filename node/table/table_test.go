package table_test

import (
	"bytes"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/node/table/tabletest"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
	"teahouse/pkg/wire/wiretest"
)

const tableID = game.TableID(1<<40 | 1)

// rig applies commands to a table as a shard does and keeps the pushes to each seat.
type rig struct {
	t      testing.TB
	table  *table.Table
	now    uint64
	term   uint64
	room   int
	pushed [4][]table.Push // to the seat, all of them
	out    table.Output
	spec   *tablepb.Create
}

// newRig makes a table with players 11 to 14 and the given rules and hands.
func newRig(t testing.TB, rules string, hands uint32, players ...uint64) *rig {
	t.Helper()
	if players == nil {
		players = []uint64{11, 12, 13, 14}
	}
	spec := &linkpb.CreateTable{
		Table: uint64(tableID), Secret: bytes.Repeat([]byte{7}, 32), Game: "tiny", Rules: []byte(rules),
		Hands: hands, Stake: 5, Queue: "standard", Dealer: 1,
	}
	for _, p := range players {
		spec.Seats = append(spec.Seats, &linkpb.Seat{Player: p, Name: fmt.Sprint("p", p)})
	}
	r := &rig{t: t, now: 1000, term: 1, room: 100, spec: &tablepb.Create{Spec: spec, Timing: &tablepb.Timing{
		AttachMs: 10_000, IntermissionMs: 3000, AutoMs: 500, RetentionMs: 120_000, RecheckMs: 500,
	}}}
	return r.begin()
}

// begin makes the rig's table anew.
func (r *rig) begin() *rig {
	r.t.Helper()
	var err error
	if r.table, err = table.New(tabletest.Game{}, r.spec, r.now); err != nil {
		r.t.Fatal(err)
	}
	return r
}

// withClock makes the rig's table anew with a clock; nil = none.
func (r *rig) withClock(c *tablepb.Clock) *rig {
	r.t.Helper()
	r.spec.Timing.Clock = c
	return r.begin()
}

// clocks are what random tables have; the first is that of level 1.
var clocks = []*tablepb.Clock{nil, {ReserveMs: 300, Strength: 2}, {}, {ReserveMs: 20_000}, {ReserveMs: 300, Untimed: true}}

// withLag says that a command came over a line with this round trip.
func withLag(c *tablepb.Command, ms uint32) *tablepb.Command {
	switch b := c.GetBody().(type) {
	case *tablepb.Command_Move:
		b.Move.LagMs = ms
	case *tablepb.Command_Attach:
		b.Attach.LagMs = ms
	}
	return c
}

func readyCommand(player, number uint64, hand uint32) *tablepb.Command {
	return &tablepb.Command{Body: &tablepb.Command_Move{Move: &tablepb.Move{
		Player: player, Epoch: 1, Number: number, Ready: hand,
	}}}
}

func (r *rig) apply(c *tablepb.Command) *table.Reply {
	r.t.Helper()
	c = proto.CloneOf(c) // some are shared by tests that run in parallel
	c.Table = uint64(tableID)
	raw, err := proto.Marshal(c)
	if err != nil {
		r.t.Fatal(err)
	}
	r.out = r.table.Apply(table.Entry{NowMS: r.now, Term: r.term, Room: r.room, Command: c, Raw: raw})
	for _, p := range r.out.Pushes {
		r.pushed[p.Seat] = append(r.pushed[p.Seat], p)
	}
	if method := methodOf(c); method != "" && r.out.Reply != nil {
		wiretest.Answered(r.t, method, r.out.Reply.Code)
	}
	return r.out.Reply
}

// methodOf is the method that a command is the call of, if any.
func methodOf(c *tablepb.Command) string {
	switch c.GetBody().(type) {
	case *tablepb.Command_Move:
		return "table.move"
	case *tablepb.Command_Attach:
		return "table.attach"
	case *tablepb.Command_Leave:
		return "table.leave"
	}
	return ""
}

func (r *rig) attach(player, epoch, last uint64) *table.Reply {
	r.t.Helper()
	return r.apply(attachCommand(player, epoch, last))
}

func attachCommand(player, epoch, last uint64) *tablepb.Command {
	return &tablepb.Command{Body: &tablepb.Command_Attach{Attach: &tablepb.Attach{
		Player: player, Epoch: epoch, Gateway: "gw", Session: player * 100, LastEvent: last,
	}}}
}

func (r *rig) attachAll() {
	r.t.Helper()
	for p := uint64(11); p <= 14; p++ {
		r.want(r.attach(p, 1, 0), wirepb.Code_OK)
	}
}

func (r *rig) want(reply *table.Reply, code game.Code) {
	r.t.Helper()
	if reply == nil || reply.Code != code {
		r.t.Fatalf("reply %+v, want %v", reply, code)
	}
}

func moveCommand(player, epoch, number, prompt uint64, move ...byte) *tablepb.Command {
	return &tablepb.Command{Body: &tablepb.Command_Move{Move: &tablepb.Move{
		Player: player, Epoch: epoch, Number: number, Prompt: prompt, Move: move,
	}}}
}

func autoCommand(player, number uint64, auto wirepb.AutoPlay) *tablepb.Command {
	return &tablepb.Command{Body: &tablepb.Command_Move{Move: &tablepb.Move{
		Player: player, Epoch: 1, Number: number, AutoPlay: auto,
	}}}
}

func nonceCommand(player, number uint64, hand uint32, nonce ...byte) *tablepb.Command {
	return &tablepb.Command{Body: &tablepb.Command_Move{Move: &tablepb.Move{
		Player: player, Epoch: 1, Number: number, Hand: hand, Nonce: nonce,
	}}}
}

func detachCommand(seat uint32, attachment uint64) *tablepb.Command {
	return &tablepb.Command{Body: &tablepb.Command_Detach{Detach: &tablepb.Detach{Seat: seat, Attachment: attachment}}}
}

func settledCommand(hand uint32) *tablepb.Command {
	return &tablepb.Command{Body: &tablepb.Command_Settled{Settled: &tablepb.Settled{Hand: hand}}}
}

var (
	tookOver = &tablepb.Command{Body: &tablepb.Command_TookOver{TookOver: &tablepb.TookOver{Node: "n"}}}
	freed    = &tablepb.Command{Body: &tablepb.Command_Freed{Freed: &tablepb.Freed{}}}
)

// open returns the seat's open prompt and next number, according to the table's state.
func (r *rig) open(seat int) (prompt, next uint64) {
	s := r.table.Message().GetSeats()[seat]
	return s.GetPrompt().GetNumber(), s.GetNumber() + 1
}

// answer makes the seat answer its open prompt.
func (r *rig) answer(seat int, move byte) {
	r.t.Helper()
	prompt, next := r.open(seat)
	if prompt == 0 {
		r.t.Fatalf("seat %d is not asked", seat)
	}
	r.want(r.apply(moveCommand(11+uint64(seat), 1, next, prompt, move)), wirepb.Code_OK)
}

// pass advances log time to the next deadline and applies what is due.
func (r *rig) pass() {
	r.t.Helper()
	due, ok := r.table.NextDeadline()
	if !ok {
		r.t.Fatal("no deadline")
	}
	r.now = max(r.now, due)
	for _, d := range r.table.Due(r.now) {
		r.apply(&tablepb.Command{Body: &tablepb.Command_Deadline{Deadline: d}})
	}
}

// finishHand answers all prompts until the hand is over.
func (r *rig) finishHand() {
	r.t.Helper()
	hand := r.table.Message().GetHand()
	for range 200 {
		if r.table.Phase() != tablepb.Phase_PLAYING || r.table.Message().GetHand() != hand {
			return
		}
		asked := false
		for seat := range 4 {
			if prompt, _ := r.open(seat); prompt != 0 {
				r.answer(seat, byte(seat+1))
				asked = true
			}
		}
		if !asked {
			r.pass()
		}
	}
	r.t.Fatal("the hand does not end")
}

// event decodes the payload of a push.
func event(t testing.TB, payload []byte) *wirepb.TableEvent {
	t.Helper()
	var e wirepb.TableEvent
	if err := proto.Unmarshal(payload, &e); err != nil {
		t.Fatal(err)
	}
	return &e
}

// has counts the seat's pushed events of one type.
func has[T any](r *rig, seat int) int {
	n := 0
	for _, p := range r.pushed[seat] {
		if p.Kind == wirepb.Push_EVENT {
			if _, is := event(r.t, p.Payload).GetBody().(T); is {
				n++
			}
		}
	}
	return n
}

func games(string) (game.Game, bool) { return tabletest.Game{}, true }

// state returns the table's whole state as bytes.
func state(t testing.TB, tb *table.Table) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(tb.Message())
	if err != nil {
		t.Fatal(err)
	}
	return b
}
