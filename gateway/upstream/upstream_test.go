package upstream

import (
	"fmt"
	"testing"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

func TestParkedCallsGoToTheNewLeaderInOrder(t *testing.T) {
	r := newRig(t, nil)
	var answers []<-chan *linkpb.Response
	for i := range 5 {
		answers = append(answers, r.call(3, fmt.Sprint(i)))
	}
	if s := r.up.Stats(); s.Parked != 5 || s.Sent != 0 {
		t.Fatalf("before any leader: %+v", s)
	}
	node := startNode(t, "node-1", "127.0.0.1:0")
	r.reg.show(node)
	announce(t, node.link(), 3, 1)
	for i, a := range answers {
		q := node.next()
		if string(q.Payload) != fmt.Sprint(i) {
			t.Fatalf("call %d came as number %d", i, len(q.Payload))
		}
		q.answer(t, wirepb.Code_OK, "ok")
		expect(t, a, wirepb.Code_OK, "ok")
	}
	if s := r.up.Stats(); s.Open != 0 || s.Parked != 0 || s.EverParked != 5 || s.Resent != 0 {
		t.Fatalf("at the end: %+v", s)
	}
}

func TestCallsInFlightSurviveTheLeadersDeath(t *testing.T) {
	r := newRig(t, nil)
	a, b := startNode(t, "a", "127.0.0.1:0"), startNode(t, "b", "127.0.0.1:0")
	r.reg.show(a, b)
	announce(t, a.link(), 1, 4)
	toB := b.link()
	receive(t, r.sink.led)
	var answers []<-chan *linkpb.Response
	for i := range 3 {
		answers = append(answers, r.call(1, fmt.Sprint(i)))
		a.next() // left unanswered
	}
	a.kill()
	announce(t, toB, 1, 5)
	if g := receive(t, r.sink.led); g != 1 {
		t.Fatalf("group %d was led", g)
	}
	for i, answer := range answers {
		q := b.next()
		if string(q.Payload) != fmt.Sprint(i) {
			t.Fatalf("call %d was sent again as %q", i, q.Payload)
		}
		q.answer(t, wirepb.Code_OK, "by b")
		expect(t, answer, wirepb.Code_OK, "by b")
	}
	if s := r.up.Stats(); s.Resent != 3 {
		t.Fatalf("%d were sent again", s.Resent)
	}
}

// A leader that is cut off or paused answers nothing, though its link may stay up.
func TestANewLeaderTakesOverFromASilentOne(t *testing.T) {
	r := newRig(t, nil)
	a, b := startNode(t, "a", "127.0.0.1:0"), startNode(t, "b", "127.0.0.1:0")
	r.reg.show(a, b)
	announce(t, a.link(), 1, 4)
	receive(t, r.sink.led)
	answer := r.call(1, "move")
	old := a.next()
	announce(t, b.link(), 1, 5)
	q := b.next()
	old.answer(t, wirepb.Code_NOT_LEADER, "late") // must change nothing
	old.answer(t, wirepb.Code_OK, "late")
	// A call that goes over a's link shows that the late answers have been read.
	announce(t, old.conn, 2, 1)
	for receive(t, r.sink.led) != 2 {
	}
	q.answer(t, wirepb.Code_OK, "by b")
	expect(t, answer, wirepb.Code_OK, "by b")
	next := r.call(1, "next")
	b.next().answer(t, wirepb.Code_OK, "by b")
	expect(t, next, wirepb.Code_OK, "by b")
}

func TestNotLeaderParksUntilSomebodyLeads(t *testing.T) {
	r := newRig(t, nil)
	a := startNode(t, "a", "127.0.0.1:0")
	r.reg.show(a)
	conn := a.link()
	announce(t, conn, 1, 4)
	receive(t, r.sink.led)
	answer := r.call(1, "move")
	a.next().answer(t, wirepb.Code_NOT_LEADER, "")
	announce(t, conn, 1, 6)
	a.next().answer(t, wirepb.Code_OK, "now")
	expect(t, answer, wirepb.Code_OK, "now")
}

// A second node's answer about its own attempt says nothing about the first attempt, which stays in
// doubt.
func TestDoubtStays(t *testing.T) {
	r := newRig(t, nil)
	a, b := startNode(t, "a", "127.0.0.1:0"), startNode(t, "b", "127.0.0.1:0")
	r.reg.show(a, b)
	announce(t, a.link(), 1, 4)
	receive(t, r.sink.led)
	toB := b.link()
	answer := r.call(1, "move")
	a.next() // left unanswered
	announce(t, toB, 1, 5)
	b.next().answer(t, wirepb.Code_BUSY, "")
	expect(t, answer, wirepb.Code_OUTCOME_UNKNOWN, "")

	answer = r.call(1, "move")
	b.next().answer(t, wirepb.Code_BUSY, "") // the only attempt
	expect(t, answer, wirepb.Code_BUSY, "")
}

// An attempt that was answered with NOT_LEADER had no effect.
func TestNotLeaderLeavesNoDoubt(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Timeout = 200 * time.Millisecond })
	a := startNode(t, "a", "127.0.0.1:0")
	r.reg.show(a)
	announce(t, a.link(), 1, 4)
	receive(t, r.sink.led)
	answer := r.call(1, "move")
	a.next().answer(t, wirepb.Code_NOT_LEADER, "")
	expect(t, answer, wirepb.Code_NOT_SENT, "")
}

