package shard

import (
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// client plays one seat to the end, as gateway and player together: it resends until the answer is
// definite, and attaches again after every gap and to every new leader.
type client struct {
	c      *cluster
	table  game.TableID
	player uint64
	wake   chan struct{}

	mu       sync.Mutex
	last     uint64
	seen     map[uint64]string // events by number
	prompt   uint64
	answered uint64
	over     bool
	gap      bool
	next     uint64
	acked    map[uint64]bool // numbers of acknowledged moves
}

func newClient(c *cluster, table game.TableID, player uint64) *client {
	p := &client{c: c, table: table, player: player, wake: make(chan struct{}, 1), seen: make(map[uint64]string), acked: make(map[uint64]bool)}
	c.mu.Lock()
	c.onPush[player*100+1] = p.push
	c.mu.Unlock()
	return p
}

func (p *client) push(m *linkpb.Push) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}()
	if m.GetKind() == wirepb.Push_SNAPSHOT {
		var v wirepb.TableView
		if err := proto.Unmarshal(m.GetPayload(), &v); err != nil {
			p.c.t.Error(err)
		}
		p.last, p.prompt, p.over = m.GetNumber(), v.GetPrompt().GetNumber(), v.GetReleased()
		return
	}
	if old, ok := p.seen[m.GetNumber()]; ok && old != string(m.GetPayload()) {
		p.c.t.Errorf("player %d: event %d came twice, differently", p.player, m.GetNumber())
	}
	switch {
	case m.GetNumber() <= p.last:
		return
	case m.GetNumber() > p.last+1:
		p.gap = true
		return
	}
	p.last = m.GetNumber()
	p.seen[p.last] = string(m.GetPayload())
	var e wirepb.TableEvent
	if err := proto.Unmarshal(m.GetPayload(), &e); err != nil {
		p.c.t.Error(err)
	}
	switch e.GetBody().(type) {
	case *wirepb.TableEvent_Prompt:
		p.prompt = p.last
	case *wirepb.TableEvent_Released:
		p.over = true
	}
}

// insist resends until the answer is definite.
func (p *client) insist(method string, m proto.Message) *linkpb.Response {
	for {
		r := p.c.call(method, p.table, p.player, 1, m)
		switch r.GetCode() {
		case wirepb.Code_NOT_LEADER, wirepb.Code_OUTCOME_UNKNOWN, wirepb.Code_BUSY:
			time.Sleep(10 * time.Millisecond)
			continue
		}
		return r
	}
}

func (p *client) attach() {
	p.mu.Lock()
	last := p.last
	p.gap = false
	p.mu.Unlock()
	r := p.insist("table.attach", &wirepb.AttachRequest{LastEvent: last})
	var a wirepb.AttachReply
	if err := proto.Unmarshal(r.GetPayload(), &a); err != nil || r.GetCode() != wirepb.Code_OK {
		p.c.t.Errorf("attach: %v %v", r, err)
	}
	p.next = a.GetNextNumber()
}

// play returns when the table is released.
func (p *client) play() {
	leader := -1
	for {
		if n := p.c.leading(); n != leader {
			leader = n
			p.attach()
		}
		p.mu.Lock()
		gap, over, prompt := p.gap, p.over, p.prompt
		p.mu.Unlock()
		switch {
		case over:
			return
		case gap:
			p.attach()
			continue
		case prompt > p.answered:
			p.answered = prompt
			r := p.insist("table.move", &wirepb.MoveRequest{Number: p.next, Prompt: prompt, Move: []byte{byte(p.player % 10)}})
			switch r.GetCode() {
			case wirepb.Code_OK:
				p.acked[p.next] = true
				p.next++
			case wirepb.Code_PROMPT_GONE:
			default:
				p.c.t.Errorf("player %d: move %v", p.player, r)
			}
			continue
		}
		select {
		case <-p.wake:
		case <-time.After(50 * time.Millisecond): // look for a new leader
		}
	}
}
