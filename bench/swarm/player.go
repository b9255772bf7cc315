package swarm

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/bench/audit"
	"teahouse/bench/outage"
	"teahouse/pkg/client"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// player is a guest made of code.
type player struct {
	s      *Swarm
	index  int
	rand   *rand.Rand // owned by run
	client *client.Client
	id     game.PlayerID

	gateway atomic.Pointer[string] // which one it is connected to
	seat    atomic.Pointer[seat]   // where pushes are noted; nil = nowhere
	moving  atomic.Uint64          // table of the unanswered move, or 0
	past    past
	watch   watch
	cut     *sitting // which the end of the grace has broken off; owned by run, and then by Run
}

// seat is a place at a table while it is taken.
type seat struct {
	table game.TableID
	heard *heard
	mu    sync.Mutex
	audit.Seat
}

// note keeps what the gateway pushed; false if it is not about this seat.
func (s *seat) note(p *wirepb.Push, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case p.Table != uint64(s.table):
		return false
	case p.Kind == wirepb.Push_EVENT:
		s.Stream.Event(p.Number, p.Payload, now)
	case p.Kind == wirepb.Push_SNAPSHOT:
		s.Stream.Snapshot(p.Number, p.Payload)
	}
	return true
}

func newPlayer(s *Swarm, index int) *player {
	return &player{s: s, index: index, rand: rand.New(rand.NewPCG(s.cfg.Seed, uint64(index)))}
}

func (p *player) gatewayName() string {
	if name := p.gateway.Load(); name != nil {
		return *name
	}
	return ""
}

func (p *player) login(ctx context.Context) error {
	c, err := client.Dial(ctx, client.Config{
		Addr: p.s.addr, Program: "teahouse-bench", Games: p.s.games, Logger: p.s.cfg.Logger,
		Hooks: client.Hooks{
			Received: p.received, Sent: p.sent, Noticed: p.s.meter.noticed,
			MoveAnswered: func(_ game.TableID, _ uint64, code wirepb.Code, took time.Duration) {
				p.s.meter.move(p.index, code, took)
			},
			Disconnected: func(error) {
				p.s.meter.disconnects.Add(1)
				p.watch.do(func(k *outage.Keeper) { k.Lost(time.Now()) })
			},
		},
	})
	if err != nil {
		return err
	}
	p.client, p.id = c, c.Player()
	p.s.meter.players.Add(1)
	return nil
}

// received sees every message, before the client acts on it.
func (p *player) received(e *wirepb.Envelope) {
	if p.s.deaf.Load() {
		return // the run is over
	}
	now := time.Now()
	p.watch.do(func(k *outage.Keeper) { k.Received(e, now) })
	switch b := e.Body.(type) {
	case *wirepb.Envelope_Push:
		if b.Push.Kind == wirepb.Push_SNAPSHOT {
			p.s.meter.snapshots.Add(1)
		}
		if b.Push.Kind == wirepb.Push_NOTICE {
			p.notice(b.Push)
		} else if s := p.seat.Load(); s != nil && s.note(b.Push, now) {
			if since, late := s.heard.push(p.s, p.id, b.Push, now); late {
				p.watch.do(func(k *outage.Keeper) { k.Late(since, now) })
			}
		} else {
			p.s.book.stray("player %d: %v of table %v, where it does not sit", p.id, b.Push.Kind, game.TableID(b.Push.Table))
		}
	case *wirepb.Envelope_Welcome:
		p.gateway.Store(&b.Welcome.Gateway)
	}
}

// sent sees every message on its way to the gateway.
func (p *player) sent(e *wirepb.Envelope) {
	now := time.Now()
	p.watch.do(func(k *outage.Keeper) { k.Sent(e, now) })
	call := e.GetCall()
	if call.GetMethod() != "table.attach" {
		return
	}
	m := &wirepb.AttachRequest{}
	if s := p.seat.Load(); s != nil && proto.Unmarshal(call.Payload, m) == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if call.Table == uint64(s.table) {
			s.Stream.Again(m.LastEvent)
		}
	}
}

// over says whether the play is over.
func (p *player) over() bool {
	select {
	case <-p.s.ended:
		return true
	default:
		return false
	}
}