func TestSteppingDownParks(t *testing.T) {
	r := newRig(t, nil)
	a := startNode(t, "a", "127.0.0.1:0")
	r.reg.show(a)
	conn := a.link()
	announce(t, conn, 1, 4)
	receive(t, r.sink.led)
	before := r.call(1, "before")
	q := a.next()
	if err := conn.SendAnnounce(&linkpb.Announce{Group: 1, Term: 4, Withdrawn: true}); err != nil {
		t.Fatal(err)
	}
	q.answer(t, wirepb.Code_OUTCOME_UNKNOWN, "") // what a deposed leader answers about its proposals
	announce(t, conn, 2, 1)
	for receive(t, r.sink.led) != 2 {
	}
	if s := r.up.Stats(); s.Parked != 1 {
		t.Fatalf("the call is not parked: %+v", s)
	}
	announce(t, conn, 1, 5)
	a.next().answer(t, wirepb.Code_OK, "again")
	expect(t, before, wirepb.Code_OK, "again")
}

func TestRemadeLinkIsLedAgain(t *testing.T) {
	r := newRig(t, nil)
	a := startNode(t, "a", "127.0.0.1:0")
	r.reg.show(a)
	conn := a.link()
	announce(t, conn, 1, 4)
	receive(t, r.sink.led)
	conn.Close()
	answer := r.call(1, "move")
	announce(t, a.link(), 1, 4) // the same term as before
	if g := receive(t, r.sink.led); g != 1 {
		t.Fatalf("group %d was led", g)
	}
	a.next().answer(t, wirepb.Code_OK, "here")
	expect(t, answer, wirepb.Code_OK, "here")
}

func TestTimeIsUp(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Timeout = 50 * time.Millisecond })
	never := r.scoped(wirepb.Scope_CLUSTER, "parked")
	expect(t, never, wirepb.Code_NOT_SENT, "")
	a := startNode(t, "a", "127.0.0.1:0")
	r.reg.show(a)
	announce(t, a.link(), 1, 4)
	receive(t, r.sink.led)
	sent := r.call(1, "sent")
	q := a.next()
	expect(t, sent, wirepb.Code_OUTCOME_UNKNOWN, "")
	q.answer(t, wirepb.Code_OK, "too late")
	if s := r.up.Stats(); s.Expired != 2 || s.Open != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestParkingIsBounded(t *testing.T) {
	r := newRig(t, func(c *Config) { c.MaxParked = 20 })
	unknown := []<-chan *linkpb.Response{r.call(9, ""), r.call(9, ""), r.call(9, "")}
	expect(t, unknown[2], wirepb.Code_NOT_SENT, "") // a tenth for groups that no node has announced
	for range 18 {
		r.scoped(wirepb.Scope_CLUSTER, "login")
	}
	full := r.scoped(wirepb.Scope_CLUSTER, "login")
	expect(t, full, wirepb.Code_NOT_SENT, "")
	if s := r.up.Stats(); s.Parked != 20 || s.ParkRefused != 2 {
		t.Fatalf("%+v", s)
	}
	r.stop()
	expect(t, unknown[0], wirepb.Code_NOT_SENT, "")
	after := r.scoped(wirepb.Scope_CLUSTER, "after the end")
	expect(t, after, wirepb.Code_NOT_SENT, "")
}

