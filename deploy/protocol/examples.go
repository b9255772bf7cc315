package main

import (
	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/gomoku/gomokupb"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/vectors"
	"teahouse/pkg/wire/wirepb"
)

// The names that all examples share.
const (
	examplePlayer = 42
	exampleTicket = 815
	exampleToken  = "v4.public.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl"
	exampleTime   = 1_795_824_000_000 // milliseconds
	exampleRules  = `{"mode":"xuezhan"}`
)

var exampleTable = uint64(game.MakeTableID(1, 7))

// exchange is a call and its answer as they may really happen.
type exchange struct {
	request, reply proto.Message
	refused        wirepb.Code   // an answer that carries a payload too
	refusal        proto.Message // its payload
	move           proto.Message // what MoveRequest.move holds
}

// exchanges are those of the methods. One that is missing here is filled in by rote.
func exchanges() map[string]exchange {
	move := &mahjongpb.Move{Answer: &mahjongpb.Move_Discard{Discard: 13}}
	login := &wirepb.LoginReply{Player: examplePlayer, Name: "Li", Token: exampleToken, Epoch: 9001}
	resumed := proto.CloneOf(login)
	resumed.Epoch, resumed.Table = 9002, exampleTable
	return map[string]exchange{
		"auth.guest": {request: &wirepb.GuestRequest{Name: "Li"}, reply: login},
		"auth.resume": {
			request: &wirepb.ResumeRequest{Token: exampleToken, Device: 0x0123456789abcdef, Attempt: 2}, reply: resumed,
		},
		"queue.join": {
			request: &wirepb.JoinRequest{Number: 1, Queue: "standard", Mode: "xuezhan", Stake: 1, Hands: 4},
			reply:   &wirepb.JoinReply{Ticket: exampleTicket},
			refused: wirepb.Code_ALREADY_QUEUED, refusal: &wirepb.JoinReply{Ticket: exampleTicket},
		},
		"queue.cancel": {
			request: &wirepb.CancelRequest{Number: 2, Ticket: exampleTicket}, reply: &wirepb.CancelReply{},
			refused: wirepb.Code_AT_TABLE, refusal: &wirepb.CancelReply{Table: exampleTable},
		},
		"queue.binding": {request: &wirepb.BindingRequest{}, reply: &wirepb.BindingReply{Ticket: exampleTicket}},
		"queue.list": {request: &wirepb.ListRequest{}, reply: &wirepb.ListReply{Queues: []*wirepb.QueueInfo{{
			Name: "standard", BotsAfterMs: 10_000, Stakes: []uint32{1, 2, 5}, Hands: []uint32{4, 1, 8},
			Modes: []*wirepb.ModeInfo{{
				Name: "xuezhan", Game: "mahjong", Seats: 4, Rules: []byte(exampleRules), Waiting: 3, Playing: 28,
				Forming: []*wirepb.Forming{{Stake: 1, Hands: 4, Waiting: 3, People: 3, WaitMs: 2300}, {Stake: 5, Hands: 8, WaitMs: 7100}},
			}},
		}}}},
		"table.attach": {
			request: &wirepb.AttachRequest{LastEvent: 16}, reply: &wirepb.AttachReply{Seat: 2, NextNumber: 5, LastEvent: 18},
			refused: wirepb.Code_RESUME_INVALID, refusal: &wirepb.AttachReply{Seat: 2, NextNumber: 5, LastEvent: 12},
		},
		"table.move": {
			request: &wirepb.MoveRequest{Number: 5, Prompt: 18, Move: must(move)}, move: move,
			reply: &wirepb.MoveReply{NextNumber: 6},
		},
		"table.leave": {request: &wirepb.LeaveRequest{}, reply: &wirepb.LeaveReply{}},
		"account.profile": {request: &wirepb.ProfileRequest{}, reply: &wirepb.ProfileReply{
			Player: examplePlayer, Name: "Li", Rating: 1500, Score: -12, Hands: 3,
		}},
		"account.hands": {request: &wirepb.HandsRequest{Limit: 1}, reply: &wirepb.HandsReply{Hands: []*wirepb.HandLine{{
			Id: 77, Table: exampleTable, Hand: 1, Seat: 2, Score: -12, FinishedUnixMs: exampleTime,
		}}}},
		"archive.hand": {
			request: &wirepb.HandRequest{Table: exampleTable, Hand: 1},
			reply: &wirepb.HandReply{Archive: must(&wirepb.HandArchive{
				Version: 1, Table: exampleTable, Hand: 1, Seed: make([]byte, 32),
			})},
		},
	}
}

