package match

// Company is how far a waiting ticket has come.
type Company struct {
	Ticket uint64
	People int // who could sit down together within the ticket's window, its player among them: 1 to Settings.Seats
}

// Companies returns the company of each waiting ticket as of nowMs, oldest ticket first; none without seats. It
// takes O(n log n) time.
func Companies(waiting []Ticket, nowMs uint64, s Settings) []Company {
	if s.Seats < 1 || len(waiting) == 0 {
		return nil
	}
	p := newPool(waiting)
	all := make([]Company, len(p.tickets))
	if s.Alone {
		for i, t := range p.tickets {
			all[i] = Company{t.ID, 1}
		}
		return all
	}
	// Tickets with equal ratings and windows have equally many, and most have those in common with the one
	// of their class before.
	type last struct {
		window uint64
		people int // 0 = none yet
	}
	before := make([]last, len(p.classes))
	for i, t := range p.tickets {
		b, window := &before[p.class[i]], s.window(t, nowMs)
		if b.people == 0 || b.window != window {
			*b = last{window, p.company(i, s.Seats, window).size()}
		}
		all[i] = Company{t.ID, b.people}
	}
	return all
}
