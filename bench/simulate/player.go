package simulate

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/client/engine"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// player wants to play some rounds on any device that works.
type player struct {
	w        *world
	index    int
	id       game.PlayerID
	token    string
	devices  int
	now      *device // the one with the newest login: the others are superseded and may not know it
	epoch    uint64  // of that login
	finished map[game.TableID]bool
}

// take switches to a new device.
func (p *player) take() {
	p.devices++
	d := &device{
		process: process{w: p.w, name: fmt.Sprintf("device-%d.%d", p.index, p.devices)}, player: p,
		engine: engine.New(engine.Config{
			Token: p.token, MaxEvents: p.w.plan.maxEvents, Device: uint64(p.index)<<32 | uint64(p.devices),
		}),
	}
	d.start()
	if p.now == nil || p.now.dead {
		p.now = d
	}
	d.connect(0)
}

func (p *player) know(d *device, l *wirepb.LoginReply) {
	if l.Epoch > p.epoch {
		p.epoch, p.now = l.Epoch, d
	}
	if p.id != 0 && p.id != game.PlayerID(l.Player) {
		p.w.book.violate("player %d became player %d", p.id, l.Player)
	}
	p.id, p.token = game.PlayerID(l.Player), l.Token
}

// deviceDied switches to another one if this was the one in use.
func (p *player) deviceDied(d *device) {
	if p.now == d {
		p.w.after(p.w.between(0, 300*time.Millisecond), func() {
			if p.now == d {
				p.take()
			}
		})
	}
}

func (p *player) wants() bool { return len(p.finished) < p.w.plan.rounds }

// done reports whether the player has played all rounds and holds nothing any more.
func (p *player) done() bool {
	d := p.now
	return !p.wants() && d.state == online && d.table == nil && d.engine.Bound() == 0 && d.engine.Ticket() == 0 && !d.joining
}

// think does what a player would do next.
func (d *device) think() {
	switch {
	case d.dead || d.state != online:
	case d.table != nil:
		d.read()
	case d.engine.Bound() != 0:
		d.sit(d.engine.Bound())
	case d.engine.Ticket() == 0 && !d.joining && d.player.wants():
		d.join()
	}
}

func (d *device) thinkSoon() { d.after(d.w.between(0, 5*time.Millisecond), d.flush) }

func (d *device) join() {
	w := d.w
	d.joining = true
	d.after(w.between(0, 30*time.Millisecond), func() {
		d.engine.Join(&wirepb.JoinRequest{Queue: "q"}, func(ticket uint64, err error) {
			d.joining = false
			code := game.CodeOf(err, wirepb.Code_OK)
			w.tracef("%s joined: ticket %d, %v", d.name, ticket, err)
			if code == wirepb.Code_OK || code == wirepb.Code_ALREADY_QUEUED {
				if w.fault(w.plan.cancel) {
					d.cancelLater(ticket)
				}
			}
			d.thinkSoon()
		})
		d.flush()
	})
}

// cancelLater changes the player's mind later.
func (d *device) cancelLater(ticket uint64) {
	d.after(d.w.between(0, 60*time.Millisecond), func() {
		if d.engine.Ticket() != ticket || d.table != nil {
			return
		}
		d.joining = true
		epoch := d.epoch
		d.engine.CancelTicket(ticket, func(err error) {
			d.joining = false
			d.w.tracef("%s cancelled ticket %d: %v", d.name, ticket, err)
			// After a resume in between, it is unknown whether it was cancelled or played.
			if err == nil && epoch == d.epoch {
				d.w.book.cancelled(d, ticket)
			}
			d.thinkSoon()
		})
		d.flush()
	})
}

func (d *device) sit(id game.TableID) {
	d.prompt, d.left = 0, false
	d.seen = d.w.book.sits(d, id)
	d.table, d.view = d.engine.Use(id, d), nil
	d.thinkSoon()
}

// WakeUp implements engine.Owner.
func (d *device) WakeUp() { d.thinkSoon() }

