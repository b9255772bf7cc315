package session

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"teahouse/pkg/game"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// told are the codes of the Byes and the numbers of the events in a client's output.
func told(t *rapid.T, w *written) (byes []wirepb.Code, events []uint64) {
	for len(w.buf) > 0 {
		body, rest, err := wire.Split(w.buf, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		e, err := wire.ParseEnvelope(bytes.Clone(body))
		if err != nil {
			t.Fatal(err)
		}
		w.buf = rest
		switch b := e.Body.(type) {
		case *wirepb.Envelope_Bye:
			byes = append(byes, b.Bye.Code)
		case *wirepb.Envelope_Push:
			events = append(events, b.Push.Number)
		}
	}
	return byes, events
}

// Players who log in again and again, whose logins are answered in any order and whose
// connections end in any order: only a lower epoch is superseded, the highest stays, and in the
// end the gateway knows of nobody.
func TestSessionsOfAPlayerInAnyOrder(t *testing.T) {
	type visitor struct {
		steps  *Steps
		conn   *written
		player game.PlayerID
		epoch  uint64
		login  *upCall // not answered yet
		behind bool    // a login with a higher epoch is known
		closed bool
		byes   []wirepb.Code
	}
	rapid.Check(t, func(rt *rapid.T) {
		d := newTestHub(t, func(c *Config) { c.Now = func() time.Time { return time.Unix(1000, 0) } })
		var all []*visitor
		send := func(v *visitor, e *wirepb.Envelope) {
			body, err := proto.Marshal(e)
			if err != nil {
				rt.Fatal(err)
			}
			v.steps.Frame(body)
		}
		// check looks at everybody after a step.
		newest := make(map[game.PlayerID]*visitor)
		check := func() {
			known := 0
			for _, v := range all {
				v.steps.Flush()
				byes, _ := told(rt, v.conn)
				v.byes = append(v.byes, byes...)
				var want []wirepb.Code
				if v.behind {
					want = []wirepb.Code{wirepb.Code_SUPERSEDED}
				}
				if !v.closed && !slices.Equal(v.byes, want) {
					rt.Fatalf("player %d, epoch %d: told %v, want %v", v.player, v.epoch, v.byes, want)
				}
				if !v.closed {
					known++
				}
			}
			if n := d.hub.Len(); n != known {
				rt.Fatalf("%d sessions, want %d", n, known)
			}
			for p, s := range d.hub.players {
				if v := newest[p]; v == nil || v.steps.s != s {
					rt.Fatalf("player %d is known by session %d", p, s.id)
				}
			}
			for p, v := range newest {
				if d.hub.players[p] != v.steps.s {
					rt.Fatalf("the newest session of player %d is forgotten", p)
				}
			}
		}
		closeOne := func(v *visitor) {
			v.steps.Close()
			v.closed = true
			if newest[v.player] == v {
				delete(newest, v.player)
			}
		}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			switch rapid.IntRange(0, 2).Draw(rt, "kind") {
			case 0: // somebody comes
				v := &visitor{conn: &written{}, player: game.PlayerID(rapid.IntRange(1, 2).Draw(rt, "player"))}
				v.epoch = uint64(len(all) + 1)
				v.steps = d.hub.Steps(v.conn)
				all = append(all, v)
				send(v, &wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: &wirepb.Hello{Version: wire.Version}}})
				send(v, &wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{Id: 1, Method: "auth.guest"}}})
				q := receive(t, d.up.calls)
				v.login = &q
			case 1: // a login is answered
				if v := drawOne(rt, all, func(v *visitor) bool { return v.login != nil }); v != nil {
					v.login.answer(wirepb.Code_OK, &wirepb.LoginReply{Player: uint64(v.player), Epoch: v.epoch})
					v.login = nil
					if v.closed {
						break
					}
					switch n := newest[v.player]; {
					case n == nil:
						newest[v.player] = v
					case n.epoch < v.epoch:
						n.behind = true
						newest[v.player] = v
					default:
						v.behind = true
					}
				}
			case 2:
				if v := drawOne(rt, all, func(v *visitor) bool { return !v.closed }); v != nil {
					closeOne(v)
				}
			}
			check()
		}
		for _, v := range all {
			if !v.closed {
				closeOne(v)
			}
			check()
		}
		if len(d.hub.players)+len(d.hub.sessions) != 0 {
			rt.Fatalf("%d players and %d sessions are left", len(d.hub.players), len(d.hub.sessions))
		}
	})
}

func drawOne[T any](t *rapid.T, all []T, match func(T) bool) (none T) {
	var some []T
	for _, v := range all {
		if match(v) {
			some = append(some, v)
		}
	}
	if len(some) == 0 {
		return none
	}
	return some[rapid.IntRange(0, len(some)-1).Draw(t, "which")]
}

// slowConn lets the test do something while bytes are being written.
type slowConn struct {
	written
	during func(b []byte) error
}

func (c *slowConn) Write(b []byte) (int, error) {
	if err := c.during(b); err != nil {
		return 0, err
	}
	return c.written.Write(b)
}

