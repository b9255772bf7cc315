package link

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Bounds of what is remembered of peers without a link.
const (
	forgetAfter = 10 * time.Minute // a lost gateway
	maxLost     = 256              // per role; beyond it the one that was heard last the longest ago is forgotten
)

// Contact is what a process knows of a peer, as its status page shows it.
type Contact struct {
	Name string `json:"name"`
	Role string `json:"role"`
	// Linked says that calls can be sent now: to a node over this process's own link to it, from
	// a gateway over its link to here.
	Linked bool `json:"linked"`
	// SinceMS are the milliseconds since anything was received from the peer, over any link, pings
	// included; -1 = never. It may be too small by what Conn.Heard is late.
	SinceMS int64 `json:"since_contact_ms"`
}

// Contacts remembers when peers were last heard; Config.Contacts has them filled in. It is safe
// for concurrent use. The zero value is ready.
type Contacts struct {
	mu    sync.Mutex
	peers map[string]*contact
}

// contact is guarded by Contacts.mu.
type contact struct {
	role  string
	links []*Conn   // that stand
	heard time.Time // over links that have ended
}

// List describes the nodes that are named and the peers that are linked; of those that are not
// linked any more, the gateways that were heard in the last ten minutes. Nodes come first, in the
// order of their names.
func (c *Contacts) List(nodes []string) []Contact {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	list := []Contact{}
	for _, name := range nodes {
		if c.peers[name] == nil {
			list = append(list, Contact{Name: name, Role: RoleNode, SinceMS: -1})
		}
	}
	for name, p := range c.peers {
		since := now.Sub(p.last())
		wanted := len(p.links) > 0 || slices.Contains(nodes, name) || p.role == RoleGateway && since < forgetAfter
		if !wanted {
			continue
		}
		linked := slices.ContainsFunc(p.links, func(l *Conn) bool { return l.dialed == (p.role == RoleNode) })
		list = append(list, Contact{Name: name, Role: p.role, Linked: linked, SinceMS: since.Milliseconds()})
	}
	slices.SortFunc(list, func(a, b Contact) int {
		return cmp.Or(cmp.Compare(b.Role, a.Role), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// last needs Contacts.mu.
func (p *contact) last() time.Time {
	last := p.heard
	for _, l := range p.links {
		if heard := l.Heard(); heard.After(last) {
			last = heard
		}
	}
	return last
}

func (c *Contacts) up(l *Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.peers == nil {
		c.peers = make(map[string]*contact)
	}
	p := c.peers[l.peer.Name]
	if p == nil {
		p = new(contact)
		c.peers[l.peer.Name] = p
	}
	p.role = l.peer.Role
	p.links = append(p.links, l)
}

func (c *Contacts) down(l *Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.peers[l.peer.Name]
	p.heard = p.last()
	p.links = slices.DeleteFunc(p.links, func(other *Conn) bool { return other == l })
	if len(p.links) == 0 {
		c.boundLocked(p.role)
	}
}

// boundLocked forgets whom nobody asks for any more; mu is held.
func (c *Contacts) boundLocked(role string) {
	lost, oldest := 0, ""
	for name, p := range c.peers {
		if len(p.links) > 0 || p.role != role {
			continue
		}
		if role == RoleGateway && time.Since(p.heard) >= forgetAfter {
			delete(c.peers, name)
			continue
		}
		lost++
		if oldest == "" || p.heard.Before(c.peers[oldest].heard) {
			oldest = name
		}
	}
	if lost > maxLost {
		delete(c.peers, oldest)
	}
}