// read receives the available events.
func (d *device) read() {
	if d.w.now < d.busyUntil {
		return
	}
	if d.w.fault(d.w.plan.slowReader) {
		pause := d.w.between(0, 500*time.Millisecond)
		d.busyUntil = d.w.now + pause
		d.after(pause, d.flush)
		return
	}
	for d.table != nil && !d.left {
		push, err := d.table.Receive()
		if err != nil {
			d.w.tracef("%s: table %v is over: %v", d.name, d.table.ID(), err)
			if game.CodeOf(err, wirepb.Code_OK) == wirepb.Code_TABLE_GONE {
				if quiet := retention + 2*time.Second; d.w.calm && d.w.now-max(d.since, d.w.peaceful) > quiet {
					d.w.book.violate("%s at table %v was never told its end", d.name, d.table.ID())
				}
				d.player.finished[d.table.ID()] = true
			}
			d.table = nil
			d.thinkSoon()
			return
		}
		if push == nil {
			return
		}
		d.w.book.event(d, push)
		if push.Kind == wirepb.Push_SNAPSHOT {
			v := &wirepb.TableView{}
			if proto.Unmarshal(push.Payload, v) != nil {
				continue
			}
			d.see(v, nil)
			d.ask(v.GetPrompt().GetNumber(), v.GetPrompt().GetPrompt().GetGame())
			if v.Released {
				d.leave()
			}
			continue
		}
		e := &wirepb.TableEvent{}
		if proto.Unmarshal(push.Payload, e) != nil {
			continue
		}
		d.see(nil, e)
		switch b := e.Body.(type) {
		case *wirepb.TableEvent_Prompt:
			d.ask(push.Number, b.Prompt.Game)
		case *wirepb.TableEvent_Released:
			d.leave()
		}
	}
}

// see keeps the seat's view, unless nobody can follow the game.
func (d *device) see(v *wirepb.TableView, e *wirepb.TableEvent) {
	if d.w.plan.game == "tiny" {
		return
	}
	if d.view == nil {
		d.view = engine.NewView(d.table.Seat(), func(name string) game.Game { return d.w.book.games[name] })
	}
	var err error
	if v != nil {
		err = d.view.Snapshot(v)
	} else {
		err = d.view.Told(e)
	}
	if err != nil {
		d.w.book.violate("%s at table %v is told what no hand tells: %v", d.name, d.table.ID(), err)
	}
}

func (d *device) leave() {
	t := d.table
	d.left = true
	d.w.tracef("%s leaves table %v", d.name, t.ID())
	t.Leave(func(err error) {
		d.player.finished[t.ID()] = true
		if d.table == t {
			d.table = nil
		}
		d.thinkSoon()
	})
	d.after(0, d.flush)
}

// ask lets the player think about a prompt.
func (d *device) ask(prompt uint64, asked []byte) {
	d.prompt = prompt
	if prompt == 0 {
		return
	}
	w, t := d.w, d.table
	if w.plan.game != "tiny" { // now: the view goes on while the player thinks
		var err error
		if d.best, err = d.view.Think(asked, game.Weak); err != nil {
			w.book.violate("a prompt cannot be answered: %v", err)
		}
	}
	pause := w.between(0, 40*time.Millisecond)
	if w.fault(w.plan.asleep) {
		pause = w.between(0, 2*time.Second)
	}
	d.after(pause, func() {
		if d.table != t || d.prompt != prompt || d.left {
			return
		}
		if w.fault(w.plan.illegal) {
			d.move(t, &wirepb.MoveRequest{Prompt: prompt, Move: d.illegal()}, false)
		}
		if w.fault(w.plan.auto) {
			mode := wirepb.AutoPlay_AUTO_ON
			if w.chance(2) {
				mode = wirepb.AutoPlay_AUTO_OFF
			}
			d.move(t, &wirepb.MoveRequest{AutoPlay: mode}, false)
		}
		d.move(t, &wirepb.MoveRequest{Prompt: prompt, Move: d.legal()}, true)
		d.flush()
	})
}

// move sends a move. Now and then players give up waiting for the answer and try something else.
func (d *device) move(t *engine.Table, m *wirepb.MoveRequest, again bool) {
	w := d.w
	try := d.seen.sends(m)
	r := t.Move(m, func(number uint64, answered bool, err error) {
		w.tracef("%s at %v: move %d on prompt %d: %v", d.name, t.ID(), number, m.Prompt, err)
		try.answered(number, answered, err)
	})
	if again && w.fault(w.plan.giveUp) {
		d.after(w.between(0, 30*time.Millisecond), func() {
			r.Cancel()
			if d.table == t && d.prompt == m.Prompt && !try.over {
				w.tracef("%s at %v: gives up a move on prompt %d", d.name, t.ID(), m.Prompt)
				d.move(t, &wirepb.MoveRequest{Prompt: m.Prompt, Move: d.legal()}, false)
			}
			d.flush()
		})
	}
}

func (d *device) illegal() []byte { return []byte{200} }

func (d *device) legal() []byte {
	if d.w.plan.game == "tiny" {
		return []byte{byte(d.w.rand.IntN(10))}
	}
	return d.best
}
