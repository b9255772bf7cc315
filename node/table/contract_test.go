package table_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/node/table/tabletest"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// faulty is the tiny game with a hand that breaks its contract.
type faulty struct {
	tabletest.Game
	deal func() error
	hand func(h game.Hand) game.Hand
}

func (g faulty) Deal(s game.Setup) (game.Hand, error) {
	if g.deal != nil {
		return nil, g.deal()
	}
	h, err := g.Game.Deal(s)
	return g.hand(h), err
}

type badResult struct {
	game.Hand
	change func(*game.Result)
}

func (h badResult) Result() (game.Result, bool) {
	r, over := h.Hand.Result()
	if over {
		r.Scores = append([]int64(nil), r.Scores...)
		h.change(&r)
	}
	return r, over
}

type idleHand struct{ game.Hand }

func (idleHand) Prompt(int) game.Prompt { return game.Prompt{} }

type noTimeout struct{ game.Hand }

func (noTimeout) Timeout(int) (game.Step, error) { return game.Step{}, errors.New("no time-out here") }

type noRelease struct{ game.Hand }

func (noRelease) Release() (game.Step, error) { return game.Step{}, errors.New("no release here") }

// If a game breaks its contract in any way, the table is voided: the seats are told of the end and of
// nothing that the broken step did, and nothing of that step counts.
func TestGameThatBreaksItsContract(t *testing.T) {
	result := func(f func(*game.Result)) faulty {
		return faulty{hand: func(h game.Hand) game.Hand { return badResult{h, f} }}
	}
	for name, c := range map[string]struct {
		game faulty
		why  string
	}{
		"no deal":          {faulty{deal: func() error { return errors.New("no tiles") }}, "deal: no tiles"},
		"panic in deal":    {faulty{deal: func() error { panic("secret") }}, "panicked with a string"},
		"a score less":     {result(func(r *game.Result) { r.Scores = r.Scores[1:] }), "result"},
		"no dealer below":  {result(func(r *game.Result) { r.NextDealer = -1 }), "result"},
		"no dealer above":  {result(func(r *game.Result) { r.NextDealer = 4 }), "result"},
		"points from air":  {result(func(r *game.Result) { r.Scores[2]++ }), "result: INTERNAL: scores sum to 5"},
		"asks nobody":      {faulty{hand: func(h game.Hand) game.Hand { return idleHand{h} }}, "the hand waits for nothing"},
		"no time-out":      {faulty{hand: func(h game.Hand) game.Hand { return noTimeout{h} }}, "time-out of seat 0: no time-out here"},
		"no end of a hold": {faulty{hand: func(h game.Hand) game.Hand { return noRelease{h} }}, "release: no release here"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, `{"turns":4,"hold_ms":700}`, 2)
			var err error
			if r.table, err = table.New(c.game, r.spec, r.now); err != nil {
				t.Fatal(err)
			}
			r.spec.Timing.RecheckMs = 0
			for p := uint64(11); p <= 14; p++ {
				r.attach(p, 1, 0)
			}
			for n := 0; r.out.Void == "" && n < 100; n++ {
				asked := false
				if name != "no time-out" {
					for seat := range 4 {
						if p, next := r.open(seat); p != 0 && !asked {
							asked = true
							r.apply(moveCommand(11+uint64(seat), 1, next, p, 2))
						}
					}
				}
				if asked {
					continue
				}
				due, ok := r.table.NextDeadline()
				if !ok {
					t.Fatal("no deadline")
				}
				r.now = max(r.now, due)
				r.apply(&tablepb.Command{Body: &tablepb.Command_Deadline{Deadline: r.table.Due(r.now)[0]}})
			}
			if !strings.Contains(r.out.Void, c.why) {
				t.Fatalf("void: %q, want %q", r.out.Void, c.why)
			}
			m := r.table.Message()
			if r.table.Hand() != nil || r.table.Unsettled() != 0 || !r.table.Voided() || r.table.Ended() == nil ||
				m.GetEntries() != nil || m.GetDeal() != nil || m.GetSeed() != nil {
				t.Errorf("something of the hand is left: %v", m)
			}
			if due, ok := r.table.NextDeadline(); ok {
				t.Errorf("a deadline at %d is left", due)
			}
			for seat, s := range m.GetSeats() {
				if s.GetTotal() != 0 || s.GetPrompt() != nil {
					t.Errorf("seat %d: total %d, prompt %v", seat, s.GetTotal(), s.GetPrompt())
				}
				for i, p := range r.pushed[seat] {
					if p.Number != uint64(i+1) {
						t.Fatalf("seat %d: push %d has number %d", seat, i, p.Number)
					}
				}
				end := event(t, r.pushed[seat][len(r.pushed[seat])-1].Payload).GetRoundEnded()
				if !end.GetVoided() || has[*wirepb.TableEvent_HandEnded](r, seat) != 0 {
					t.Errorf("seat %d: end %v", seat, end)
				}
				r.want(r.attach(11+uint64(seat), 1, 9999), wirepb.Code_RESUME_INVALID)
				var v wirepb.TableView
				if err := proto.Unmarshal(r.out.Pushes[0].Payload, &v); err != nil || !v.GetVoided() || v.GetGame() != nil || v.GetPrompt() != nil {
					t.Errorf("seat %d is shown %v", seat, &v)
				}
				r.pushed[seat] = r.pushed[seat][:len(r.pushed[seat])-1]
			}
			r.apply(freed)
			if r.table.Phase() != tablepb.Phase_RELEASED {
				t.Errorf("phase %v after the players are free", r.table.Phase())
			}
		})
	}
}

