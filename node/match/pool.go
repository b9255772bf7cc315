package match

import (
	"cmp"
	"slices"
)

// pool holds the unseated tickets by rating.
type pool struct {
	tickets []Ticket // oldest first
	seated  []bool   // by index in tickets
	class   []int    // index in classes, by index in tickets
	classes []class  // by rating, ascending
}

// class holds all tickets of one rating. They are seated oldest first.
type class struct {
	rating     int64
	waiting    []int // indices in tickets, oldest first
	prev, next int   // nearest classes with waiting tickets; -1 = none
}

// group is a possible table: own tickets of the choosing class, and others.
type group struct {
	class  int
	own    int
	others []int // classes, once per ticket
	spread uint64
}

func (g group) size() int { return g.own + len(g.others) }

func newPool(waiting []Ticket) *pool {
	tickets := slices.Clone(waiting)
	slices.SortFunc(tickets, func(a, b Ticket) int {
		return cmp.Or(cmp.Compare(a.JoinedMs, b.JoinedMs), cmp.Compare(a.ID, b.ID))
	})
	byRating := make([]int, len(tickets))
	for i := range byRating {
		byRating[i] = i
	}
	slices.SortStableFunc(byRating, func(a, b int) int {
		return cmp.Compare(tickets[a].Rating, tickets[b].Rating)
	})
	p := &pool{tickets: tickets, seated: make([]bool, len(tickets)), class: make([]int, len(tickets))}
	for from, i := 0, 0; i < len(byRating); i++ {
		t := byRating[i]
		if i == 0 || tickets[t].Rating != tickets[byRating[from]].Rating {
			from = i
			n := len(p.classes)
			p.classes = append(p.classes, class{rating: tickets[t].Rating, prev: n - 1, next: n + 1})
		}
		last := len(p.classes) - 1
		p.class[t] = last
		p.classes[last].waiting = byRating[from : i+1]
	}
	p.classes[len(p.classes)-1].next = -1
	return p
}

// choose finds the table of the given size with the least spread for a ticket. The answer is the
// same for all tickets of a class, because only ratings matter: if the oldest of them cannot have a
// table, no other can.
func (p *pool) choose(ticket, size int) (group, bool) {
	c := p.class[ticket]
	own := min(size, len(p.classes[c].waiting))
	g := group{class: c, own: own}
	rest := size - own
	if rest == 0 {
		return g, true
	}
	lower := p.neighbours(c, rest, func(c class) int { return c.prev })
	upper := p.neighbours(c, rest, func(c class) int { return c.next })
	found := false
	for l := max(0, rest-len(upper)); l <= min(rest, len(lower)); l++ {
		// The nearest l below and the nearest rest-l above: with l below, nothing is narrower.
		lo, hi := c, c
		if l > 0 {
			lo = lower[l-1]
		}
		if l < rest {
			hi = upper[rest-l-1]
		}
		spread := uint64(p.classes[hi].rating) - uint64(p.classes[lo].rating)
		if !found || spread < g.spread {
			found = true
			g.spread = spread
			g.others = append(slices.Clone(lower[:l]), upper[:rest-l]...)
		}
	}
	return g, found
}

// company finds the largest table of at most size that fits the window; the ticket alone always
// fits.
func (p *pool) company(ticket, size int, window uint64) group {
	for ; size > 1; size-- {
		if g, ok := p.choose(ticket, size); ok && g.spread <= window {
			return g
		}
	}
	g, _ := p.choose(ticket, 1)
	return g
}

// neighbours lists the classes of the n tickets that follow class c in one direction, once per
// ticket; fewer if there are not enough.
func (p *pool) neighbours(c, n int, step func(class) int) []int {
	var list []int
	for c = step(p.classes[c]); c >= 0 && len(list) < n; c = step(p.classes[c]) {
		for range min(n-len(list), len(p.classes[c].waiting)) {
			list = append(list, c)
		}
	}
	return list
}

// seat removes the group from the pool and returns its tickets, first the one that chose.
func (p *pool) seat(g group) []uint64 {
	ids := make([]uint64, 0, g.size())
	for range g.own {
		ids = append(ids, p.take(g.class))
	}
	for _, c := range g.others {
		ids = append(ids, p.take(c))
	}
	return ids
}

// take seats the oldest ticket of a class.
func (p *pool) take(c int) uint64 {
	this := &p.classes[c]
	i := this.waiting[0]
	this.waiting = this.waiting[1:]
	p.seated[i] = true
	if len(this.waiting) == 0 {
		if this.prev >= 0 {
			p.classes[this.prev].next = this.next
		}
		if this.next >= 0 {
			p.classes[this.next].prev = this.prev
		}
	}
	return p.tickets[i].ID
}
