package proof

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"teahouse/pkg/fair"
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/wire/wirepb"
)

const (
	table = game.TableID(1<<40 | 9)
	seat  = 2
)

// played has bots play a hand and returns the record of a witness in the seat.
func played(t *testing.T) *Record {
	t.Helper()
	return playedWith(t, [][]byte{[]byte("zero"), nil, []byte("mine"), []byte("three")})
}

func playedWith(t *testing.T, nonces [][]byte) *Record {
	t.Helper()
	g, err := tablegame.New(tablegame.Config{})
	if err != nil {
		t.Fatal(err)
	}
	rules, err := g.Rules(nil)
	if err != nil {
		t.Fatal(err)
	}
	seed := [fair.SeedLen]byte{1, 2, 3}
	commitment := fair.Commitment(seed, uint64(table), 1)
	h, err := g.Deal(game.Setup{Rules: rules, Seed: fair.Mix(seed, nonces), Dealer: 3})
	if err != nil {
		t.Fatal(err)
	}
	w := NewWitness(table, seat)
	w.Told(&wirepb.TableEvent{Body: &wirepb.TableEvent_Opened{Opened: &wirepb.Opened{
		Game: g.Name(), Rules: rules, Seats: []*wirepb.SeatInfo{{Player: 5}, {}, {Player: 6}, {Player: 7}},
	}}})
	w.Told(&wirepb.TableEvent{Body: &wirepb.TableEvent_Committed{Committed: &wirepb.Committed{Hand: 1, Commitment: commitment[:]}}})
	w.Contributed(1, nonces[seat])
	w.Told(&wirepb.TableEvent{Body: &wirepb.TableEvent_HandStarted{HandStarted: &wirepb.HandStarted{Hand: 1, Dealer: 3}}})
	see := func(events []game.Event) {
		for _, e := range events {
			if e.Seats[seat] != nil {
				w.Told(&wirepb.TableEvent{Body: &wirepb.TableEvent_Game{Game: e.Seats[seat]}})
			}
		}
	}
	see(h.Opening())
	for {
		if _, over := h.Result(); over {
			break
		}
		for s := range g.Seats() {
			if h.Prompt(s).Serial != 0 {
				step, err := h.Auto(s)
				if err != nil {
					t.Fatal(err)
				}
				see(step.Events)
			}
		}
	}
	if w.Records() != nil {
		t.Error("a record before the reveal")
	}
	w.Told(&wirepb.TableEvent{Body: &wirepb.TableEvent_RoundEnded{RoundEnded: &wirepb.RoundEnded{
		Revealed: []*wirepb.Revealed{{Hand: 1, Seed: seed[:], Nonces: nonces, Dealer: 3}},
	}}})
	records := w.Records()
	if len(records) != 1 {
		t.Fatalf("%d records", len(records))
	}
	return records[0]
}

// reread is the record after writing and reading it.
func reread(t *testing.T, r *Record) *Record {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	again := new(Record)
	if err := json.Unmarshal(text, again); err != nil {
		t.Fatal(err)
	}
	return again
}

func TestFairHand(t *testing.T) {
	r := reread(t, played(t))
	own := 0
	for _, d := range r.Draws {
		if (d.Tile != nil) != (d.Seat == seat) {
			t.Errorf("draw %+v", d)
		}
		if d.Tile != nil {
			own++
		}
	}
	if wall, problems := r.Check(); problems != nil || len(wall) != 108 || own == 0 || r.Direction == 0 {
		t.Errorf("%d tiles, %d own draws, direction %d: %v", len(wall), own, r.Direction, problems)
	}
}

