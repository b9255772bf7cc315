package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/bench/history"
	"teahouse/bench/outage"
	"teahouse/pkg/client"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// player is one client, with what it asked and was told.
type player struct {
	b     *Bench
	index int

	rand   *rand.Rand // of the goroutine that runs
	client *client.Client
	id     game.PlayerID

	mu       sync.Mutex
	ops      []history.Op
	greeted  bool          // a login's answer comes next
	lost     int64         // when the last connection was lost
	loginFor time.Duration // the first one took
	kept     outage.Keeper
}

func newPlayer(b *Bench, index int) *player {
	return &player{b: b, index: index, rand: rand.New(rand.NewPCG(b.cfg.Seed, uint64(index)))}
}

func (p *player) login(ctx context.Context) error {
	began := time.Now()
	c, err := client.Dial(ctx, client.Config{
		Addr: p.b.addr, Program: "teahouse-bench", Logger: p.b.cfg.Logger, BackoffMin: 5 * time.Millisecond,
		Hooks: client.Hooks{Received: p.received, Sent: p.sent, Disconnected: p.disconnected},
	})
	if err != nil {
		return err
	}
	p.client, p.id = c, c.Player()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loginFor = time.Since(began)
	return nil
}

func (p *player) note(o history.Op) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ops = append(p.ops, o)
}

// history is what the player asked and was told so far.
func (p *player) history() []history.Op {
	p.mu.Lock()
	defer p.mu.Unlock()
	ops := slices.Clone(p.ops)
	for i := range ops {
		ops[i].Player = p.id
	}
	return ops
}

func (p *player) disconnected(error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost = p.b.now()
	p.kept.Lost(time.Now())
}

// received takes what tells of the player's binding unasked: hints of a match, and what a
// resume is answered.
func (p *player) received(e *wirepb.Envelope) {
	p.watch(func(k *outage.Keeper, now time.Time) { k.Received(e, now) })
	switch b := e.Body.(type) {
	case *wirepb.Envelope_Welcome:
		p.greeted = true
	case *wirepb.Envelope_Reply:
		if p.greeted {
			p.greeted = false
			p.resumed(b.Reply)
		}
	case *wirepb.Envelope_Push:
		n := &wirepb.Notice{}
		if b.Push.Kind != wirepb.Push_NOTICE || proto.Unmarshal(b.Push.Payload, n) != nil {
			return
		}
		if m := n.GetMatched(); m != nil {
			p.note(history.Op{Kind: history.Told, Return: p.b.now(), Got: m.Ticket, Table: game.TableID(m.Table)})
		}
	}
}

func (p *player) resumed(r *wirepb.Reply) {
	login := &wirepb.LoginReply{}
	p.mu.Lock()
	lost := p.lost
	p.mu.Unlock()
	if lost == 0 || r.Code != wirepb.Code_OK || proto.Unmarshal(r.Payload, login) != nil {
		return // the first login has nothing to tell
	}
	p.note(history.Op{Kind: history.Read, Call: lost, Return: p.b.now(), Got: login.Ticket, Table: game.TableID(login.Table)})
}

// ask records one call. do fills the answer in and returns the client's error.
func (p *player) ask(o history.Op, do func(*history.Op) error) history.Op {
	before := p.client.Stats().Resumes
	o.Call = p.b.now()
	err := do(&o)
	o.Return = p.b.now()
	o.Doubt = p.client.Stats().Resumes != before
	if o.Code = game.CodeOf(err, wirepb.Code_OK); err != nil && o.Code == wirepb.Code_OK {
		o.Return, o.Got, o.Table = history.Open, 0, 0
	}
	p.note(o)
	return o
}

func (p *player) join(ctx context.Context, queue int) history.Op {
	return p.ask(history.Op{Kind: history.Join, Queue: fmt.Sprint(queue)}, func(o *history.Op) (err error) {
		o.Got, err = p.client.Join(ctx, p.b.kinds[queue].request())
		if o.Got == 0 && (err == nil || game.CodeOf(err, wirepb.Code_OK) == wirepb.Code_AT_TABLE) {
			o.Table = p.client.Table()
		}
		return err
	})
}

func (p *player) cancel(ctx context.Context, ticket uint64) history.Op {
	return p.ask(history.Op{Kind: history.Cancel, Ticket: ticket}, func(o *history.Op) error {
		err := p.client.Cancel(ctx, ticket)
		if game.CodeOf(err, wirepb.Code_OK) == wirepb.Code_AT_TABLE {
			o.Table = p.client.Table()
		}
		return err
	})
}

func (p *player) read(ctx context.Context) history.Op {
	return p.ask(history.Op{Kind: history.Read}, func(o *history.Op) error {
		reply := &wirepb.BindingReply{}
		err := p.client.Repeat(ctx, "queue.binding", 0, &wirepb.BindingRequest{}, reply)
		o.Got, o.Table = reply.Ticket, game.TableID(reply.Table)
		return err
	})
}