// What waits and what is being written count together against the bound, at every moment. What was
// taken comes out once, in order; what was refused leaves nothing behind.
func TestOutputIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lock sync.Mutex
		var stats counters
		var writers []func()
		bound := rapid.IntRange(50, 200).Draw(t, "bound")
		o := &outbound{
			lock: &lock, max: bound, stats: &stats, start: func(f func()) { writers = append(writers, f) },
			buffers: &sync.Pool{New: func() any { b := make([]byte, 0, 8); return &b }},
		}
		fails := rapid.IntRange(0, 9).Draw(t, "fails at") // the write with this number, if there are so many
		var want []byte
		waiting, flying, writes, failed, frames := 0, 0, 0, false, uint64(0)
		add := func() {
			now := time.Unix(int64(len(want)), 0)
			e := &wirepb.Envelope{Body: &wirepb.Envelope_Bye{Bye: &wirepb.Bye{Detail: string(make([]byte, rapid.IntRange(0, 90).Draw(t, "bytes")))}}}
			frame, err := wire.AppendEnvelope(nil, e)
			if err != nil {
				t.Fatal(err)
			}
			fits := waiting+flying+len(frame) <= bound
			said := o.said
			if got := o.add(e, now); got != (fits || failed) {
				t.Fatalf("%d bytes beside %d and %d under way of %d: taken %t", len(frame), waiting, flying, bound, got)
			}
			if failed || !fits {
				if o.said != said {
					t.Fatal("a refusal counts as output")
				}
				return
			}
			frames++
			waiting += len(frame)
			want = append(want, frame...)
			if o.said != now {
				t.Fatal("the output is not noted")
			}
		}
		conn := &slowConn{}
		o.conn = conn
		conn.during = func(b []byte) error {
			if !lock.TryLock() {
				t.Fatal("the lock is held while the network is waited for")
			}
			defer lock.Unlock()
			waiting, flying = 0, len(b)
			for range rapid.IntRange(0, 2).Draw(t, "meanwhile") {
				add()
			}
			flying = 0
			if writes++; writes == fails {
				failed = true
				return errors.New("broken")
			}
			return nil
		}
		for range rapid.IntRange(1, 10).Draw(t, "rounds") {
			lock.Lock()
			for range rapid.IntRange(1, 4).Draw(t, "adds") {
				add()
			}
			lock.Unlock()
			if len(writers) > 1 {
				t.Fatalf("%d writers at the same time", len(writers))
			}
			for len(writers) > 0 {
				run := writers[0]
				writers = writers[1:]
				run()
				waiting = 0
			}
			if failed {
				break
			}
			if !bytes.Equal(conn.buf, want) {
				t.Fatalf("%d bytes went out, want %d", len(conn.buf), len(want))
			}
		}
		if failed != conn.closed || failed != o.closing {
			t.Fatalf("failed %t, closed %t, closing %t", failed, conn.closed, o.closing)
		}
		if !bytes.HasPrefix(want, conn.buf) || stats.framesOut.Load() != frames || stats.writes.Load() != uint64(writes) {
			t.Fatalf("counted %d frames and %d writes, want %d and %d", stats.framesOut.Load(), stats.writes.Load(), frames, writes)
		}
	})
}

// The last word: behind what waits, or instead of it, once, and then the connection closes.
func TestOutputEnds(t *testing.T) {
	message := func(text string) *wirepb.Envelope {
		return &wirepb.Envelope{Body: &wirepb.Envelope_Bye{Bye: &wirepb.Bye{Detail: text}}}
	}
	for name, c := range map[string]struct {
		pending []string
		last    string
		drop    bool
		want    []string
	}{
		"behind":  {[]string{"a", "b"}, "bye", false, []string{"a", "b", "bye"}},
		"instead": {[]string{"a", "b"}, "bye", true, []string{"bye"}},
		"no word": {[]string{"a"}, "", false, []string{"a"}},
		"nothing": {nil, "", true, nil},
	} {
		var lock sync.Mutex
		var stats counters
		var write func()
		conn := &written{}
		o := &outbound{
			conn: conn, lock: &lock, max: 1000, stats: &stats, start: func(f func()) { write = f },
			buffers: &sync.Pool{New: func() any { b := make([]byte, 0, 8); return &b }},
		}
		for _, p := range c.pending {
			o.add(message(p), time.Unix(1, 0))
		}
		var last *wirepb.Envelope
		if c.last != "" {
			last = message(c.last)
		}
		o.close(last, c.drop, time.Unix(2, 0))
		o.close(message("again"), true, time.Unix(3, 0))
		if !o.add(message("late"), time.Unix(4, 0)) {
			t.Errorf("%s: who is going is called slow", name)
		}
		if write != nil {
			if conn.closed {
				t.Errorf("%s: closed before the last word", name)
			}
			write()
		}
		var got []string
		for len(conn.buf) > 0 {
			got = append(got, conn.next(t).GetBye().GetDetail())
		}
		if !slices.Equal(got, c.want) || !conn.closed {
			t.Errorf("%s: told %q, want %q; closed %t", name, got, c.want, conn.closed)
		}
	}
}

// Large buffers are not kept, and one that is kept is used again.
func TestOutputBuffersAreReused(t *testing.T) {
	for _, c := range []struct {
		size int
		kept bool
	}{{0, false}, {1, true}, {keepWriteBuffer, true}, {keepWriteBuffer + 1, false}} {
		made := 0
		pool := &sync.Pool{New: func() any { made++; b := []byte(nil); return &b }}
		o := &outbound{buffers: pool}
		returned := false
		for range 100 { // the race detector lets a pool forget
			before := made
			o.recycle(make([]byte, c.size))
			b := *pool.Get().(*[]byte)
			returned = returned || made == before
			if made == before && (len(b) != 0 || cap(b) != c.size) {
				t.Fatalf("got %d of %d bytes back", len(b), cap(b))
			}
		}
		if returned != c.kept {
			t.Errorf("a buffer of %d bytes: kept %t", c.size, returned)
		}
	}
}
