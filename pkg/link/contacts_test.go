package link

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"teahouse/pkg/link/linkpb"
)

// meet makes a link between dialer and acceptor, over a pipe; closing stop keeps the dialer silent.
func meet(t *testing.T, dialer, acceptor Config, stop <-chan struct{}) (d, a *Conn) {
	t.Helper()
	dialer.DeadAfter, acceptor.DeadAfter = 0, 0 // the default
	one, two := net.Pipe()
	d, a, err1, err2 := shake(dialer, acceptor, &stall{one, stop, make(chan struct{})}, two, Handler{}, Handler{})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	d.start()
	a.start()
	return d, a
}

// shows wants that the contacts are these, with a silence from less to most.
func shows(t *testing.T, when string, got []Contact, less, most time.Duration, want ...Contact) {
	t.Helper()
	for i := range got {
		if since := time.Duration(got[i].SinceMS) * time.Millisecond; since < less || since > most {
			t.Errorf("%s: %s was heard %v ago, want %v to %v", when, got[i].Name, since, less, most)
		}
		got[i].SinceMS = 0
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: %+v, want %+v", when, got, want)
	}
}

func TestContactsOfANode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var contacts Contacts
		self, other := nodeConfig(), nodeConfig()
		self.Contacts, other.Name = &contacts, "node-2"
		shows(t, "before the first link", contacts.List([]string{"node-2"}), -time.Millisecond, -time.Millisecond, Contact{Name: "node-2", Role: RoleNode})
		if list := contacts.List(nil); list == nil || len(list) != 0 {
			t.Errorf("of nobody: %#v, want an empty list", list)
		}

		// The other node's link to this one, and this one's to it.
		mute := make(chan struct{})
		theirs, accepted := meet(t, other, self, mute)
		time.Sleep(3 * time.Second)
		shows(t, "idle, one way", contacts.List([]string{"node-2"}), 0, 400*time.Millisecond, Contact{Name: "node-2", Role: RoleNode})
		shows(t, "no member yet", contacts.List(nil), 0, 400*time.Millisecond, Contact{Name: "node-2", Role: RoleNode})
		mine, answering := meet(t, self, other, nil)
		gate, gateHere := meet(t, gatewayConfig(), self, nil)
		time.Sleep(3 * time.Second)
		shows(t, "idle, both ways", contacts.List([]string{"node-2"}), 0, 400*time.Millisecond,
			Contact{Name: "node-2", Role: RoleNode, Linked: true}, Contact{Name: "gateway-1", Role: RoleGateway, Linked: true})

		// One way falls silent: the other one still says that there is contact.
		close(mute)
		<-accepted.Done()
		<-theirs.Done()
		shows(t, "one way silent", contacts.List([]string{"node-2"}), 0, 400*time.Millisecond,
			Contact{Name: "node-2", Role: RoleNode, Linked: true}, Contact{Name: "gateway-1", Role: RoleGateway, Linked: true})

		// Both are lost: the time grows, and both stay.
		mine.Close()
		gate.Close()
		<-mine.Done()
		<-gateHere.Done()
		time.Sleep(5 * time.Minute)
		shows(t, "lost", contacts.List([]string{"node-2"}), 5*time.Minute, 5*time.Minute+200*time.Millisecond,
			Contact{Name: "node-2", Role: RoleNode}, Contact{Name: "gateway-1", Role: RoleGateway})
		shows(t, "lost and no member", contacts.List(nil), 5*time.Minute, 5*time.Minute+200*time.Millisecond, Contact{Name: "gateway-1", Role: RoleGateway})
		time.Sleep(5 * time.Minute)
		shows(t, "ten minutes later", contacts.List([]string{"node-2"}), 10*time.Minute, 10*time.Minute+200*time.Millisecond,
			Contact{Name: "node-2", Role: RoleNode})
		<-answering.Done()
	})
}

// TestHeard: silence counts from the last word, not from the last look, and an end is no word.
func TestHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, n := pipePair(t, plain, Handler{})
		time.Sleep(time.Second + 10*time.Millisecond)
		if err := g.SendPush(&linkpb.Push{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		at := time.Now()
		g.Close()
		<-n.Done() // between two ticks
		if late := n.Heard().Sub(at); late != 0 {
			t.Errorf("the last word was noted %v after it", late)
		}
		time.Sleep(time.Hour)
		if since := time.Since(n.Heard()); since != time.Hour {
			t.Errorf("an hour later: %v", since)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		stopped := make(chan struct{})
		g, n := pipePair(t, func(nc net.Conn) net.Conn { return &stall{nc, stopped, make(chan struct{})} }, Handler{})
		time.Sleep(time.Second)
		close(stopped)
		at := time.Now()
		<-g.Done()
		if late := g.Heard().Sub(at); late < -50*time.Millisecond || late > 50*time.Millisecond || time.Since(at) < 200*time.Millisecond {
			t.Errorf("the link ended %v after the last word, which was noted %v after it", time.Since(at), late)
		}
		<-n.Done()
	})
}

// TestNewestContactCounts: of two links that end it is no matter which one ends last.
func TestNewestContactCounts(t *testing.T) {
	for _, staleLast := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var contacts Contacts
			stale := &Conn{peer: Peer{Name: "node-2", Role: RoleNode}, born: time.Now()}
			time.Sleep(time.Second)
			fresh := &Conn{peer: stale.peer, born: time.Now()}
			contacts.up(stale)
			contacts.up(fresh)
			first, last := stale, fresh
			if staleLast {
				first, last = fresh, stale
			}
			contacts.down(first)
			contacts.down(last)
			time.Sleep(time.Second)
			if list := contacts.List([]string{"node-2"}); list[0].SinceMS != 1000 {
				t.Errorf("stale last: %t: %+v", staleLast, list)
			}
		})
	}
}

// TestContactsAreBounded: whoever comes and goes under ever new names, little stays, and what stays
// is the newest.
func TestContactsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var contacts Contacts
		visit := func(name, role string) {
			l := &Conn{peer: Peer{Name: name, Role: role}, born: time.Now()}
			contacts.up(l)
			contacts.down(l)
			time.Sleep(time.Second)
		}
		visit("node-2", RoleNode)
		for i := range 2 * maxLost {
			visit(fmt.Sprintf("gateway-%d", i), RoleGateway)
		}
		if n := len(contacts.peers); n > maxLost+1 {
			t.Errorf("%d are remembered", n)
		}
		list := contacts.List([]string{"node-2"})
		if list[0].Name != "node-2" || list[0].SinceMS < 0 || len(list) != maxLost+1 {
			t.Errorf("%d in the list, first %+v", len(list), list[0])
		}
		if !slices.ContainsFunc(list, func(c Contact) bool { return c.Name == fmt.Sprintf("gateway-%d", 2*maxLost-1) }) {
			t.Error("the newest is not among them")
		}
		time.Sleep(forgetAfter)
		visit("gateway-last", RoleGateway)
		if n := len(contacts.peers); n != 2 {
			t.Errorf("%d are remembered when all but one gateway have been away for long", n)
		}
	})
}
