package engine

import (
	"errors"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"teahouse/pkg/wire/wirepb"
)

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

// What comes before the attach is answered: the next event counts, one from further on belongs to
// the stream before and is neither a gap nor a reason to attach again.
func TestEventsBeforeTheAttachIsAnswered(t *testing.T) {
	for name, c := range map[string]struct {
		before, after []uint64
		want          []uint64
		gaps, twice   uint64
		attaches      int // beside the first
	}{
		"in order":              {[]uint64{1, 2}, []uint64{3}, []uint64{1, 2, 3}, 0, 0, 0},
		"nothing":               {nil, []uint64{1, 2}, []uint64{1, 2}, 0, 0, 0},
		"of the stream before":  {[]uint64{7, 8}, []uint64{1, 2}, []uint64{1, 2}, 0, 0, 0},
		"mixed":                 {[]uint64{7, 1, 9, 2}, []uint64{3, 4}, []uint64{1, 2, 3, 4}, 0, 0, 0},
		"twice":                 {[]uint64{1, 1}, []uint64{1, 2}, []uint64{1, 2}, 0, 2, 0},
		"a gap once it is":      {[]uint64{1}, []uint64{3}, []uint64{1}, 1, 0, 1},
		"a gap and what comes":  {nil, []uint64{1, 3, 2, 4}, []uint64{1}, 1, 0, 1},
		"a gap of one is a gap": {nil, []uint64{2}, nil, 1, 0, 1},
	} {
		r := newRig(t)
		tab := r.Use(table, nobody{})
		attach := r.next("table.attach", &wirepb.AttachRequest{})
		for _, n := range c.before {
			r.event(n)
		}
		if ready, err := tab.Ready(); ready || err != nil {
			t.Errorf("%s: ready before the answer: %v", name, err)
		}
		r.answer(attach, wirepb.Code_OK, &wirepb.AttachReply{NextNumber: 1, Seat: 2})
		if ready, err := tab.Ready(); !ready || err != nil || tab.Seat() != 2 {
			t.Errorf("%s: ready %t, seat %d, %v", name, ready, tab.Seat(), err)
		}
		for _, n := range c.after {
			r.event(n)
		}
		got := r.read(tab)
		again := 0
		m := &wirepb.AttachRequest{}
		for _, call := range r.Take().Calls {
			if again++; proto.Unmarshal(call.Payload, m) != nil || call.Method != "table.attach" || m.LastEvent != uint64(len(c.want)) {
				t.Errorf("%s: called %s from event %d", name, call.Method, m.LastEvent)
			}
		}
		if s := r.Stats(); !slices.Equal(got, c.want) || s.Gaps != c.gaps || s.Duplicates != c.twice || again != c.attaches {
			t.Errorf("%s: received %v, want %v; %d attaches more, %+v", name, got, c.want, again, s)
		}
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
