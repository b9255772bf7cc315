package session

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// The client hears of its own ticket's progress, and once it has a table of none.
func TestProgressOfTheTicket(t *testing.T) {
	d := newTestHub(t, nil).listen()
	c := d.client().login(9, 4)
	id := d.hub.all()[0].id
	progress := func(ticket uint64, people uint32) {
		payload, err := proto.Marshal(&wirepb.Notice{Body: &wirepb.Notice_Progress{
			Progress: &wirepb.Progress{Ticket: ticket, People: people, Seats: 4},
		}})
		if err != nil {
			t.Fatal(err)
		}
		d.hub.Push(&linkpb.Push{Session: id, Epoch: 4, Kind: wirepb.Push_NOTICE, Payload: payload})
	}
	told := func(want uint32) {
		t.Helper()
		n := &wirepb.Notice{}
		p := c.push()
		if err := proto.Unmarshal(p.Payload, n); err != nil || n.GetProgress().GetPeople() != want || n.GetProgress().GetTicket() != 77 {
			t.Errorf("told %v %v, want %d people", n, err, want)
		}
	}
	progress(77, 1) // the join is not answered yet
	progress(0, 1)
	c.call("queue.join", 0, &wirepb.JoinRequest{Number: 1})
	receive(t, d.up.calls).answer(wirepb.Code_OK, &wirepb.JoinReply{Ticket: 77})
	c.reply(wirepb.Code_OK)
	progress(76, 2)
	progress(77, 3)
	told(3)
	d.hub.Push(notice(t, id, &wirepb.Notice{Body: &wirepb.Notice_Matched{Matched: &wirepb.Matched{Ticket: 77, Table: uint64(table)}}}))
	for range 2 { // a Ping comes before a match
		if e := c.any(); e.GetPush() != nil {
			break
		}
	}
	progress(77, 4)
	d.hub.Push(notice(t, id, &wirepb.Notice{Body: &wirepb.Notice_Detached{Detached: &wirepb.Detached{Table: 5}}}))
	n := &wirepb.Notice{}
	if err := proto.Unmarshal(c.push().Payload, n); err != nil || n.GetDetached() == nil {
		t.Errorf("after the match: %v", n)
	}
}

func notice(t *testing.T, session uint64, n *wirepb.Notice) *linkpb.Push {
	t.Helper()
	payload, err := proto.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	return &linkpb.Push{Session: session, Epoch: 4, Kind: wirepb.Push_NOTICE, Payload: payload}
}

// Who logs in with a ticket is told at once how far it has come, and not again by each read.
func TestProgressAtTheLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newTestHub(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		ours, theirs := net.Pipe()
		go d.hub.Run(ctx)
		go d.hub.Serve(theirs)
		t.Cleanup(func() {
			cancel()
			ours.Close()
			synctest.Wait()
		})
		c := d.over(ours)
		c.hello()
		c.call("auth.guest", 0, &wirepb.GuestRequest{})
		receive(t, d.up.calls).answer(wirepb.Code_OK, &wirepb.LoginReply{Player: 9, Epoch: 4, Ticket: 77})
		c.reply(wirepb.Code_OK)
		began := time.Now()
		for i := range 3 {
			read := receive(t, d.up.calls)
			if read.Method != "queue.binding" {
				t.Fatalf("asked %v", read.Request)
			}
			if i == 0 && time.Since(began) > time.Second {
				t.Errorf("read after %v", time.Since(began))
			}
			go read.answer(wirepb.Code_OK, &wirepb.BindingReply{Ticket: 77, Progress: &wirepb.Progress{Ticket: 77, People: 2}})
			if i > 0 {
				continue
			}
			n := &wirepb.Notice{}
			if err := proto.Unmarshal(c.push().Payload, n); err != nil || n.GetProgress().GetPeople() != 2 {
				t.Errorf("told %v", n)
			}
		}
		n := &wirepb.Notice{}
		d.hub.Push(notice(t, d.hub.all()[0].id, &wirepb.Notice{Body: &wirepb.Notice_Detached{Detached: &wirepb.Detached{Table: 5}}}))
		if err := proto.Unmarshal(c.push().Payload, n); err != nil || n.GetDetached() == nil {
			t.Errorf("told again: %v", n)
		}
	})
}
