package coordinator

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

func reports(node, server string, v *linkpb.Versions) *coordpb.Command {
	return &coordpb.Command{Body: &coordpb.Command_Replace{Replace: &coordpb.Replace{Name: node, Server: server, Versions: v}}}
}

func raise(level uint32, without ...string) *coordpb.Command {
	return &coordpb.Command{Body: &coordpb.Command_Level{Level: &coordpb.Level{Level: level, Without: without}}}
}

func levels(min, max uint32) *linkpb.Versions { return &linkpb.Versions{MinLevel: min, MaxLevel: max} }

// able are the versions of a binary that knows all levels and plays everything.
func able() *linkpb.Versions {
	v := levels(1, newest)
	v.Games = []*linkpb.GameVersion{{Name: "gomoku", Newest: 1}, {Name: "mahjong", Newest: 1}}
	return v
}

// The level never falls, and rises only to one that every member has last reported to know, except those
// named; it survives snapshots.
func TestLevelRises(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorldAt(t, 1, nil)
		said := make(map[string][2]uint32)
		names := []string{"node-1", "node-2", "node-3"}
		level := uint32(1)
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			number := w.members.GetNumber()
			if rapid.Bool().Draw(rt, "report") {
				name := rapid.SampledFrom(names).Draw(rt, "node")
				min := rapid.Uint32Range(1, 3).Draw(rt, "min")
				max := rapid.Uint32Range(min, 4).Draw(rt, "max")
				if r := w.one(reports(name, name+".disk", levels(min, max))); r.code != wirepb.Code_OK {
					rt.Fatalf("report: %v", r.code)
				}
				if news := said[name] != [2]uint32{min, max}; news != (w.members.GetNumber() == number+1) {
					rt.Fatalf("a report (new: %v) moved the list from %d to %d", news, number, w.members.GetNumber())
				}
				said[name] = [2]uint32{min, max}
			} else {
				to := rapid.Uint32Range(1, 4).Draw(rt, "to")
				without := rapid.SliceOfDistinct(rapid.SampledFrom(append(names, "stranger")), rapid.ID[string]).Draw(rt, "without")
				want := wirepb.Code_OK
				switch {
				case to <= level:
				case slices.Contains(without, "stranger"):
					want = wirepb.Code_BAD_REQUEST
				default:
					for _, name := range names {
						if v := said[name]; !slices.Contains(without, name) && (to < v[0] || to > v[1]) {
							want = wirepb.Code_UNAVAILABLE
						}
					}
					if want == wirepb.Code_OK {
						level = to
					}
				}
				if r := w.one(raise(to, without...)); r.code != want {
					rt.Fatalf("raise to %d without %v: %v, want %v (at %d, said %v)", to, without, r.code, want, level, said)
				}
			}
			if got := Level(w.members); got != level {
				rt.Fatalf("level %d, want %d", got, level)
			}
			back, err := restore(w.bytes())
			if err != nil || Level(back.members) != level || !bytes.Equal(back.bytes(), w.bytes()) {
				rt.Fatalf("restored: %v", err)
			}
		}
	})
}

// A node with a new disk reports its own versions; what the old one reported no longer counts.
func TestLevelOfANewDisk(t *testing.T) {
	w := newWorldAt(t, 1, nil)
	for _, n := range []string{"node-1", "node-2", "node-3"} {
		w.one(reports(n, n+".disk", levels(1, 2)))
	}
	w.one(reports("node-2", "node-2.new", nil))
	if r := w.one(raise(2)); r.code != wirepb.Code_UNAVAILABLE {
		t.Fatalf("raised while nobody knows what node-2 runs: %v", r.code)
	}
	w.one(reports("node-2", "node-2.new", levels(1, 2)))
	if r := w.one(raise(2)); r.code != wirepb.Code_OK || Level(w.members) != 2 {
		t.Fatalf("raise: %v", r.code)
	}
}

// New tables use the newest game version that every member plays; a game that a member lacks is not
// played.
func TestGameVersions(t *testing.T) {
	w := newWorld(t, func(s *coordpb.Settings) {
		for _, q := range s.GetQueues() {
			for _, m := range q.GetModes() {
				m.Version = 3
			}
		}
	})
	played := w.settings.GetQueues()[0].GetModes()[0]
	plays := func(node string, newest uint32) {
		v := levels(1, 1)
		if newest > 0 {
			v.Games = []*linkpb.GameVersion{{Name: played.GetGame(), Newest: newest}}
		}
		w.one(reports(node, node+".disk", v))
	}
	if got := w.gameVersion(played); got != 1 {
		t.Errorf("version %d while nobody has said anything", got)
	}
	for i, newest := range []uint32{4, 2, 3} {
		plays(fmt.Sprint("node-", i+1), newest)
	}
	if got := w.gameVersion(played); got != 2 {
		t.Errorf("version %d, one member plays 2 at most", got)
	}
	p := w.queued(int(w.settings.GetSeats()), w.settings.GetQueues()[0].GetName())
	w.do(60_000, matchWith(1))
	if all := w.unconfirmed(); len(all) == 0 || all[0].create.GetGameVersion() != 2 {
		t.Errorf("%d players: %v", len(p), all)
	}
	plays("node-3", 0)
	g := w.one(guest(""))
	if r := w.one(join(g, 1, w.settings.GetQueues()[0].GetName())); r.code != wirepb.Code_QUEUE_UNKNOWN {
		t.Errorf("a game that one member lacks: %v", r.code)
	}
}

func TestUnsoundVersions(t *testing.T) {
	req := func(v *linkpb.Versions) *linkpb.Request {
		payload, err := proto.Marshal(&linkpb.Join{Name: "n", Server: "s", Versions: v})
		if err != nil {
			t.Fatal(err)
		}
		return &linkpb.Request{Method: "cluster.join", Payload: payload}
	}
	newer := levels(1, 1)
	newer.ProtoReflect().SetUnknown([]byte{0xf8, 0x07, 1})
	for name, v := range map[string]*linkpb.Versions{
		"nothing at all": {}, "an empty range": levels(3, 2), "of a newer build": newer,
		"too many games": {MinLevel: 1, MaxLevel: 1, Games: make([]*linkpb.GameVersion, maxGames+1)},
	} {
		if name == "too many games" {
			for i := range v.Games {
				v.Games[i] = &linkpb.GameVersion{Name: "g"}
			}
		}
		if _, err := read("n", req(v)); err == nil {
			t.Errorf("%s comes into the log", name)
		}
	}
	if _, err := read("n", req(levels(1, 1))); err != nil {
		t.Error(err)
	}
	if _, err := read("n", req(nil)); err != nil {
		t.Error("a node that says nothing:", err)
	}
}