func TestSessionCallsFollowTheRing(t *testing.T) {
	r := newRig(t, nil)
	answer := r.scoped(wirepb.Scope_SESSION, "profile")
	a, b := startNode(t, "a", "127.0.0.1:0"), startNode(t, "b", "127.0.0.1:0")
	r.reg.show(a, b)
	conn := a.link()
	b.link()
	list := func(number uint64, name string) {
		t.Helper()
		if err := conn.SendMembers(&linkpb.Members{Number: number, Members: []*linkpb.Member{{Name: name}}}); err != nil {
			t.Fatal(err)
		}
		receive(t, r.sink.members)
	}
	list(1, "a")
	q := a.next()
	if q.Members != 1 {
		t.Fatalf("the call carries member list %d", q.Members)
	}
	q.answer(t, wirepb.Code_MOVED, "")
	list(2, "b")
	q = b.next()
	if q.Members != 2 {
		t.Fatalf("the call carries member list %d", q.Members)
	}
	q.answer(t, wirepb.Code_OK, "profile")
	expect(t, answer, wirepb.Code_OK, "profile")
}

// A call for a player's home whose node dies is executed by the next node on the ring.
func TestSessionCallsSkipADeadNode(t *testing.T) {
	r := newRig(t, nil)
	a, b := startNode(t, "a", "127.0.0.1:0"), startNode(t, "b", "127.0.0.1:0")
	r.reg.show(a, b)
	conn := b.link()
	a.link()
	list := &linkpb.Members{Number: 1, Members: []*linkpb.Member{{Name: "a", Weight: 1}, {Name: "b", Weight: 1}}}
	if err := conn.SendMembers(list); err != nil {
		t.Fatal(err)
	}
	receive(t, r.sink.members)
	first := r.scoped(wirepb.Scope_SESSION, "before")
	var home, other *fakeNode
	select {
	case <-a.requests:
		home, other = a, b
	case <-b.requests:
		home, other = b, a
	}
	home.kill()
	q := other.next()
	if string(q.Payload) != "before" {
		t.Fatalf("sent again: %q", q.Payload)
	}
	q.answer(t, wirepb.Code_OK, "done")
	expect(t, first, wirepb.Code_OK, "done")
	second := r.scoped(wirepb.Scope_SESSION, "after")
	other.next().answer(t, wirepb.Code_OK, "done too")
	expect(t, second, wirepb.Code_OK, "done too")
}

func TestAnEmptyRegistryChangesNothing(t *testing.T) {
	r := newRig(t, nil)
	a := startNode(t, "a", "127.0.0.1:0")
	r.reg.show(a)
	announce(t, a.link(), 1, 1)
	receive(t, r.sink.led)
	r.reg.insist()
	answer := r.call(1, "move")
	a.next().answer(t, wirepb.Code_OK, "still here")
	expect(t, answer, wirepb.Code_OK, "still here")
}

// A node that the registry no longer shows keeps its link as long as it is or may be a member.
func TestTheRegistryTakesNothingAway(t *testing.T) {
	r := newRig(t, nil)
	a, b := startNode(t, "a", "127.0.0.1:0"), startNode(t, "b", "127.0.0.1:0")
	r.reg.show(a, b)
	link := a.link()
	announce(t, link, 1, 1)
	receive(t, r.sink.led)
	still := func() {
		t.Helper()
		answer := r.call(1, "move")
		a.next().answer(t, wirepb.Code_OK, "still here")
		expect(t, answer, wirepb.Code_OK, "still here")
	}
	r.reg.insist(b)
	still()
	if err := link.SendMembers(&linkpb.Members{Number: 1, Shards: 1, Members: []*linkpb.Member{{Name: "a", Weight: 1}, {Name: "b", Weight: 1}}}); err != nil {
		t.Fatal(err)
	}
	receive(t, r.sink.members)
	r.reg.insist()
	still()
	if err := link.SendMembers(&linkpb.Members{Number: 2, Members: []*linkpb.Member{{Name: "b", Weight: 1}}}); err != nil {
		t.Fatal(err)
	}
	receive(t, link.Done())
}

