package shard

import (
	"maps"
	"slices"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
)

// SessionClosed handles the news that a session's client is gone: if the player does not attach again
// in time, the seat is detached.
func (s *Shard) SessionClosed(c *linkpb.SessionClosed) {
	id := game.TableID(c.GetTable())
	s.watch(func(t *table.Table, a table.Attachment) bool {
		return t.ID() == id && uint64(a.Player) == c.GetPlayer() && a.Epoch == c.GetEpoch() && a.Session == c.GetSession()
	}, id)
}

// GatewayDown handles the loss of the link to a gateway, as SessionClosed for all of its sessions.
func (s *Shard) GatewayDown(gateway string) {
	s.watch(func(_ *table.Table, a table.Attachment) bool { return a.Gateway == gateway }, 0)
}

// watch starts to watch the attachments that match, once all requests that wait now are applied: an
// attach may be among them. id limits it to one table; 0 = all.
func (s *Shard) watch(match func(*table.Table, table.Attachment) bool, id game.TableID) {
	// A replica that does not lead need not watch: the next leader watches all attachments.
	_ = s.inbox.put(item{after: func(l *leader) { l.watchAll(match, id) }})
}

// watched is an attachment that is to be detached unless it is renewed in time.
type watched struct {
	table  game.TableID
	seat   int
	number uint64
}

// watchAll waits for DetachAfter, then detaches those of the matching attachments that have not been
// replaced by a new one.
func (l *leader) watchAll(match func(*table.Table, table.Attachment) bool, id game.TableID) {
	var list []watched
	l.s.mu.Lock()
	collect := func(t *table.Table) {
		for _, a := range t.Attachments() {
			if match(t, a) {
				list = append(list, watched{t.ID(), a.Seat, a.Number})
			}
		}
	}
	if t := l.s.state.tables[id]; t != nil {
		collect(t)
	} else if id == 0 {
		for _, id := range slices.Sorted(maps.Keys(l.s.state.tables)) { // the same order in every run
			collect(l.s.state.tables[id])
		}
	}
	l.s.mu.Unlock()
	if len(list) > 0 {
		l.after(l.s.cfg.DetachAfter, func() { l.detach(list) })
	}
}

func (l *leader) detach(list []watched) {
	var still []watched
	l.s.mu.Lock()
	for _, w := range list {
		if t := l.s.state.tables[w.table]; t != nil {
			for _, a := range t.Attachments() {
				if a.Seat == w.seat && a.Number == w.number {
					still = append(still, w)
				}
			}
		}
	}
	l.s.mu.Unlock()
	for _, w := range still {
		l.command(&tablepb.Command{Table: uint64(w.table), Body: &tablepb.Command_Detach{
			Detach: &tablepb.Detach{Seat: uint32(w.seat), Attachment: w.number},
		}}, nil)
	}
}
