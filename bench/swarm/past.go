package swarm

import (
	"sync"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// past is where a player sat before. Somebody who has slept through the end of
// a table might still call the player there.
type past struct {
	mu     sync.Mutex
	tables map[game.TableID]bool
}

func (p *past) left(table game.TableID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tables == nil {
		p.tables = make(map[game.TableID]bool)
	}
	p.tables[table] = true
}

func (p *past) holds(table game.TableID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tables[table]
}

// notice judges a hint.
func (p *player) notice(push *wirepb.Push) {
	n := &wirepb.Notice{}
	if err := proto.Unmarshal(push.Payload, n); err != nil {
		p.s.book.stray("player %d: a hint that is none: %v", p.id, err)
		return
	}
	if m := n.GetMatched(); m != nil && p.past.holds(game.TableID(m.Table)) {
		p.s.book.stray("player %d is called to table %v, which it has left", p.id, game.TableID(m.Table))
	}
}
