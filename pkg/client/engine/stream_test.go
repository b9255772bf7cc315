package engine

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

var table = game.MakeTableID(1, 1)

type nobody struct{}

func (nobody) WakeUp() {}

// rig is an Engine on a connection whose other end is the test.
type rig struct {
	t *testing.T
	*Engine
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, Engine: New(Config{MaxEvents: 8})}
	r.Up(&wirepb.LoginReply{Player: 7, Token: "t", Epoch: 1})
	return r
}

func (r *rig) answer(c *wirepb.Call, code wirepb.Code, m proto.Message) {
	r.t.Helper()
	reply := &wirepb.Reply{Id: c.Id, Code: code}
	if m != nil {
		reply.Payload, _ = proto.Marshal(m)
	}
	r.Reply(reply)
}

// event lets an event arrive.
func (r *rig) event(n uint64) {
	r.Push(&wirepb.Push{Kind: wirepb.Push_EVENT, Table: uint64(table), Number: n})
}

// read takes all that can be received now.
func (r *rig) read(tab *Table) (numbers []uint64) {
	r.t.Helper()
	for {
		p, err := tab.Receive()
		if err != nil {
			r.t.Fatal(err)
		}
		if p == nil {
			return numbers
		}
		numbers = append(numbers, p.Number)
	}
}

// Whatever the way does to a stream (events before the answer, doubled, dropped, connections that
// break), a reader receives each event once, in order, and in the end all of them.
func TestStreamArrivesWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t)
		tab := r.Use(table, nobody{})
		var told, received uint64 // by the server, by the reader
		var onWay []func()        // to the client, in order
		attached := false
		up := true
		read := func() {
			for _, n := range r.read(tab) {
				if received++; n != received {
					rt.Fatalf("event %d was received behind %d", n, received-1)
				}
			}
		}
		var timers []Timer
		// serve lets the server answer what was sent to it.
		serve := func() {
			out := r.Take()
			timers = append(timers, out.Timers...)
			for _, c := range out.Calls {
				m := &wirepb.AttachRequest{}
				if err := proto.Unmarshal(c.Payload, m); err != nil || c.Method != "table.attach" {
					rt.Fatalf("%s: %v", c.Method, err)
				}
				if m.LastEvent > told {
					rt.Fatalf("attaches from %d, only %d were told", m.LastEvent, told)
				}
				reply := func() { r.answer(c, wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 1}) }
				if rapid.IntRange(0, 5).Draw(rt, "unanswered") == 0 {
					onWay = append(onWay, func() { r.answer(c, wirepb.Code_BUSY, nil) })
					continue
				}
				attached = true
				early := rapid.Uint64Range(0, 3).Draw(rt, "before the answer")
				for n := m.LastEvent + 1; n <= told; n++ {
					if n == m.LastEvent+1+early {
						onWay = append(onWay, reply)
					}
					onWay = append(onWay, func() { r.event(n) })
				}
				if m.LastEvent+1+early > told {
					onWay = append(onWay, reply)
				}
			}
		}
		deliver := func(n int) {
			for ; n > 0 && len(onWay) > 0; n-- {
				f := onWay[0]
				onWay = onWay[1:]
				f()
			}
		}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 9).Draw(rt, "kind") {
			case 0, 1, 2:
				told++
				if n := told; attached && rapid.IntRange(0, 7).Draw(rt, "lost") > 0 {
					onWay = append(onWay, func() { r.event(n) })
				}
			case 3, 4, 5:
				deliver(rapid.IntRange(1, 6).Draw(rt, "arrive"))
			case 6:
				read()
			case 7: // once more, or of a stream from before
				if up && told > 0 {
					n := rapid.Uint64Range(1, told).Draw(rt, "again")
					onWay = append(onWay, func() { r.event(n) })
				}
			case 8:
				if up {
					r.Down(errors.New("cut"))
					onWay, attached, up = nil, false, false
				} else {
					r.Up(&wirepb.LoginReply{Player: 7, Epoch: 2, Table: uint64(table)})
					up = true
				}
			case 9:
				for _, tm := range timers {
					tm.Fire()
				}
				timers = nil
			}
			if up {
				serve()
			}
		}
		if !up {
			r.Up(&wirepb.LoginReply{Player: 7, Epoch: 3, Table: uint64(table)})
		}
		for range 200 {
			serve()
			deliver(100)
			read()
			for _, tm := range timers {
				tm.Fire()
			}
			timers = nil
			if received == told && len(onWay) == 0 {
				break
			}
			if attached && len(onWay) == 0 && received < told { // a lost one shows at the next
				told++
				n := told
				onWay = append(onWay, func() { r.event(n) })
			}
		}
		if received != told {
			rt.Fatalf("%d of %d events were received: %+v", received, told, r.Stats())
		}
	})
}