// run plays round after round until the play is over, and the last one to its end
// or that of ctx.
func (p *player) run(ctx context.Context) {
	for !p.over() && ctx.Err() == nil {
		if p.s.book.full() {
			p.sleep(ctx, 10*time.Millisecond)
			continue
		}
		id, err := p.queue(ctx)
		if err == nil && id != 0 {
			err = p.sit(ctx, id)
		}
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		p.s.meter.failed(err)
		select {
		case <-p.client.Done(): // superseded, or the like
			return
		default:
			p.sleep(ctx, retryPause)
		}
	}
}

// retryPause is the pause after a refusal.
const retryPause = 100 * time.Millisecond

// queue waits for a table; it returns 0 if the play was over first.
func (p *player) queue(ctx context.Context) (game.TableID, error) {
	began := time.Now()
	ticket, err := p.client.Join(ctx, &wirepb.JoinRequest{Queue: p.s.cfg.Queue, Mode: p.s.cfg.Mode, Hands: p.s.cfg.Hands})
	if err != nil {
		if game.CodeOf(err, wirepb.Code_OK) == wirepb.Code_AT_TABLE {
			p.s.meter.failed(err)
			return p.client.Table(), nil // back to it
		}
		return 0, err
	}
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	// One goroutine for the wait is cheaper than it looks: a round has one.
	go func() {
		select {
		case <-p.s.ended:
			stop()
		case <-waiting.Done():
		}
	}()
	id, err := p.client.WaitMatched(waiting)
	if err == nil {
		p.s.meter.matched(time.Since(began))
		return id, nil
	}
	if ctx.Err() != nil || !errors.Is(err, context.Canceled) {
		return 0, err
	}
	switch err := p.client.Cancel(ctx, ticket); game.CodeOf(err, wirepb.Code_OK) {
	case wirepb.Code_AT_TABLE:
		return p.client.Table(), nil // matched after all: play it out
	case wirepb.Code_NO_TICKET:
		return 0, nil
	default:
		return 0, err
	}
}

// sit plays a round to its end. When ctx ends it, the seat goes on listening until cutOff.
func (p *player) sit(ctx context.Context, id game.TableID) error {
	seat := &seat{table: id, heard: p.s.hearing.at(id), Seat: audit.Seat{Player: p.id, Out: p.watch.out}}
	p.seat.Store(seat)
	s := &sitting{player: p, seat: seat}
	t, err := p.client.Attach(ctx, id)
	if err == nil {
		s.table = t
		p.s.meter.seated(1)
		err = s.play(ctx)
		p.s.meter.seated(-1)
		// The stream goes on being noted until here, and is the book's from then on.
		if err == nil {
			err = t.Leave(ctx)
		}
		if err == nil {
			p.past.left(id)
		}
	}
	if err != nil && ctx.Err() != nil {
		seat.mu.Lock()
		defer seat.mu.Unlock()
		seat.Cut = time.Now() // from here on nobody answers
		p.cut = s
		return err
	}
	s.rise()
	return err
}

// cutOff ends what the grace has ended.
func (p *player) cutOff() {
	if p.cut != nil {
		p.cut.rise()
	}
}

// rise hands over what the seat has lived through.
func (s *sitting) rise() {
	p, seat := s.player, s.seat
	p.seat.Store(nil)
	seat.mu.Lock()
	defer seat.mu.Unlock()
	id := seat.table
	seat.table = 0 // whoever has still loaded it notes nothing more
	p.s.hearing.left(id, p.id)
	for _, m := range seat.Moves {
		if m.Number != 0 {
			p.s.cfg.Acknowledged(id, p.id, m)
		}
	}
	p.s.book.left(id, &seat.Seat, s.companions)
}

// think waits as long as somebody who thinks, or until it is time for the next move. due is that
// time; zero = nothing says when. A limit of 0 is none.
func (p *player) think(ctx context.Context, limit time.Duration) (due time.Time) {
	if limit == 0 {
		limit = math.MaxInt64
	}
	if p.over() || p.s.cfg.Pace == 0 && p.s.rate == nil {
		return due
	}
	// Nobody thinks until the time is over: a prompt that times out is a finding.
	var d time.Duration
	if p.s.rate == nil {
		d = min(time.Duration(p.rand.ExpFloat64()*float64(p.s.cfg.Pace)), limit/2)
	} else {
		due = p.s.rate.Take(time.Now())
		if d = time.Until(due); d > limit/2 {
			d, due = limit/2, time.Time{}
			p.s.meter.early.Add(1)
		}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return due
	case <-p.s.ended:
	case <-ctx.Done():
	}
	return time.Time{}
}

func (p *player) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
