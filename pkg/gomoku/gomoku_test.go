package gomoku

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/gomoku/gomokupb"
	"teahouse/pkg/wire/wirepb"
)

func deal(t testing.TB, rules string, dealer int) game.Hand {
	t.Helper()
	g := New()
	whole, err := g.Rules([]byte(rules))
	if err != nil {
		t.Fatal(err)
	}
	h, err := g.Deal(game.Setup{Rules: whole, Dealer: dealer})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func at(x, y int) []byte {
	return marshal(&gomokupb.Move{Answer: &gomokupb.Move_Place{Place: &gomokupb.Point{X: uint32(x), Y: uint32(y)}}})
}

// play lets black and white alternate and returns the last event.
func play(t testing.TB, h game.Hand, dealer int, points ...[2]int) *gomokupb.Event {
	t.Helper()
	var last *gomokupb.Event
	for i, p := range points {
		step, err := h.Move((dealer+i)%2, at(p[0], p[1]))
		if err != nil {
			t.Fatalf("move %d: %v", i, err)
		}
		last = new(gomokupb.Event)
		if err := proto.Unmarshal(step.Events[len(step.Events)-1].Seats[0], last); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

func TestRows(t *testing.T) {
	for _, c := range []struct {
		name   string
		rules  string
		points [][2]int // each time, black completes a row of five with the last move
		length int      // of the winning row; 0 = the game continues
	}{
		{"across", "", [][2]int{{0, 0}, {0, 9}, {1, 0}, {1, 9}, {2, 0}, {2, 9}, {3, 0}, {3, 9}, {4, 0}}, 5},
		{"down the edge", "", [][2]int{{14, 14}, {0, 9}, {14, 13}, {1, 9}, {14, 12}, {2, 9}, {14, 11}, {3, 9}, {14, 10}}, 5},
		{"diagonal, filled from inside", "", [][2]int{{3, 3}, {0, 9}, {4, 4}, {1, 9}, {6, 6}, {2, 9}, {7, 7}, {3, 9}, {5, 5}}, 5},
		{"other diagonal", `{"size":9}`, [][2]int{{8, 0}, {0, 8}, {7, 1}, {1, 8}, {6, 2}, {2, 8}, {5, 3}, {3, 8}, {4, 4}}, 5},
		{"four", "", [][2]int{{0, 0}, {0, 9}, {1, 0}, {1, 9}, {2, 0}, {2, 9}, {3, 0}}, 0},
		{"round the edge", `{"size":9}`, [][2]int{{7, 0}, {0, 8}, {8, 0}, {2, 8}, {0, 1}, {4, 8}, {1, 1}, {6, 8}, {2, 1}}, 0},
		{"six", "", [][2]int{{0, 0}, {0, 9}, {1, 0}, {1, 9}, {2, 0}, {2, 9}, {4, 0}, {3, 9}, {5, 0}, {8, 9}, {3, 0}}, 6},
		{"six, only five win", `{"exact":true}`, [][2]int{{0, 0}, {0, 9}, {1, 0}, {1, 9}, {2, 0}, {2, 9}, {4, 0}, {3, 9}, {5, 0}, {8, 9}, {3, 0}}, 0},
	} {
		for dealer := range 2 {
			h := deal(t, c.rules, dealer)
			last := play(t, h, dealer, c.points...)
			r, over := h.Result()
			if over != (c.length > 0) || len(last.GetOver().GetLine()) != c.length {
				t.Errorf("%s: over %v, row %v", c.name, over, last.GetOver().GetLine())
			}
			if over && (r.Scores[dealer] != 1 || r.Scores[1-dealer] != -1 || r.NextDealer != 1-dealer) {
				t.Errorf("%s: %+v", c.name, r)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	h := deal(t, "", 1)
	play(t, h, 1, [2]int{7, 7})
	before := h.Snapshot()
	for _, c := range []struct {
		name string
		seat int
		move []byte
		want game.Code
	}{
		{"not to move", 1, at(0, 0), wirepb.Code_PROMPT_GONE},
		{"taken", 0, at(7, 7), wirepb.Code_NOT_OFFERED},
		{"outside", 0, at(15, 0), wirepb.Code_MOVE_MALFORMED},
		{"no seat", 2, at(0, 0), wirepb.Code_NOT_SEATED},
		{"below all seats", -1, at(0, 0), wirepb.Code_NOT_SEATED},
		{"empty", 0, nil, wirepb.Code_MOVE_MALFORMED},
		{"garbage", 0, []byte{0xff}, wirepb.Code_MOVE_MALFORMED},
		{"long", 0, bytes.Repeat(at(0, 0), 100), wirepb.Code_MOVE_MALFORMED},
	} {
		_, err := h.Move(c.seat, c.move)
		if got := game.CodeOf(err, wirepb.Code_OK); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if _, err := h.Timeout(1); err == nil {
		t.Error("a seat without a prompt cannot time out")
	}
	if !bytes.Equal(before, h.Snapshot()) {
		t.Error("a refusal has changed something")
	}
}

func TestGivingUp(t *testing.T) {
	for _, c := range []struct {
		give func(game.Hand) (game.Step, error)
		want gomokupb.Over_Reason
	}{
		{func(h game.Hand) (game.Step, error) { return h.Timeout(1) }, gomokupb.Over_TIMED_OUT},
		{func(h game.Hand) (game.Step, error) {
			return h.Move(1, marshal(&gomokupb.Move{Answer: &gomokupb.Move_Resign{}}))
		}, gomokupb.Over_RESIGNED},
	} {
		h := deal(t, `{"base":7}`, 0)
		play(t, h, 0, [2]int{7, 7})
		if _, err := c.give(h); err != nil {
			t.Fatal(err)
		}
		r, over := h.Result()
		var end gomokupb.Over
		if err := proto.Unmarshal(r.Summary, &end); err != nil {
			t.Fatal(err)
		}
		if !over || r.Scores[0] != 7 || r.Scores[1] != -7 || end.GetReason() != c.want {
			t.Errorf("%v: over %v, %v, %v", c.want, over, r.Scores, &end)
		}
		if again, err := New().Restore(h.Snapshot()); err != nil || !bytes.Equal(again.Snapshot(), h.Snapshot()) {
			t.Errorf("%v: restored to something else: %v", c.want, err)
		}
	}
}

func TestThink(t *testing.T) {
	for _, c := range []struct {
		name   string
		points [][2]int
		want   [][2]int // any of them
	}{
		{"begins in the middle", nil, [][2]int{{7, 7}}},
		{"ends a four", [][2]int{{3, 3}, {9, 9}, {4, 3}, {9, 10}, {5, 3}, {9, 11}, {6, 3}, {9, 12}}, [][2]int{{2, 3}, {7, 3}}},
		{"stops a four", [][2]int{{3, 3}, {2, 3}, {4, 3}, {9, 10}, {5, 3}, {11, 14}, {6, 3}}, [][2]int{{7, 3}}},
		{"fills a gap", [][2]int{{3, 3}, {0, 14}, {4, 3}, {14, 0}, {6, 3}, {14, 14}, {7, 3}}, [][2]int{{5, 3}}},
		{"meets an open three", [][2]int{{6, 7}, {0, 0}, {7, 7}, {14, 0}, {8, 7}}, [][2]int{{5, 7}, {9, 7}, {4, 7}, {10, 7}}},
	} {
		h := deal(t, "", 0)
		play(t, h, 0, c.points...)
		answer, err := New().Think(nil, h.View(0), nil, game.Middle)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, p := range c.want {
			found = found || bytes.Equal(answer, at(p[0], p[1]))
		}
		if !found {
			var m gomokupb.Move
			proto.Unmarshal(answer, &m)
			t.Errorf("%s: played %v", c.name, m.GetPlace())
		}
	}
}

// TestAutoIsThink plays a game by auto-play, which plays what a bot would, to a full board or a row.
func TestAutoIsThink(t *testing.T) {
	h := deal(t, "", 0)
	for i := 0; ; i++ {
		if _, over := h.Result(); over {
			break
		}
		answer, err := New().Think(nil, h.View(0), nil, game.Middle)
		if err != nil {
			t.Fatal(err)
		}
		twin, err := New().Restore(h.Snapshot())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Auto(i % 2); err != nil {
			t.Fatal(err)
		}
		if _, err := twin.Move(i%2, answer); err != nil || !bytes.Equal(twin.Snapshot(), h.Snapshot()) {
			t.Fatalf("auto-play and Think differ: %v", err)
		}
	}
}

// TestFullBoard fills the board so that no three stand in a row: a draw.
func TestFullBoard(t *testing.T) {
	var points [2][][2]int // black's, white's
	for i := range 81 {
		x, y := i%9, i/9
		side := (x/2 + y) % 2
		points[side] = append(points[side], [2]int{x, y})
	}
	var moves [][2]int
	for i := range 81 {
		moves = append(moves, points[i%2][i/2])
	}
	h := deal(t, `{"size":9}`, 1)
	last := play(t, h, 1, moves...)
	if last.GetOver().GetReason() != gomokupb.Over_FULL || last.GetOver().Winner != nil {
		t.Errorf("the end is %v", last)
	}
	if r, over := h.Result(); !over || r.Scores[0] != 0 || r.Scores[1] != 0 || r.NextDealer != 0 {
		t.Errorf("over %v: %+v", over, r)
	}
}

func FuzzRestore(f *testing.F) {
	h := deal(f, `{"size":9}`, 1)
	play(f, h, 1, [2]int{4, 4}, [2]int{4, 5})
	f.Add(h.Snapshot(), at(3, 3))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, snapshot, move []byte) {
		h, err := New().Restore(snapshot)
		if err != nil {
			return
		}
		for seat := range 2 {
			before := h.Snapshot()
			if _, err := h.Move(seat, move); err != nil && !bytes.Equal(before, h.Snapshot()) {
				t.Fatal("a refusal has changed something")
			}
			if p := h.Prompt(seat); p.Serial != 0 {
				if _, err := New().Think(nil, h.View(0), p.Payload, game.Middle); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func BenchmarkThink(b *testing.B) {
	h := deal(b, "", 0)
	play(b, h, 0, [2]int{7, 7}, [2]int{8, 8}, [2]int{6, 8}, [2]int{7, 9})
	view := h.View(0)
	g := New()
	for b.Loop() {
		if _, err := g.Think(nil, view, nil, game.Middle); err != nil {
			b.Fatal(err)
		}
	}
}
