package audit

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"teahouse/bench/outage"
	"teahouse/bench/report"
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

func check(t testing.TB, s *simulated) Result {
	t.Helper()
	r, err := Check(s.Table)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCleanRound(t *testing.T) {
	r := check(t, simulate(t, 2))
	if !r.Clean() || r.HandsFinished != 2 {
		t.Errorf("%d hands, %+v, %q", r.HandsFinished, r.Audit, r.Notes)
	}
}

// A client at a table with strangers sees only a part of it.
func TestStrangers(t *testing.T) {
	s := simulate(t, 1)
	s.Seats = s.Seats[1:3]
	if r := check(t, s); !r.Clean() {
		t.Errorf("%+v, %q", r.Audit, r.Notes)
	}
}

// Every kind of broken promise is introduced once and must be counted as that kind, and as nothing
// else.
func TestForgeries(t *testing.T) {
	for name, c := range map[string]struct {
		forge func(*testing.T, *simulated)
		want  report.Audit
	}{
		"a move is acknowledged and recorded nowhere": {
			func(t *testing.T, s *simulated) {
				seat := s.Seats[2]
				seat.Moves = append(seat.Moves, Move{Prompt: seat.Stream.last - 1, Number: 99, Hash: 1})
			},
			report.Audit{LostMoves: 1},
		},
		"a move that nobody sent": {
			func(t *testing.T, s *simulated) {
				s.Seats[1].Moves = slices.Delete(s.Seats[1].Moves, 0, 1)
			},
			report.Audit{DuplicateMoves: 1},
		},
		"a move is recorded as another one": {
			func(t *testing.T, s *simulated) { s.Seats[1].Moves[0].Hash++ },
			report.Audit{DuplicateMoves: 1, LostMoves: 1},
		},
		"a move is recorded under another number": {
			func(t *testing.T, s *simulated) { s.Seats[1].Moves[0].Number += 50 },
			report.Audit{DuplicateMoves: 1, LostMoves: 1},
		},
		"a move stands twice in the archive": {
			func(t *testing.T, s *simulated) {
				s.editArchive(t, 1, func(a *wirepb.HandArchive) {
					at := slices.IndexFunc(a.Entries, func(e *wirepb.ArchiveEntry) bool { return e.Kind == wirepb.ArchiveEntry_MOVE })
					// The state machine would refuse it or answer from memory; an archive must
					// still not contain it.
					a.Entries = slices.Insert(a.Entries, at+1, a.Entries[at])
				})
			},
			report.Audit{DuplicateMoves: 1},
		},
		"an event is another one than the replay's": {
			func(t *testing.T, s *simulated) {
				s.edit(t, 0, 7, func(e *wirepb.TableEvent) {
					e.Body = &wirepb.TableEvent_AutoPlay{AutoPlay: &wirepb.AutoPlayChanged{Seat: 3}}
				})
			},
			report.Audit{EventsWrong: 1},
		},
		"an event never came": {
			func(t *testing.T, s *simulated) {
				// The state that the client would be in: nothing after it counts either.
				stream := &s.Seats[0].Stream
				stream.events = stream.events[:len(stream.events)-4]
				stream.last -= 4
			},
			report.Audit{EventsWrong: 1}, // HandEnded; the rest of the round is not promised
		},
		"an event came twice": {
			func(t *testing.T, s *simulated) {
				s.Seats[0].Stream.Event(5, []byte("x"), time.Time{})
			},
			report.Audit{EventsWrong: 1},
		},
		"a snapshot of what is long past": {
			func(t *testing.T, s *simulated) {
				stream := &s.Seats[1].Stream
				number := uint64(len(stream.events)) / 2
				for s.views[1][number] == nil {
					number--
				}
				stream.Snapshot(number, marshal(t, s.views[1][number]))
			},
			report.Audit{EventsWrong: 1},
		},
		"an event of a hand outside of it": {
			func(t *testing.T, s *simulated) {
				stream := &s.Seats[0].Stream
				stream.Event(stream.last+1, marshal(t, &wirepb.TableEvent{Body: &wirepb.TableEvent_Game{}}), time.Time{})
			},
			report.Audit{EventsWrong: 1},
		},
		"a hidden tile": {
			func(t *testing.T, s *simulated) { s.showHiddenTile(t, 0) },
			report.Audit{EventsWrong: 1, HiddenTilesSeen: 1},
		},
		"a hand is not in the database": {
			func(t *testing.T, s *simulated) { s.Hands[1] = Hand{Archive: s.Hands[1].Archive} },
			report.Audit{HandsUnsettled: 1},
		},
		"a hand without an archive": {
			func(t *testing.T, s *simulated) {
				s.Hands[1] = Hand{Scores: s.Hands[1].Scores}
			},
			report.Audit{HandsUnsettled: 1},
		},
		"a hand is in the database twice": {
			func(t *testing.T, s *simulated) {
				h := s.Hands[1]
				h.Scores = append(h.Scores, h.Scores[0])
				s.Hands[1] = h
			},
			report.Audit{HandsTwice: 1},
		},
		"a seat hears twice that a hand is settled": {
			func(t *testing.T, s *simulated) {
				stream := &s.Seats[3].Stream
				stream.Event(stream.last+1, marshal(t, &wirepb.TableEvent{Body: &wirepb.TableEvent_HandSettled{
					HandSettled: &wirepb.HandSettled{Hand: 1},
				}}), time.Time{})
			},
			report.Audit{HandsTwice: 1},
		},
		"scores that do not sum to zero": {
			func(t *testing.T, s *simulated) { s.Hands[1].Scores[0][0]++ },
			report.Audit{ScoreSumNonzero: 1},
		},
		"scores that nobody saw": {
			func(t *testing.T, s *simulated) { s.Hands[1].Scores[0][0]++; s.Hands[1].Scores[0][1]-- },
			report.Audit{ScoreSumNonzero: 1},
		},
		"an archive that is none": {
			func(t *testing.T, s *simulated) {
				s.Hands[1] = Hand{Scores: s.Hands[1].Scores, Archive: []byte("x")}
			},
			report.Audit{EventsWrong: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := simulate(t, 1)
			for hand, h := range s.Hands { // tests change them
				h.Scores = [][]int64{slices.Clone(h.Scores[0])}
				s.Hands[hand] = h
			}
			c.forge(t, s)
			r := check(t, s)
			if r.Audit != c.want {
				t.Errorf("got  %+v\nwant %+v\n%q", r.Audit, c.want, r.Notes)
			}
			if len(r.Notes) == 0 {
				t.Error("the findings are not reported")
			}
		})
	}
}

func TestUnfinished(t *testing.T) {
	s := simulate(t, 2)
	delete(s.Hands, 2)
	for _, seat := range s.Seats {
		// Everything from the second hand's end on is missing.
		at := slices.IndexFunc(seat.Stream.events, func(e span) bool {
			var m wirepb.TableEvent
			payload, _ := seat.Stream.at(e.number)
			return proto.Unmarshal(payload, &m) == nil && m.GetHandEnded().GetHand() == 2
		})
		seat.Stream.events = seat.Stream.events[:at]
	}
	r := check(t, s)
	if want := (report.Audit{HandsUnfinished: 1}); r.Audit != want || r.HandsFinished != 1 {
		t.Errorf("%d hands, %+v, %q", r.HandsFinished, r.Audit, r.Notes)
	}
}

func TestTimedOut(t *testing.T) {
	s := simulateSlow(t, 1, 2)
	r := check(t, s)
	if r.PromptsTimedOut == 0 {
		t.Fatal("a seat never answered, but no prompt timed out")
	}
	if want := (report.Audit{PromptsTimedOut: r.PromptsTimedOut}); r.Audit != want {
		t.Errorf("%+v, %q", r.Audit, r.Notes)
	}
	all := r.PromptsTimedOut + r.Unreachable
	for name, cutOff := range map[string]func(*Seat){
		"who could not act": func(seat *Seat) { seat.Out = func(from, to time.Time) time.Duration { return to.Sub(from) } },
		"who heard all of it at once, when it was over": func(seat *Seat) {
			for i := range seat.Stream.events {
				seat.Stream.events[i].at = time.Unix(99, 0).UnixNano()
			}
		},
		"whom nobody waited for any more": func(seat *Seat) { seat.Cut = time.Unix(0, 1) },
	} {
		s := simulateSlow(t, 1, 2)
		for _, seat := range s.Seats {
			cutOff(seat)
		}
		if r := check(t, s); !r.Clean() || r.Unreachable != all {
			t.Errorf("%s: %+v, %d unreachable of %d, %q", name, r.Audit, r.Unreachable, all, r.Notes)
		}
	}
	// Who was away for less than half of the time could.
	s = simulateSlow(t, 1, 2)
	s.Seats[2].Out = func(from, to time.Time) time.Duration { return to.Sub(from) / 3 }
	if again := check(t, s); again.PromptsTimedOut != r.PromptsTimedOut {
		t.Errorf("%d, and %d of somebody who was away a little", r.PromptsTimedOut, again.PromptsTimedOut)
	}
}

// Whoever is cut off in the midst of a hand that others hear the end of, or that is settled and
// archived meanwhile, or not yet, misses nothing that was promised: at most the round is unfinished.
func TestCutOff(t *testing.T) {
	whole := simulate(t, 2)
	long := len(whole.Seats[0].Stream.events)
	for cut := 1; cut < long; cut += 7 {
		for _, late := range []bool{false, true} { // the database does not have it yet
			s := simulate(t, 2)
			for i, seat := range s.Seats {
				n := min(cut+3*i, len(seat.Stream.events))
				seat.Stream.events, seat.Stream.last = seat.Stream.events[:n], uint64(n)
				seat.Cut = time.Unix(99, 0)
			}
			if late {
				last := uint32(0)
				for _, seat := range s.Seats {
					for i := range seat.Stream.events {
						var m wirepb.TableEvent
						if proto.Unmarshal(seat.Stream.payload(i), &m) == nil {
							last = max(last, m.GetHandSettled().GetHand())
						}
					}
				}
				for hand, h := range s.Hands {
					if h.Archive = nil; hand > last { // the round is not over
						h = Hand{}
					}
					s.Hands[hand] = h
				}
			}
			r := check(t, s)
			r.HandsUnfinished = 0
			if !r.Clean() {
				t.Fatalf("cut at %d of %d (late %v): %+v, %q", cut, long, late, r.Audit, r.Notes)
			}
		}
	}
}

// What a client asks for again comes again, and must be the same.
func TestAskedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		ask  bool
		with string
		want int
	}{"the same": {true, "b", 0}, "another": {true, "x", 1}, "unasked": {false, "b", 2}} {
		var s Stream
		for i, text := range []string{"a", "b", "c"} {
			s.Event(uint64(i+1), []byte(text), time.Time{})
		}
		if c.ask {
			s.Again(1)
		}
		s.Event(2, []byte(c.with), time.Time{})
		s.Event(3, []byte("c"), time.Time{})
		s.Event(4, []byte("d"), time.Time{})
		if payload, _ := s.at(2); s.disorder != c.want || s.last != 4 || string(payload) != "b" {
			t.Errorf("%s: disorder %d, last %d", name, s.disorder, s.last)
		}
	}
}