// connectionExamples are the bodies of an envelope that are neither calls nor pushes.
func connectionExamples() []*wirepb.Envelope {
	limits, err := wire.Limits{}.WithDefaults()
	if err != nil {
		panic(err) // the defaults are valid
	}
	return []*wirepb.Envelope{
		{Body: &wirepb.Envelope_Hello{Hello: &wirepb.Hello{Version: wire.Version, Client: "example 1.0"}}},
		{Body: &wirepb.Envelope_Welcome{Welcome: &wirepb.Welcome{
			Version: wire.Version, Gateway: "gateway-1", HeartbeatMs: uint32(limits.Heartbeat.Milliseconds()),
			IdleMs: uint32(limits.Idle.Milliseconds()), MaxFrame: uint32(limits.MaxFrame),
		}}},
		{Body: &wirepb.Envelope_Ping{Ping: &wirepb.Ping{Nonce: 7}}},
		{Body: &wirepb.Envelope_Pong{Pong: &wirepb.Pong{Nonce: 7, TimeMs: exampleTime}}},
		{Body: &wirepb.Envelope_GoingAway{GoingAway: &wirepb.GoingAway{InMs: 5000}}},
		{Body: &wirepb.Envelope_Bye{Bye: &wirepb.Bye{
			Code: wirepb.Code_SHUTTING_DOWN, Detail: "this gateway is shutting down", Reconnect: true, AfterMs: 180,
		}}},
	}
}

// told is an event of a table, with what its bytes hold.
type told struct {
	event *wirepb.TableEvent
	game  proto.Message // of the body game, prompt or hand_ended
}

// eventExamples are events of a table of mahjong, in an order in which they may come. A body that is
// missing here is filled in by rote.
func eventExamples() []told {
	deal := &mahjongpb.Event{Body: &mahjongpb.Event_Deal{Deal: &mahjongpb.Deal{
		Dealer: 1, Hand: []uint32{0, 0, 3, 5, 9, 10, 11, 13, 18, 20, 22, 26, 26},
	}}}
	discard := &mahjongpb.Event{Body: &mahjongpb.Event_Discard{Discard: &mahjongpb.Discard{Seat: 1, Tile: proto.Uint32(0)}}}
	claim := &mahjongpb.Prompt{Kind: mahjongpb.Prompt_CLAIM, Peng: true, Tile: proto.Uint32(0), From: proto.Uint32(1)}
	summary := &mahjongpb.Summary{End: &mahjongpb.End{
		Reason: mahjongpb.End_WALL_EMPTY, Scores: []int64{6, -2, -2, -2}, NextDealer: 1,
		Status: []mahjongpb.End_Status{mahjongpb.End_WON, mahjongpb.End_READY, mahjongpb.End_READY, mahjongpb.End_READY},
	}}
	return []told{
		{event: &wirepb.TableEvent{Body: &wirepb.TableEvent_Opened{Opened: exampleOpened()}}},
		{event: &wirepb.TableEvent{Body: &wirepb.TableEvent_SeatChanged{SeatChanged: &wirepb.SeatChanged{Seat: 3, Here: true}}}},
		{event: &wirepb.TableEvent{Body: &wirepb.TableEvent_Ready{Ready: &wirepb.Ready{Seat: 3, Hand: 1}}}},
		{event: &wirepb.TableEvent{Body: &wirepb.TableEvent_Committed{Committed: &wirepb.Committed{
			Hand: 1, Commitment: make([]byte, 32), WaitMs: 2000,
		}}}},
		{event: &wirepb.TableEvent{Body: &wirepb.TableEvent_HandStarted{HandStarted: &wirepb.HandStarted{Hand: 1, Dealer: 1}}}},
		{event: &wirepb.TableEvent{Body: &wirepb.TableEvent_Game{Game: must(deal)}}, game: deal},
		{event: &wirepb.TableEvent{
			Body: &wirepb.TableEvent_Game{Game: must(discard)}, Turn: &wirepb.Turn{Seats: []uint32{0, 2, 3}, LimitMs: 8000},
		}, game: discard},
		{event: &wirepb.TableEvent{Body: &wirepb.TableEvent_Prompt{Prompt: &wirepb.Prompt{
			LimitMs: 8000, Game: must(claim), ReserveMs: 20_000,
		}}}, game: claim},
		{event: &wirepb.TableEvent{Body: &wirepb.TableEvent_Prolonged{Prolonged: &wirepb.Prolonged{
			Prompt: 9, LimitMs: 8000, ReserveMs: 20_000,
		}}}},
		{event: &wirepb.TableEvent{Body: &wirepb.TableEvent_AutoPlay{AutoPlay: &wirepb.AutoPlayChanged{
			Seat: 3, On: true, Reason: wirepb.AutoPlayChanged_AWAY,
		}}}},
		{event: &wirepb.TableEvent{Body: &wirepb.TableEvent_HandEnded{HandEnded: &wirepb.HandEnded{
			Hand: 1, Scores: []int64{6, -2, -2, -2}, Totals: []int64{6, -2, -2, -2}, Game: must(summary),
		}}}, game: summary},
		{event: &wirepb.TableEvent{Body: &wirepb.TableEvent_HandSettled{HandSettled: &wirepb.HandSettled{Hand: 1}}}},
		{event: &wirepb.TableEvent{Body: &wirepb.TableEvent_Delayed{Delayed: &wirepb.Delayed{Code: wirepb.Code_SETTLEMENT_DELAYED}}}},
		{event: &wirepb.TableEvent{Body: &wirepb.TableEvent_RoundEnded{RoundEnded: &wirepb.RoundEnded{
			Totals: []int64{6, -2, -2, -2}, Revealed: []*wirepb.Revealed{{Hand: 1, Seed: make([]byte, 32), Nonces: [][]byte{{}, {1, 2}, {}, {}}, Dealer: 1}},
		}}}},
		{event: &wirepb.TableEvent{Body: &wirepb.TableEvent_Released{Released: &wirepb.Released{}}}},
	}
}

