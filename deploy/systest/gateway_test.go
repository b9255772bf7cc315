package systest

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/bench/failover"
	"teahouse/bench/reconnect"
	"teahouse/deploy/cluster"
	"teahouse/gateway/edge"
	"teahouse/pkg/game"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// TestKilledGateway kills one of two gateways under play: every client resumes
// through the other one and receives what it missed, once, in order.
func TestKilledGateway(t *testing.T) {
	slow(t)
	state := filepath.Join(t.TempDir(), "state.json")
	start(t, cluster.Config{Nodes: 3, Gateways: 2, State: state})
	f, err := failover.New(failover.Config{State: state, Role: failover.Gateway, Tries: 2, Players: 40, Pace: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !r.Held() || len(r.Tries) != 2 {
		t.Errorf("%+v", r)
	}
	for _, try := range r.Tries {
		// Nobody was away for so long that it needs a snapshot.
		if try.Disconnects == 0 || try.Resumes != try.Disconnects || try.Snapshots != 0 {
			t.Errorf("%+v", try)
		}
	}
}

// TestGatewayLeaves asks one of two gateways to end under play: every client goes on through the other one
// between two calls, so no connection is lost and nothing is in doubt.
func TestGatewayLeaves(t *testing.T) {
	slow(t)
	state := filepath.Join(t.TempDir(), "state.json")
	// Nobody waits for as long as that: a gateway ends once all have left.
	start(t, cluster.Config{Nodes: 3, Gateways: 2, Drain: cluster.MaxDrain, State: state})
	f, err := failover.New(failover.Config{
		State: state, Role: failover.Gateway, Fault: failover.Fault{Term: true}, Tries: 2, Players: 40, Pace: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !r.Held() || len(r.Tries) != 2 {
		t.Errorf("%+v", r)
	}
	for _, try := range r.Tries {
		if try.Departures == 0 || try.Disconnects != 0 || try.Resumes != 0 || try.Snapshots != 0 {
			t.Errorf("%+v", try)
		}
	}
}

// TestReconnects cuts one player 100 times, who comes back through either of two
// gateways, and looks what is left behind.
func TestReconnects(t *testing.T) {
	slow(t)
	state := filepath.Join(t.TempDir(), "state.json")
	start(t, cluster.Config{Nodes: 3, Gateways: 2, State: state})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r, err := reconnect.Run(ctx, reconnect.Config{State: state, Times: 100})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Held() || r.Switches == 0 {
		t.Errorf("%+v", r)
	}
}

// gatewayStatus asks one gateway.
func gatewayStatus(t *testing.T, c *cluster.Client, name string) (s edge.Status) {
	t.Helper()
	state, err := c.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range state.Processes {
		if p.Name != name {
			continue
		}
		resp, err := http.Get("http://" + p.Addresses["status"] + "/status")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// TestCutFrames: clients that end, or fall silent, in the middle of a frame are
// counted, cost nobody else anything, and leave nothing behind.
func TestCutFrames(t *testing.T) {
	slow(t) // the handshake may take 5 s
	c := start(t, cluster.Config{Nodes: 1})
	state, err := c.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const many = 50
	half := []byte{0, 0, 1, 0, 0x0a, 0x2a} // of a frame of 256 bytes
	other := dialRaw(t, state.Address)
	other.hello()
	if got := other.call("auth.guest", &wirepb.GuestRequest{}); got != wirepb.Code_OK {
		t.Fatal(got)
	}
	var silent []raw
	for i := range 3 * many {
		r := dialRaw(t, state.Address)
		if i%2 == 0 {
			r.hello()
		}
		r.write(half)
		switch i % 3 {
		case 0:
			r.conn.(*net.TCPConn).SetLinger(0) // a reset
			r.conn.Close()
		case 1:
			r.conn.Close()
		case 2:
			if i%2 != 0 {
				silent = append(silent, r) // before its Hello, so that it is a matter of seconds
				continue
			}
			r.conn.Close()
		}
	}
	for _, r := range silent {
		r.wantBye(wirepb.Code_HANDSHAKE_TIMEOUT)
		r.conn.Close()
	}
	if got := other.call("queue.binding", &wirepb.BindingRequest{}); got != wirepb.Code_OK {
		t.Errorf("somebody else: %v", got)
	}
	var s edge.Status
	eventually(t, "the end of all cut sessions", func() bool {
		s = gatewayStatus(t, c, "gateway-1")
		return s.Clients.Sessions == 1
	})
	// What a reset overtakes has perhaps never been read.
	if s.Clients.Cut > 3*many || s.Clients.Cut < 2*many || s.Clients.Byes[wirepb.Code_HANDSHAKE_TIMEOUT] != uint64(len(silent)) {
		t.Errorf("%+v, of which %d fell silent", s.Clients, len(silent))
	}
}

// login logs in by hand, as a new guest or with a token.
func (r raw) login(token string) *wirepb.LoginReply {
	r.t.Helper()
	method, req := "auth.guest", proto.Message(&wirepb.GuestRequest{})
	if token != "" {
		method, req = "auth.resume", &wirepb.ResumeRequest{Token: token}
	}
	login := &wirepb.LoginReply{}
	r.ask(method, 0, req, login)
	return login
}

// ask wants an answer that is OK.
func (r raw) ask(method string, table uint64, req, resp proto.Message) {
	r.t.Helper()
	payload, err := proto.Marshal(req)
	if err != nil {
		r.t.Fatal(err)
	}
	r.send(&wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{Id: 1, Method: method, Table: table, Payload: payload}}})
	for {
		e := r.next()
		if e.GetPush() != nil {
			continue
		}
		if reply := e.GetReply(); reply.GetCode() != wirepb.Code_OK || proto.Unmarshal(reply.GetPayload(), resp) != nil {
			r.t.Fatalf("%s: %v", method, e)
		}
		return
	}
}

// at connects through a gateway of the address: the one called name, or any other.
func at(t *testing.T, addr, name string, want bool) (r raw, gateway string) {
	t.Helper()
	for range 100 { // the kernel picks
		r := dialRaw(t, addr)
		r.send(&wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: &wirepb.Hello{Version: wire.Version, Client: "systest"}}})
		if gateway = r.next().GetWelcome().GetGateway(); (gateway == name) == want {
			return r, gateway
		}
		r.conn.Close()
	}
	t.Fatal("the kernel picks one gateway only")
	panic("unreachable")
}

// TestResumeWhileTheOldOneLives: the old connection is told that it is
// superseded, on whichever gateway it is, and its late end takes nothing away
// from the new one: neither the seat nor the ticket.
func TestResumeWhileTheOldOneLives(t *testing.T) {
	c := start(t, cluster.Config{Nodes: 1, Gateways: 2, BotsAfter: 100 * time.Millisecond})
	state, err := c.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, same := range map[string]bool{"on the same gateway": true, "on the other gateway": false} {
		t.Run(name, func(t *testing.T) {
			old, gateway := at(t, state.Address, "", false)
			first := old.login("")
			var ticket wirepb.JoinReply
			old.ask("queue.join", 0, &wirepb.JoinRequest{Number: 1, Queue: "bench"}, &ticket)

			// With a ticket: three others are missing, so it stays one.
			second, _ := at(t, state.Address, gateway, same)
			login := second.login(first.Token)
			if login.Epoch <= first.Epoch || login.Player != first.Player || login.Ticket != ticket.Ticket {
				t.Fatalf("resumed as %v after %v, with ticket %d", login, first, ticket.Ticket)
			}
			old.wantBye(wirepb.Code_SUPERSEDED)
			old.conn.Close()
			var binding wirepb.BindingReply
			second.ask("queue.binding", 0, &wirepb.BindingRequest{}, &binding)
			if binding.Ticket != ticket.Ticket {
				t.Fatalf("ticket %d, it was %d", binding.Ticket, ticket.Ticket)
			}

			// At a table, with three bots.
			second.ask("queue.cancel", 0, &wirepb.CancelRequest{Number: 1, Ticket: ticket.Ticket}, &wirepb.CancelReply{})
			second.ask("queue.join", 0, &wirepb.JoinRequest{Number: 2, Queue: "standard", Hands: 1}, &ticket)
			for binding.Table == 0 {
				second.ask("queue.binding", 0, &wirepb.BindingRequest{}, &binding)
			}
			var seat wirepb.AttachReply
			second.ask("table.attach", binding.Table, &wirepb.AttachRequest{}, &seat)
			third, _ := at(t, state.Address, gateway, true)
			if login := third.login(first.Token); login.Table != binding.Table {
				t.Fatalf("resumed at table %v, not %v", game.TableID(login.Table), game.TableID(binding.Table))
			}
			third.ask("table.attach", binding.Table, &wirepb.AttachRequest{}, &seat)
			second.skipPushes(wirepb.Code_SUPERSEDED)
			second.conn.Close()
			third.events(5) // the deal, at least: it is attached, and stays so
			third.ask("queue.binding", 0, &wirepb.BindingRequest{}, &binding)
			if binding.Table == 0 {
				t.Error("the player is bound to nothing")
			}
		})
	}
}

// skipPushes reads up to the goodbye, which must be this one.
func (r raw) skipPushes(code wirepb.Code) {
	r.t.Helper()
	for {
		e := r.next()
		if e.GetPush() != nil {
			continue
		}
		if e.GetBye().GetCode() != code {
			r.t.Fatalf("got %v, want a goodbye with %v", e, code)
		}
		return
	}
}

// events reads the next events of the table, which must count up by one.
func (r raw) events(n int) {
	r.t.Helper()
	last := uint64(0)
	for range n {
		p := r.next().GetPush()
		if p.GetKind() != wirepb.Push_EVENT || last != 0 && p.GetNumber() != last+1 {
			r.t.Fatalf("after event %d came %v", last, p)
		}
		last = p.GetNumber()
	}
}