// The seats of a table hear the same beats, in whatever order their messages come: nobody is owed
// anything in the end, and who is deaf from a moment on is owed all that the others hear.
func TestSeatsHearTheSameBeats(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 0))
		lazy := -1
		if seed%3 == 0 {
			lazy = r.IntN(4) // whose auto-play the others are told of
		}
		s := simulateSlow(t, 2, lazy)
		deaf, from := r.IntN(4), r.IntN(len(s.Seats[0].Stream.events))
		if seed%2 == 0 {
			from = 1 << 30
		}
		watched := outage.NewTable()
		next, now := [4]int{}, time.Unix(0, 0)
		var since time.Time
		for left := true; left; {
			left = false
			for _, i := range r.Perm(4) {
				seat := s.Seats[i]
				for range r.IntN(4) {
					if next[i] == len(seat.Stream.events) || i == deaf && next[i] >= from {
						break
					}
					left = true
					now = now.Add(time.Millisecond)
					e := &wirepb.Push{Kind: wirepb.Push_EVENT, Payload: seat.Stream.payload(next[i])}
					watched.Heard(seat.Player, e, func(game.PlayerID) bool { return true }, now)
					next[i]++
				}
				left = left || next[i] < len(seat.Stream.events) && (i != deaf || next[i] < from)
			}
		}
		owed := 0
		watched.Owed(func(id game.PlayerID, at time.Time) {
			owed, since = owed+1, at
			if id != s.Seats[deaf].Player {
				t.Errorf("seed %d: player %d has heard everything", seed, id)
			}
		})
		if want := from < 1<<30; (owed == 1) != want || want && since.IsZero() {
			t.Errorf("seed %d: %d are owed something, deaf from %d on", seed, owed, from)
		}
	}
}

