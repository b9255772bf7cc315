package proxy

import (
	"bytes"
	"cmp"
	"context"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// held is a frame on its way to the gateway, or the end of the client's side.
type held struct {
	frame []byte // with its header; nil = cut the connection
	hold  time.Duration
	loose bool // later frames may overtake it
}

// maxFrame bounds the frames that the proxy reads; the gateway's own bound is lower.
const maxFrame = 1 << 20

// read reads the client's frames and decides what to do with each, until the client is gone.
func (p *Proxy) read(ctx context.Context, client net.Conn, out chan<- held, chance *rand.Rand) {
	frames := wire.NewReader(client, maxFrame, 4<<10)
	hold := func() time.Duration { return 1 + time.Duration(chance.Int64N(int64(p.cfg.MaxHold))) }
	for {
		body, err := frames.Next()
		if err != nil {
			return
		}
		frame := wholeFrame(body)
		list := []held{{frame: frame}}
		if isQueueCommand(body) {
			p.counts.commands.Add(1)
			if chance.Float64() < p.cfg.Delay {
				p.counts.delayed.Add(1)
				list[0].hold = hold()
			}
			if chance.Float64() < p.cfg.Reorder {
				p.counts.reordered.Add(1)
				list[0].hold, list[0].loose = hold(), true
			}
			if chance.Float64() < p.cfg.Repeat {
				p.counts.repeated.Add(1)
				list = append(list, held{frame: frame, hold: hold(), loose: true})
			}
			if chance.Float64() < p.cfg.Cut {
				p.counts.cut.Add(1)
				after := hold()
				late := after + time.Duration(chance.Int64N(int64(p.cfg.Linger)))
				list = append(list, held{hold: after, loose: true}, held{frame: frame, hold: late, loose: true})
			}
		}
		for _, h := range list {
			select {
			case out <- h:
			case <-ctx.Done():
				return
			}
		}
	}
}

// wholeFrame copies a body and prepends its length.
func wholeFrame(body []byte) []byte {
	n := len(body)
	return append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, body...)
}

func isQueueCommand(body []byte) bool {
	// Most frames are not queue commands; do not decode them.
	if !bytes.Contains(body, []byte("queue.")) {
		return false
	}
	e, err := wire.ParseEnvelope(body)
	if err != nil {
		return false
	}
	call, ok := e.Body.(*wirepb.Envelope_Call)
	return ok && strings.HasPrefix(call.Call.Method, "queue.")
}

// answers forwards the gateway's messages until it is gone.
func answers(client, gateway net.Conn) {
	buf := make([]byte, 4<<10)
	for {
		n, err := gateway.Read(buf)
		client.Write(buf[:n]) // even if the client is gone, the gateway must not block
		if err != nil {
			return
		}
	}
}

// queue delays frames on their way to the gateway. It belongs to one goroutine.
type queue struct {
	cfg             Config
	client, gateway net.Conn
	waiting         []due     // sorted
	inOrder         time.Time // ordered frames do not go before this time
}

type due struct {
	at    time.Time
	frame []byte
}

// maxHeld bounds the delayed frames; any more are not delayed.
const maxHeld = 256

func newQueue(cfg Config, client, gateway net.Conn) *queue {
	return &queue{cfg: cfg, client: client, gateway: gateway}
}

// run forwards frames until ctx ends, or until a moment after the client is gone.
func (q *queue) run(ctx context.Context, frames <-chan held) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var end <-chan time.Time // set once the client is gone
	for {
		if !q.flush(time.Now()) || end != nil && len(q.waiting) == 0 {
			return
		}
		if len(q.waiting) > 0 {
			timer.Reset(time.Until(q.waiting[0].at))
		}
		select {
		case h, ok := <-frames:
			if !ok {
				frames, end = nil, time.After(q.cfg.Linger)
				continue
			}
			q.hold(h, time.Now())
		case <-timer.C:
		case <-end:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (q *queue) hold(h held, now time.Time) {
	d := due{at: now.Add(h.hold), frame: h.frame}
	if len(q.waiting) >= maxHeld {
		d.at = now
	}
	if !h.loose {
		if d.at.Before(q.inOrder) {
			d.at = q.inOrder
		}
		q.inOrder = d.at
	}
	// After those due at the same time.
	i, _ := slices.BinarySearchFunc(q.waiting, d.at, func(w due, at time.Time) int { return cmp.Or(w.at.Compare(at), -1) })
	q.waiting = slices.Insert(q.waiting, i, d)
}

// flush sends what is due; false means that the gateway is gone.
func (q *queue) flush(now time.Time) bool {
	for len(q.waiting) > 0 && !q.waiting[0].at.After(now) {
		d := q.waiting[0]
		q.waiting = q.waiting[1:]
		if d.frame == nil {
			q.client.Close()
			continue
		}
		if _, err := q.gateway.Write(d.frame); err != nil {
			return false
		}
	}
	return true
}
