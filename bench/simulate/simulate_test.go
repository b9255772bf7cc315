package simulate

import (
	"bytes"
	"os"
	"runtime"
	"testing"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// TestSeeds is the part of the simulation that runs with all tests; CI runs many more seeds. A
// failure names the command that repeats it.
func TestSeeds(t *testing.T) {
	seeds := uint64(200)
	switch slow := os.Getenv("TEAHOUSE_SLOW") != ""; {
	case raceDetector: // each run has one goroutine
		seeds = 50
	case slow:
		seeds = 10_000
	}
	sum, err := RunMany(t.Context(), 1, seeds, runtime.GOMAXPROCS(0), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range sum.Failed {
		t.Errorf("seed %d: %s\n%s", r.Seed, r.Violation, r.Command())
	}
	if sum.Runs != seeds || uint64(sum.Moves) < 5*seeds || uint64(sum.Hands) < seeds || sum.Waits == 0 || sum.Departed == 0 {
		t.Errorf("nobody has played: %+v", sum)
	}
	t.Logf("%+v", sum)
}

// Runs of one seed are identical: otherwise no failure could be investigated.
func TestASeedIsOneRun(t *testing.T) {
	for seed := range uint64(10) {
		var first, second bytes.Buffer
		a, b := Run(seed, &first), Run(seed, &second)
		if a != b || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("seed %d: %+v, then %+v", seed, a, b)
		}
	}
}

// The code that checks the promises could itself be blind.
func TestTheBookSeesWhatIsWrong(t *testing.T) {
	w := newWorld(1, nil)
	b := w.book
	table := game.MakeTableID(1, 1)
	d := w.players[0].now
	d.seen = b.sits(d, table)
	for name, wrong := range map[string]func(){
		"an event is left out": func() { b.event(d, &wirepb.Push{Kind: wirepb.Push_EVENT, Number: 2}) },
		"an event is another one": func() {
			b.tells(b.table(table), 1, 1, []byte("a"))
			b.tells(b.table(table), 1, 1, []byte("b"))
		},
		"a gateway forwards what was not asked for": func() {
			c := &conn{gate: w.gateways[0], dev: d, watch: map[uint64]*watch{}}
			b.frame(c, &wirepb.Envelope{Body: &wirepb.Envelope_Push{Push: &wirepb.Push{Kind: wirepb.Push_EVENT, Table: uint64(table), Number: 1}}})
		},
		"two replicas differ": func() {
			b.image(w.groups[1].replicas[0], []byte("a"))
			b.image(w.groups[1].replicas[1], []byte("b"))
		},
		"a ticket is lost": func() {
			b.queue.joins[5] = map[[2]uint64]bool{{1, 1}: true}
			waiting := &coordpb.Ticket{Id: 9, Player: 5}
			b.follow(&coordpb.Snapshot{Waiting: []*coordpb.Ticket{waiting}}, nil, nil, nil)
			b.follow(&coordpb.Snapshot{}, nil, nil, nil)
		},
		"a player is bound twice": func() {
			b.follow(&coordpb.Snapshot{Tables: []*coordpb.Table{{Id: 1, Players: []uint64{5}}, {Id: 2, Players: []uint64{5}}}}, nil, nil, nil)
		},
		"a move is lost": func() {
			b.compare(&tableBook{id: table, seen: []*seen{{player: 1, tries: []*try{{prompt: 4, number: 1, acked: true}}}}}, map[moveKey]recorded{})
		},
		"nobody has sent a move": func() {
			b.compare(&tableBook{id: table}, map[moveKey]recorded{{1, 1}: {prompt: 4}})
		},
	} {
		b.wrong = ""
		if wrong(); !b.broken() {
			t.Errorf("%s: nothing was found", name)
		}
	}
}