func TestSnapshot(t *testing.T) {
	s := simulate(t, 1)
	stream := &s.Seats[1].Stream
	// The seat was away for some events and got a snapshot instead.
	until := uint64(len(stream.events)) / 2
	for s.views[1][until] == nil { // within one step
		until--
	}
	view := s.views[1][until]
	whole := *stream
	*stream = Stream{}
	for _, e := range whole.events {
		payload, _ := whole.at(e.number)
		switch {
		case e.number == until:
			stream.Snapshot(until, marshal(t, view))
		case e.number < 5 || e.number > until:
			stream.Event(e.number, payload, time.Unix(0, e.at))
		}
	}
	if r := check(t, s); !r.Clean() {
		t.Errorf("%+v, %q", r.Audit, r.Notes)
	}
	// A snapshot of another moment, with tiles that the seat holds later.
	view.Game = s.views[1][whole.last-3].Game
	stream.snapshots[0].payload = marshal(t, view)
	if r := check(t, s); r.EventsWrong != 1 || r.HiddenTilesSeen == 0 {
		t.Errorf("%+v, %q", r.Audit, r.Notes)
	}
}

// Nothing outside a table's stream can show a tile: neither a field with the option (tile) nor
// opaque bytes, except archives, which are released after the round.
func TestOnlyStreamsShowTiles(t *testing.T) {
	allowed := map[protoreflect.FullName]bool{
		"teahouse.v1.HandReply.archive": true, // compared with the database
		"teahouse.v1.Opened.rules":      true, // JSON of the rules
		"teahouse.v1.ModeInfo.rules":    true, // the same
	}
	checked := 0
	var walk func(m protoreflect.MessageDescriptor)
	walk = func(m protoreflect.MessageDescriptor) {
		for i := range m.Fields().Len() {
			f := m.Fields().Get(i)
			checked++
			switch kind := proto.GetExtension(f.Options(), wirepb.E_Tile); {
			case kind != wirepb.TileField_NO_TILE:
				t.Errorf("%s shows tiles", f.FullName())
			case f.Kind() == protoreflect.BytesKind && !allowed[f.FullName()]:
				t.Errorf("%s is opaque", f.FullName())
			case f.Message() != nil:
				walk(f.Message())
			}
		}
	}
	for _, m := range wire.NewMethods().All() {
		walk(m.Response)
	}
	walk((&wirepb.Notice{}).ProtoReflect().Descriptor())
	walk((&wirepb.Welcome{}).ProtoReflect().Descriptor())
	walk((&wirepb.Bye{}).ProtoReflect().Descriptor())
	if checked < 20 {
		t.Errorf("only %d fields", checked)
	}
}