// Whatever a dishonest table could do differently is found.
func TestUnfairHands(t *testing.T) {
	for name, cheat := range map[string]func(*Record){
		"an earlier version":   func(r *Record) { r.Version = 0 },
		"another seed":         func(r *Record) { r.Seed[5]++ },
		"another commitment":   func(r *Record) { r.Commitment[0]++ },
		"no commitment":        func(r *Record) { r.Commitment = nil },
		"of another hand":      func(r *Record) { r.Hand++ },
		"nonce left out":       func(r *Record) { r.Nonces[seat] = nil },
		"other's nonce":        func(r *Record) { r.Nonces[0] = []byte("chosen later") },
		"seats left out":       func(r *Record) { r.Nonces = r.Nonces[:1] },
		"short seed":           func(r *Record) { r.Seed = r.Seed[:31] },
		"a tile changed":       func(r *Record) { r.Dealt[3] = (r.Dealt[3] + 1) % 27 },
		"a tile that is none":  func(r *Record) { r.Dealt[3] = 27 },
		"a draw changed":       func(r *Record) { change(r.Draws) },
		"another dealer":       func(r *Record) { r.Dealer = 0 },
		"a dealer that is not": func(r *Record) { r.Dealer = 4 },
		"another direction":    func(r *Record) { r.Direction = r.Direction%3 + 1 },
		"a draw too many":      func(r *Record) { r.Draws = append(r.Draws, make([]Draw, 60)...) },
		"a seat that is none":  func(r *Record) { r.Seat = -1 },
	} {
		r := reread(t, played(t))
		cheat(r)
		if _, problems := r.Check(); len(problems) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}

// A table that knows the seats' nonces could try others until it likes the wall, if anybody but the
// seats' players could add one.
func TestNoncesOfNobody(t *testing.T) {
	for name, nonces := range map[string][][]byte{
		"a bot's":        {[]byte("zero"), []byte("tried"), []byte("mine"), []byte("three")},
		"a fifth seat's": {[]byte("zero"), nil, []byte("mine"), []byte("three"), []byte("tried")},
	} {
		if _, problems := reread(t, playedWith(t, nonces)).Check(); len(problems) != 1 {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

func change(draws []Draw) {
	for _, d := range draws {
		if d.Tile != nil {
			*d.Tile = (*d.Tile + 1) % 27
			return
		}
	}
}

func TestVerify(t *testing.T) {
	good, err := json.Marshal(played(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, in, want string
		fails          bool
	}{
		{"good", string(good) + "\n\n" + string(good), "2 records checked, 0 are not fair", false},
		{"damaged", string(good) + "\n{\n", "line 2:", true},
		{"unfair", strings.Replace(string(good), `"hand":1`, `"hand":2`, 1), "not the one that was committed to", true},
		{"empty", "", "0 records checked", true},
	} {
		var out bytes.Buffer
		err := Verify(t.Context(), strings.NewReader(c.in), &out, c.name == "good")
		if (err != nil) != c.fails || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %v, %q", c.name, err, out.String())
		}
	}
}

func told(w *Witness, events ...*wirepb.TableEvent) {
	for _, e := range events {
		w.Told(e)
	}
}

func openedEvent() *wirepb.TableEvent {
	return &wirepb.TableEvent{Body: &wirepb.TableEvent_Opened{Opened: &wirepb.Opened{Game: tablegame.Name}}}
}

func committedEvent(hand uint32) *wirepb.TableEvent {
	return &wirepb.TableEvent{Body: &wirepb.TableEvent_Committed{Committed: &wirepb.Committed{Hand: hand}}}
}

func startedEvent(hand, dealer uint32) *wirepb.TableEvent {
	return &wirepb.TableEvent{Body: &wirepb.TableEvent_HandStarted{HandStarted: &wirepb.HandStarted{Hand: hand, Dealer: dealer}}}
}

func endedEvent(revealed ...*wirepb.Revealed) *wirepb.TableEvent {
	return &wirepb.TableEvent{Body: &wirepb.TableEvent_RoundEnded{RoundEnded: &wirepb.RoundEnded{Revealed: revealed}}}
}

func hands(w *Witness) (hands []uint32) {
	for _, r := range w.Records() {
		hands = append(hands, r.Hand)
	}
	return hands
}

// A hand of which events are missing proves nothing.
func TestMissedEvents(t *testing.T) {
	w := NewWitness(table, seat)
	told(w, openedEvent())
	for hand := uint32(1); hand <= 3; hand++ {
		if hand != 3 { // a commitment that comes after the deal is none
			told(w, committedEvent(hand))
		}
		told(w, startedEvent(hand, 0))
		if hand == 2 {
			w.Missed(&wirepb.TableView{Hand: 2})
		}
		told(w, committedEvent(hand))
	}
	told(w, endedEvent())
	if got := hands(w); !slices.Equal(got, []uint32{1}) {
		t.Errorf("records of the hands %v", got)
	}
}

// A table that commits again may have seen the nonces.
func TestSecondCommitment(t *testing.T) {
	w := NewWitness(table, seat)
	again := committedEvent(1)
	again.GetCommitted().Commitment = []byte("another")
	told(w, openedEvent(), committedEvent(1))
	w.Contributed(1, []byte("mine"))
	told(w, again, startedEvent(1, 0), endedEvent())
	if r := w.Records(); len(r) != 1 || len(r[0].Commitment) != 0 || string(r[0].Nonce) != "mine" {
		t.Errorf("records %+v", r)
	}
}

// Neither does one of which not even the deal was seen.
func TestMissedDeal(t *testing.T) {
	w := NewWitness(table, seat)
	told(w, openedEvent(), committedEvent(1), startedEvent(1, 0), committedEvent(2))
	w.Missed(&wirepb.TableView{Hand: 2})
	told(w, committedEvent(3), startedEvent(3, 0), endedEvent())
	if got := hands(w); !slices.Equal(got, []uint32{3}) {
		t.Errorf("records of the hands %v", got)
	}
}

// A snapshot tells the commitment before the deal, and the seeds after the round, too.
func TestSnapshots(t *testing.T) {
	w := NewWitness(table, seat)
	w.Missed(&wirepb.TableView{
		Opened: openedEvent().GetOpened(), Hand: 1, Committed: &wirepb.Committed{Hand: 2, Commitment: []byte("c")},
	})
	told(w, startedEvent(2, 3))
	w.Missed(&wirepb.TableView{Hand: 2, Committed: &wirepb.Committed{Hand: 3}})
	told(w, startedEvent(3, 1))
	w.Missed(&wirepb.TableView{Hand: 3, Committed: &wirepb.Committed{Hand: 3}, RoundEnded: true})
	if got := hands(w); len(got) != 0 {
		t.Errorf("records of the hands %v, none of which was seen completely", got)
	}
	w = NewWitness(table, seat)
	w.Missed(&wirepb.TableView{
		Opened: openedEvent().GetOpened(), Committed: &wirepb.Committed{Hand: 1, Commitment: []byte("c")},
	})
	told(w, startedEvent(1, 3), &wirepb.TableEvent{Body: &wirepb.TableEvent_HandEnded{HandEnded: &wirepb.HandEnded{Hand: 1}}})
	w.Missed(&wirepb.TableView{Hand: 1, RoundEnded: true, Revealed: []*wirepb.Revealed{{Hand: 1, Seed: []byte("s"), Dealer: 2}}})
	r := w.Records()
	if len(r) != 1 || string(r[0].Commitment) != "c" || string(r[0].Seed) != "s" || r[0].Dealer != 3 {
		t.Errorf("records %+v; the dealer is the one that was told at the deal", r)
	}
}
