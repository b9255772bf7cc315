package systest

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/deploy/cluster"
	"teahouse/pkg/client"
	"teahouse/pkg/game"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// raw is a connection on which a test may say what no client would.
type raw struct {
	t    *testing.T
	conn net.Conn
	in   *wire.Reader
}

func dialRaw(t *testing.T, addr string) raw {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return raw{t, conn, wire.NewReader(conn, 1<<20, 4096)}
}

func (r raw) write(b []byte) {
	r.t.Helper()
	if _, err := r.conn.Write(b); err != nil {
		r.t.Fatal(err)
	}
}

func (r raw) send(e *wirepb.Envelope) {
	r.t.Helper()
	frame, err := wire.AppendEnvelope(nil, e)
	if err != nil {
		r.t.Fatal(err)
	}
	r.write(frame)
}

// next is the next message that is no heartbeat.
func (r raw) next() *wirepb.Envelope {
	r.t.Helper()
	for {
		body, err := r.in.Next()
		if err != nil {
			r.t.Fatalf("silence: %v", err)
		}
		e, err := wire.ParseEnvelope(body)
		if err != nil {
			r.t.Fatal(err)
		}
		if e.GetPing() == nil && e.GetPong() == nil {
			return e
		}
	}
}

func (r raw) hello() {
	r.t.Helper()
	r.send(&wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: &wirepb.Hello{Version: wire.Version, Client: "systest"}}})
	if r.next().GetWelcome() == nil {
		r.t.Fatal("no welcome")
	}
}

func (r raw) call(method string, req proto.Message) wirepb.Code {
	r.t.Helper()
	payload, err := proto.Marshal(req)
	if err != nil {
		r.t.Fatal(err)
	}
	r.send(&wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{Id: 1, Method: method, Payload: payload}}})
	reply := r.next().GetReply()
	if reply == nil || reply.Id != 1 {
		r.t.Fatalf("%s: no reply", method)
	}
	return reply.Code
}

func (r raw) wantBye(code wirepb.Code) {
	r.t.Helper()
	bye := r.next().GetBye()
	if bye == nil || bye.Code != code {
		r.t.Fatalf("got %v, want a goodbye with %v", bye, code)
	}
	if _, err := r.in.Next(); !errors.Is(err, io.EOF) {
		r.t.Fatalf("the connection is still open: %v", err)
	}
}

// TestRefusals: bad input gets a code, never a crash, never silence, and the
// cluster plays on.
func TestRefusals(t *testing.T) {
	c := start(t, cluster.Config{Nodes: 1})
	state, err := c.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	t.Run("frame too long", func(t *testing.T) {
		r := dialRaw(t, state.Address)
		r.write(binary.BigEndian.AppendUint32(nil, 1<<31)) // its body never comes
		r.wantBye(wirepb.Code_FRAME_TOO_LONG)
	})
	t.Run("garbage", func(t *testing.T) {
		r := dialRaw(t, state.Address)
		r.write([]byte("\x00\x00\x00\x04\xff\xff\xff\xff"))
		r.wantBye(wirepb.Code_BAD_FRAME)
	})
	t.Run("version too old", func(t *testing.T) {
		r := dialRaw(t, state.Address)
		r.send(&wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: &wirepb.Hello{Version: wire.MinVersion - 1}}})
		r.wantBye(wirepb.Code_VERSION_UNSUPPORTED)
	})
	t.Run("calls", func(t *testing.T) {
		r := dialRaw(t, state.Address)
		r.hello()
		for _, test := range []struct {
			name, method string
			req          proto.Message
			want         wirepb.Code
		}{
			{"unknown method", "no.such", &wirepb.JoinRequest{}, wirepb.Code_UNKNOWN_METHOD},
			{"internal method", "cluster.create", &wirepb.JoinRequest{}, wirepb.Code_UNKNOWN_METHOD},
			{"before login", "queue.join", &wirepb.JoinRequest{Number: 1, Queue: "bench"}, wirepb.Code_NOT_LOGGED_IN},
			{"forged token", "auth.resume", &wirepb.ResumeRequest{Token: "v4.public.AAAA"}, wirepb.Code_TOKEN_INVALID},
		} {
			if got := r.call(test.method, test.req); got != test.want {
				t.Errorf("%s: %v, want %v", test.name, got, test.want)
			}
		}
		if got := r.call("auth.guest", &wirepb.GuestRequest{}); got != wirepb.Code_OK {
			t.Fatalf("login after the refusals: %v", got)
		}
		if got := r.call("auth.guest", &wirepb.GuestRequest{}); got != wirepb.Code_ALREADY_LOGGED_IN {
			t.Errorf("second login: %v", got)
		}
		if got := r.call("queue.join", &wirepb.JoinRequest{Number: 1, Queue: "nowhere"}); got != wirepb.Code_QUEUE_UNKNOWN {
			t.Errorf("unknown queue: %v", got)
		}
		if got := r.call("queue.join", &wirepb.JoinRequest{Number: 2, Queue: "bench", Hands: 2}); got != wirepb.Code_OK {
			t.Errorf("join: %v", got)
		}
		if got := r.call("queue.join", &wirepb.JoinRequest{Number: 3, Queue: "bench"}); got != wirepb.Code_ALREADY_QUEUED {
			t.Errorf("join twice: %v", got)
		}
	})
	t.Run("moves", func(t *testing.T) { refusedMoves(ctx, t, state.Address) })
}