func TestAddBoundsNotes(t *testing.T) {
	var sum Result
	for range 3 {
		var r Result
		for range maxNotes {
			r.note("x")
		}
		r.LostMoves, r.HandsFinished = 1, 2
		sum.Add(r)
	}
	if len(sum.Notes) != maxNotes || sum.LostMoves != 3 || sum.HandsFinished != 6 {
		t.Errorf("%d notes, %+v", len(sum.Notes), sum)
	}
}

// showHiddenTile makes another seat's first draw show its tile to seat.
func (s *simulated) showHiddenTile(t *testing.T, seat int) {
	t.Helper()
	stream := &s.Seats[seat].Stream
	for _, e := range stream.events {
		done := false
		s.edit(t, seat, e.number, func(m *wirepb.TableEvent) {
			var g mahjongpb.Event
			if proto.Unmarshal(m.GetGame(), &g) != nil || g.GetDraw() == nil || g.GetDraw().Tile != nil {
				return
			}
			g.GetDraw().Tile = proto.Uint32(s.unseen(t, seat, e.number))
			m.Body = &wirepb.TableEvent_Game{Game: marshal(t, &g)}
			done = true
		})
		if done {
			return
		}
	}
	t.Fatal("nobody else draws")
}

func BenchmarkCheck(b *testing.B) {
	s := simulate(b, 1)
	size := 0
	for _, seat := range s.Seats {
		size += seat.Stream.Size()
	}
	for b.Loop() {
		check(b, s)
	}
	b.ReportMetric(float64(size), "B/table")
	b.ReportMetric(float64(s.entries), "entries")
}
