package session

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// TestStreamOverALossyTable plays a table whose pushes get lost, duplicated and cut off by new
// leaders, and demands that the client sees every event once, in order, in the end.
func TestStreamOverALossyTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s stream
		var happened, seen uint64 // events of the table, and those the client has got
		var answers []uint64      // last events of the attaches in flight
		var waiting bool          // as the client was told
		over := func(told bool) {
			if told != waiting {
				t.Fatalf("told that waiting is over: %v; told before to wait: %v", told, waiting)
			}
			waiting = false
		}
		deliver := func(number uint64) {
			if s.push(wirepb.Push_EVENT, table, number) == forward {
				over(s.hear())
				if seen++; number != seen {
					t.Fatalf("event %d was forwarded, want %d", number, seen)
				}
			}
		}
		attach := func() {
			if id, last, ok := s.take(); ok {
				if id != table || last != seen {
					t.Fatalf("attach to %v from %d, the client has %d", id, last, seen)
				}
				answers = append(answers, last)
			}
		}
		answer := func(code wirepb.Code) {
			last := answers[0]
			answers = answers[1:]
			_, heard := s.attached(table, last, true, code)
			if code == wirepb.Code_OK {
				over(heard)
				for n := last + 1; n <= happened; n++ {
					deliver(n)
				}
			}
		}
		s.begin(table)
		s.attached(table, 0, false, wirepb.Code_OK)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"event", "lost", "twice", "led", "attach", "answer", "failure", "waiting", "elsewhere"}).Draw(t, "what") {
			case "event":
				happened++
				deliver(happened)
			case "lost":
				happened++
			case "twice":
				if happened > 0 {
					deliver(rapid.Uint64Range(1, happened).Draw(t, "number"))
				}
			case "led":
				s.led(table.Shard())
			case "waiting":
				if told := s.wait(table.Shard()); told == waiting {
					t.Fatalf("told to wait: %v; told before: %v", told, waiting)
				}
				waiting = true
			case "elsewhere":
				if s.wait(table.Shard() + 1) {
					t.Fatal("told to wait for another group's table")
				}
			case "attach":
				attach()
			case "answer":
				if len(answers) > 0 {
					answer(wirepb.Code_OK)
				}
			case "failure":
				if len(answers) > 0 {
					answer(wirepb.Code_OUTCOME_UNKNOWN)
				}
			}
			if len(answers) > 1 {
				t.Fatal("two attaches are in flight")
			}
		}
		// One more new leader brings everything that is missing.
		for len(answers) > 0 {
			answer(wirepb.Code_OK)
		}
		s.led(table.Shard())
		attach()
		answer(wirepb.Code_OK)
		if waiting {
			t.Fatal("the client was never told that waiting is over")
		}
		if seen != happened {
			t.Fatalf("the client has %d of %d events", seen, happened)
		}
	})
}

func TestStreamFollowsTheClientToAnotherTable(t *testing.T) {
	other := game.MakeTableID(4, 1)
	var s stream
	s.begin(table)
	s.attached(table, 5, false, wirepb.Code_OK)
	s.led(table.Shard())
	s.take()
	s.begin(other)
	s.attached(other, 0, false, wirepb.Code_OK)
	s.attached(table, 5, true, wirepb.Code_TABLE_GONE) // about the previous table: ignored
	if s.push(wirepb.Push_EVENT, other, 1) != forward || s.push(wirepb.Push_EVENT, table, 6) != drop {
		t.Fatalf("the stream is %+v", s)
	}
	s.begin(table)
	s.attached(table, 9, false, wirepb.Code_NOT_SEATED) // a failed attach changes nothing
	if s.push(wirepb.Push_EVENT, other, 2) != forward {
		t.Fatalf("the stream is %+v", s)
	}
	s.end(other)
	if s.push(wirepb.Push_EVENT, other, 3) != drop || s.open != 0 {
		t.Fatalf("the stream is %+v", s)
	}
}

// The previous leader's answer may arrive right after the news of the next leader, which must hear
// of the session too or it will detach the seat after a while.
func TestALeaderThatComesDuringTheFirstAttach(t *testing.T) {
	var s stream
	s.begin(table)
	s.led(table.Shard() + 1)
	s.led(table.Shard())
	s.attached(table, 0, false, wirepb.Code_OK)
	if _, _, ok := s.take(); !ok {
		t.Fatal("the new leader is not attached to")
	}
	s.attached(table, 0, true, wirepb.Code_OK)
	s.begin(table + 1)
	s.led(table.Shard() + 1)
	s.attached(table+1, 0, false, wirepb.Code_OK)
	if id, _, ok := s.take(); ok {
		t.Fatalf("attached to %v again for another group", id)
	}
}

func TestSnapshotsDoNotGoBack(t *testing.T) {
	var s stream
	s.begin(table)
	s.attached(table, 5, false, wirepb.Code_OK)
	if s.push(wirepb.Push_SNAPSHOT, table, 4) != repeat || s.push(wirepb.Push_SNAPSHOT, table, 9) != forward {
		t.Fatalf("the stream is %+v", s)
	}
	s.begin(table)
	s.attached(table, 20, false, wirepb.Code_RESUME_INVALID) // the client was ahead of the table
	if s.push(wirepb.Push_SNAPSHOT, table, 9) != forward || s.push(wirepb.Push_EVENT, table, 10) != forward {
		t.Fatalf("the stream is %+v", s)
	}
}

func TestBindingTellsAMatchOnce(t *testing.T) {
	now := time.Unix(100, 0)
	var b binding
	if b.due(now) {
		t.Fatal("read without a ticket")
	}
	b.holds(7, 0, now)
	if b.due(now) || !b.due(now.Add(readBindingEvery)) || b.due(now.Add(time.Hour)) {
		t.Fatal("read at the wrong time, or twice at once")
	}
	b.asking = false
	if b.read(7, 7, 0) || b.read(6, 0, table) || b.read(6, 0, 0) {
		t.Fatal("announced nothing, or another ticket")
	}
	if !b.matched(7, table) || b.matched(7, table) || b.read(7, 0, table) || b.due(now.Add(time.Hour)) {
		t.Fatal("announced never or twice")
	}
	b.holds(8, 0, now)
	if !b.read(8, 0, table+1) || b.matched(8, table+1) {
		t.Fatal("the next match was announced never or twice")
	}
	// A round that was over before anybody told the client: both ticket and table are gone.
	b.holds(9, 0, now)
	if !b.read(9, 0, 0) || b.read(9, 0, 0) {
		t.Fatal("the loss of the ticket was announced never or twice")
	}
}