// refusedMoves plays a hand in which one player tries what is not allowed
// before each of the first answers.
func refusedMoves(ctx context.Context, t *testing.T, addr string) {
	var answers atomic.Int64
	var players []player
	tables := make(chan *client.Table, 4)
	for range 4 {
		p := join(t, addr, &answers)
		players = append(players, p)
		go func() {
			table, err := p.sit(ctx, "")
			if err != nil {
				t.Error(err)
			}
			tables <- table
		}()
	}
	var seat *client.Table
	for range players {
		seat = <-tables
	}
	if t.Failed() {
		return
	}
	stranger := join(t, addr, &answers)
	refuse := func(name string, who *client.Client, table game.TableID, req *wirepb.MoveRequest, want wirepb.Code) {
		t.Helper()
		err := who.Call(ctx, "table.move", table, req, &wirepb.MoveReply{})
		if got := game.CodeOf(err, wirepb.Code_OK); got != want {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	refuse("another's table", stranger.Client, seat.ID(), &wirepb.MoveRequest{Number: 1, Prompt: 1}, wirepb.Code_NOT_SEATED)
	refuse("no such shard", stranger.Client, game.MakeTableID(9999, 1), &wirepb.MoveRequest{Number: 1, Prompt: 1}, wirepb.Code_TABLE_UNAVAILABLE)
	refuse("no such table", stranger.Client, seat.ID()+1000, &wirepb.MoveRequest{Number: 1, Prompt: 1}, wirepb.Code_TABLE_UNAVAILABLE)
	for _, p := range players {
		if p.Table() != seat.ID() {
			t.Fatalf("player sits at %v, want %v", p.Table(), seat.ID())
		}
		refuse("a prompt never asked", p.Client, seat.ID(), &wirepb.MoveRequest{Number: 1, Prompt: 1 << 40}, wirepb.Code_PROMPT_UNKNOWN)
		refuse("a number beyond the next", p.Client, seat.ID(), &wirepb.MoveRequest{Number: 7, Prompt: 1}, wirepb.Code_NUMBER_GAP)
		refuse("not a prompt", p.Client, seat.ID(), &wirepb.MoveRequest{Number: 1, Prompt: 1}, wirepb.Code_PROMPT_GONE)
		refuse("nothing", p.Client, seat.ID(), &wirepb.MoveRequest{Number: 1}, wirepb.Code_MOVE_MALFORMED)
	}
	ev, err := seat.Receive(ctx)
	for err == nil && ev.Event.GetPrompt() == nil {
		ev, err = seat.Receive(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = seat.Move(ctx, ev.Number, []byte{0xff})
	if got := game.CodeOf(err, wirepb.Code_OK); got != wirepb.Code_MOVE_MALFORMED {
		t.Errorf("garbage as a move: %v", err)
	}
	move, err := seat.View().Think(ev.Event.GetPrompt().GetGame(), game.Middle)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seat.Move(ctx, ev.Number, move); err != nil {
		t.Errorf("a legal move after all that: %v", err)
	}
	if _, err := seat.Move(ctx, ev.Number, move); game.CodeOf(err, wirepb.Code_OK) != wirepb.Code_PROMPT_GONE {
		t.Errorf("the same prompt again: %v", err)
	}
}