func TestPushesComeBehindTheAnswer(t *testing.T) {
	r := newRig(t, nil)
	a := startNode(t, "a", "127.0.0.1:0")
	r.reg.show(a)
	announce(t, a.link(), 1, 1)
	receive(t, r.sink.led)
	answered := make(chan bool, 1)
	r.up.Call(&linkpb.Request{Table: uint64(game.MakeTableID(1, 1))}, wirepb.Scope_TABLE, func(*linkpb.Response) {
		answered <- len(r.sink.pushes) == 0
	})
	q := a.next()
	q.answer(t, wirepb.Code_OK, "")
	if err := q.conn.SendPush(&linkpb.Push{Number: 1}); err != nil {
		t.Fatal(err)
	}
	if p := receive(t, r.sink.pushes); p.Number != 1 || !receive(t, answered) {
		t.Fatal("the push overtook the answer")
	}
}

func TestConfigIsChecked(t *testing.T) {
	reg := &fakeRegistry{}
	for name, cfg := range map[string]Config{
		"no registry": {Link: linkConfig("g", "")},
		"no secret":   {Registry: reg},
		"bad bound":   {Registry: reg, Link: linkConfig("g", ""), MaxParked: -1},
		"bad time":    {Registry: reg, Link: linkConfig("g", ""), Timeout: -1},
	} {
		if _, err := New(cfg, nil); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// A leader that is gone for longer than a moment is news, and its successor comes behind that news.
func TestWaitingIsToldBeforeTheNextLeader(t *testing.T) {
	r := newRig(t, nil)
	a, b := startNode(t, "a", "127.0.0.1:0"), startNode(t, "b", "127.0.0.1:0")
	r.reg.show(a, b)
	toA, toB := a.link(), b.link()
	if err := toA.SendMembers(&linkpb.Members{Number: 1, Shards: 2, Members: []*linkpb.Member{{Name: "a", Weight: 1}, {Name: "b", Weight: 1}}}); err != nil {
		t.Fatal(err)
	}
	receive(t, r.sink.members)
	for group := range game.GroupID(3) {
		announce(t, toA, group, 4)
		receive(t, r.sink.led)
	}
	announce(t, toB, 2, 5)
	receive(t, r.sink.led)
	a.kill()
	if group := receive(t, r.sink.waiting); group != 1 || len(r.sink.led) != 0 {
		t.Fatalf("nobody leads %d, and %d are led", group, len(r.sink.led))
	}
	announce(t, toB, 1, 5)
	if group := receive(t, r.sink.led); group != 1 || len(r.sink.waiting) != 0 {
		t.Fatalf("%d is led, %d wait", group, len(r.sink.waiting))
	}
}

// That a group moves is news once, from who leads it; it changes no route.
func TestMoving(t *testing.T) {
	r := newRig(t, nil)
	a, b := startNode(t, "a", "127.0.0.1:0"), startNode(t, "b", "127.0.0.1:0")
	r.reg.show(a, b)
	toA, toB := a.link(), b.link()
	moving := func(c *link.Conn, group game.GroupID, term uint64) {
		t.Helper()
		if err := c.SendAnnounce(&linkpb.Announce{Group: uint32(group), Term: term, Moving: true}); err != nil {
			t.Fatal(err)
		}
	}
	announce(t, toA, 1, 4)
	receive(t, r.sink.led)
	moving(toB, 1, 4) // it does not lead
	moving(toB, 1, 5)
	announce(t, toB, 2, 1)
	receive(t, r.sink.led)
	for range 3 {
		moving(toA, 1, 4)
	}
	moving(toA, 1, 3)
	moving(toA, 1, 9) // it has not announced that
	announce(t, toA, 0, 1)
	receive(t, r.sink.led)
	moving(toA, 0, 1) // nobody sits at the coordinator
	answer := r.call(1, "move")
	a.next().answer(t, wirepb.Code_OK, "here")
	expect(t, answer, wirepb.Code_OK, "here")
	if group := receive(t, r.sink.moving); group != 1 || len(r.sink.moving) != 0 {
		t.Fatalf("%d moves, and %d more", group, len(r.sink.moving))
	}
}