func exampleOpened() *wirepb.Opened {
	return &wirepb.Opened{
		Game: "mahjong", Rules: []byte(exampleRules), Hands: 4, Stake: 1,
		Seats: []*wirepb.SeatInfo{{Player: 40, Name: "Wang"}, {Name: "bot-1", Strength: 2}, {Player: examplePlayer, Name: "Li"}, {Player: 43, Name: "Zhao"}},
	}
}

// viewExample is a snapshot, with the game's view.
func viewExample() (*wirepb.TableView, proto.Message) {
	view := &mahjongpb.View{
		Seat: proto.Uint32(2), Dealer: 1, Phase: mahjongpb.View_CLAIM, Turn: proto.Uint32(1), Open: proto.Uint32(0), Wall: 54,
		Hand: []uint32{0, 0, 3, 5, 9, 10, 11, 13, 18, 20, 22, 26, 26}, Void: proto.Uint32(1),
		Seats: []*mahjongpb.SeatView{
			{Concealed: 13, Void: proto.Uint32(0)}, {Concealed: 13, River: []uint32{0}, ClaimedBy: []uint32{0}, Void: proto.Uint32(2)},
			{Concealed: 13, Void: proto.Uint32(1)}, {Concealed: 13, Void: proto.Uint32(1)},
		},
	}
	return &wirepb.TableView{
		Opened: exampleOpened(), Hand: 1, Dealer: 1, Totals: []int64{0, 0, 0, 0},
		AutoPlay: []bool{false, false, false, true}, Game: must(view), Seat: 2, NextNumber: 5,
	}, view
}

// noticeExamples are hints. One that is missing here is filled in by rote.
func noticeExamples() []*wirepb.Notice {
	return []*wirepb.Notice{
		{Body: &wirepb.Notice_Matched{Matched: &wirepb.Matched{Ticket: exampleTicket, Table: exampleTable}}},
		{Body: &wirepb.Notice_Detached{Detached: &wirepb.Detached{Table: exampleTable, Code: wirepb.Code_TABLE_GONE}}},
		{Body: &wirepb.Notice_Unqueued{Unqueued: &wirepb.Unqueued{Ticket: exampleTicket}}},
		{Body: &wirepb.Notice_Waiting{Waiting: &wirepb.Waiting{Table: exampleTable}}},
		{Body: &wirepb.Notice_Moving{Moving: &wirepb.Moving{Table: exampleTable}}},
		{Body: &wirepb.Notice_Progress{Progress: &wirepb.Progress{
			Ticket: exampleTicket, WaitedMs: 2500, People: 3, Seats: 4, BotsInMs: 7500, WaitMs: 4000,
		}}},
	}
}

// gameExamples are moves and events beside those above, by game; a field that has none is filled in by
// rote.
func gameExamples() map[string][]proto.Message {
	return map[string][]proto.Message{
		"mahjong": {
			&mahjongpb.Move{Answer: &mahjongpb.Move_Swap{Swap: &mahjongpb.Swap{Tiles: []uint32{9, 10, 11}}}},
			&mahjongpb.Move{Answer: &mahjongpb.Move_Void{Void: 1}},
			&mahjongpb.Move{Answer: &mahjongpb.Move_Discard{Discard: 0}},
			&mahjongpb.Move{Answer: &mahjongpb.Move_AnGang{AnGang: 26}},
			&mahjongpb.Move{Answer: &mahjongpb.Move_Call{Call: mahjongpb.Call_PENG}},
			&mahjongpb.Prompt{Kind: mahjongpb.Prompt_TURN, Hu: true, AnGang: []uint32{26}, Discard: []uint32{0, 3, 26}},
		},
		"gomoku": {
			&gomokupb.Move{Answer: &gomokupb.Move_Place{Place: &gomokupb.Point{X: 7, Y: 7}}},
			&gomokupb.Move{Answer: &gomokupb.Move_Resign{Resign: &gomokupb.Resign{}}},
			&gomokupb.Event{Body: &gomokupb.Event_Begun{Begun: &gomokupb.Begun{Size: 15, Black: 1}}},
			&gomokupb.Event{Body: &gomokupb.Event_Placed{Placed: &gomokupb.Placed{Seat: 1, Point: &gomokupb.Point{X: 7, Y: 7}}}},
			&gomokupb.Prompt{},
			&gomokupb.View{Size: 15, Black: 1, Stones: []*gomokupb.Point{{X: 7, Y: 7}}, Turn: proto.Uint32(0)},
		},
	}
}

// must encodes an example.
func must(m proto.Message) []byte {
	raw, err := vectors.Encode(m)
	if err != nil {
		panic(err) // no example holds what cannot be encoded
	}
	return raw
}