func TestRestoreRefuses(t *testing.T) {
	r := newRig(t, ``, 1)
	r.attachAll()
	good := r.table.Message()
	for name, f := range map[string]func(m *tablepb.Table){
		"another game": func(m *tablepb.Table) { m.Game = "other" },
		"a seat less":  func(m *tablepb.Table) { m.Seats = m.Seats[1:] },
		"dealer":       func(m *tablepb.Table) { m.Dealer = 4 },
		"next dealer":  func(m *tablepb.Table) { m.NextDealer = 4 },
		"no hand":      func(m *tablepb.Table) { m.Play = nil },
		"bad hand":     func(m *tablepb.Table) { m.Play = []byte("{}") },
	} {
		m := proto.CloneOf(good)
		f(m)
		if _, err := table.FromMessage(m, games); err == nil {
			t.Errorf("%s: restored", name)
		}
	}
	// Fields that older versions did not write.
	m := proto.CloneOf(good)
	m.Timing = nil
	tb, err := table.FromMessage(m, games)
	if err != nil {
		t.Fatal(err)
	}
	tb.Apply(table.Entry{NowMS: r.now, Term: 1, Command: tookOver})
	if tb.Message().GetTiming() == nil {
		t.Error("no periods")
	}
}

// The hash distinguishes results under the same key, so it covers everything but the key and the time.
func TestHashCoversEveryField(t *testing.T) {
	base := game.HandResult{
		Key: game.HandKey{Table: 1, Hand: 2}, Game: "tiny", Queue: "standard", Stake: 5,
		Players: []game.PlayerID{1, 2}, Names: []string{"one", "two"}, Scores: []int64{5, -5}, Archive: []byte("archive"), Last: true, Practice: true,
	}
	aside := map[string]bool{"Key": true, "Hash": true, "Finished": true}
	for i := range reflect.TypeOf(base).NumField() {
		name := reflect.TypeOf(base).Field(i).Name
		other := base
		v := reflect.ValueOf(&other).Elem().Field(i)
		if v.Kind() == reflect.Slice {
			if !aside[name] && v.Len() == 0 {
				t.Fatalf("%s has no value here", name)
			}
			for j := range v.Len() {
				one := base
				w := reflect.ValueOf(&one).Elem().Field(i)
				w.Set(reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, 0), v))
				w.Index(j).SetZero()
				if !aside[name] && table.Hash(one) == table.Hash(base) {
					t.Errorf("%s[%d] is not covered", name, j)
				}
			}
			continue
		}
		if name == "Finished" {
			other.Finished = time.Unix(5, 0)
		} else if name == "Hash" {
			other.Hash[3] = 1
		} else {
			v.SetZero()
		}
		if (table.Hash(other) == table.Hash(base)) != aside[name] {
			t.Errorf("%s: covered %t", name, !aside[name])
		}
	}
	// Moving bytes from one field into the next changes the hash.
	for name, f := range map[string]func(r *game.HandResult){
		"game, queue":     func(r *game.HandResult) { r.Game, r.Queue = "tinys", "tandard" },
		"names":           func(r *game.HandResult) { r.Names = []string{"onet", "wo"} },
		"archive, last":   func(r *game.HandResult) { r.Archive, r.Last = append(r.Archive[:7:7], 0, 0, 0, 0, 0, 0, 0, 1), false },
		"player, nothing": func(r *game.HandResult) { r.Players, r.Names, r.Scores = r.Players[:1], r.Names[:1], r.Scores[:1] },
	} {
		other := base
		if f(&other); table.Hash(other) == table.Hash(base) {
			t.Errorf("%s: two results, one hash", name)
		}
	}
}

// eager ends a hold as soon as the claim is answered.
type eager struct{ game.Hand }

func (h eager) Move(seat int, move []byte) (game.Step, error) {
	claim := h.Hand.Prompt(seat).Secret
	step, err := h.Hand.Move(seat, move)
	if err == nil && claim {
		more, err := h.Hand.Release()
		return game.Step{Events: append(step.Events, more.Events...)}, err
	}
	return step, err
}

// A hold that a move ends leaves no timer behind, and the next hold lasts its full time.
func TestHoldThatAMoveEnds(t *testing.T) {
	r := newRig(t, `{"turns":9,"hold_ms":700}`, 1)
	var err error
	if r.table, err = table.New(faulty{hand: func(h game.Hand) game.Hand { return eager{h} }}, r.spec, r.now); err != nil {
		t.Fatal(err)
	}
	r.attachAll()
	for seat := range 4 {
		r.answer(seat, 0)
	}
	for _, turn := range []int{1, 2, 3} {
		began := r.now
		r.answer(turn, 1) // the next seat may claim
		if due, _ := r.table.NextDeadline(); due != began+700 {
			t.Errorf("turn of seat %d: due %d, began %d", turn, due, began)
		}
		r.now += 300
		r.answer((turn+1)%4, 0)
		if due, _ := r.table.NextDeadline(); due != r.now+1000 {
			t.Errorf("after the hold: due %d at %d", due, r.now)
		}
		r.now += 500 // beyond the end of the old hold
	}
}
