package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"
)

func mustNew(t testing.TB, members ...Member) *Ring {
	t.Helper()
	r, err := New(members)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func nodes(n int) []Member {
	members := make([]Member, n)
	for i := range members {
		members[i].Name = fmt.Sprintf("node-%d", i+1)
	}
	return members
}

// drawMembers draws 1 to 8 members with different names, weights and zones.
func drawMembers(t *rapid.T) []Member {
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9-]{1,12}`), 1, 8, rapid.ID).Draw(t, "names")
	members := make([]Member, len(names))
	for i, name := range names {
		members[i] = Member{
			Name:   name,
			Weight: rapid.IntRange(0, 4).Draw(t, "weight"),
			Zone:   rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "zone"),
		}
	}
	return members
}

// The placement is a contract between processes of different versions: if this test fails,
// the change must not land.
func TestGolden(t *testing.T) {
	r := mustNew(t,
		Member{Name: "node-1", Zone: "a"},
		Member{Name: "node-2", Zone: "b", Weight: 2},
		Member{Name: "node-3", Zone: "a"})
	for key, want := range goldenSuccessors {
		if got := r.Successors(key, 3); !slices.Equal(got, want) {
			t.Errorf("Successors(%d) = %q, want %q", key, got, want)
		}
	}
	if got := digest(r); got != goldenDigest {
		t.Errorf("digest %#x, want %#x", got, uint64(goldenDigest))
	}
	loads := []Load{{Shard: 1, Tables: 3}, {Shard: 2}, {Shard: 3, Tables: 9}, {Shard: 4, Refuses: true}}
	for key, want := range goldenShards {
		if got, ok := Place(key, loads, 25); !ok || got != want {
			t.Errorf("Place(%d) = %d, %v, want %d", key, got, ok, want)
		}
	}
}

// digest covers every point and its owner.
func digest(r *Ring) uint64 {
	var buf []byte
	for i, hash := range r.hashes {
		buf = binary.BigEndian.AppendUint64(buf, hash)
		buf = append(buf, r.members[r.owners[i]].Name...)
	}
	return xxhash.Sum64(buf)
}

func TestEqualInputsEqualRings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := drawMembers(t)
		shuffled := rapid.Permutation(members).Draw(t, "order")
		a, errA := New(members)
		b, errB := New(shuffled)
		if errA != nil || errB != nil || !reflect.DeepEqual(a, b) {
			t.Fatalf("%v and %v differ: %v, %v", members, shuffled, errA, errB)
		}
	})
}

func TestInputIsNotKept(t *testing.T) {
	members := nodes(3)
	r := mustNew(t, members...)
	before := digest(r)
	members[0].Name = "other"
	r.Members()[0].Name = "other"
	if digest(r) != before {
		t.Error("the ring changed")
	}
}

// A member that leaves gives up its keys and no other key moves; conversely, a member that joins
// only takes keys.
func TestMinimalMovement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := drawMembers(t)
		with, err := New(members)
		if err != nil {
			t.Fatal(err)
		}
		gone := rapid.SampledFrom(members).Draw(t, "gone").Name
		without, err := New(slices.DeleteFunc(slices.Clone(members), func(m Member) bool { return m.Name == gone }))
		if err != nil {
			t.Fatal(err)
		}
		if filtered := with.Without(gone); !reflect.DeepEqual(filtered, without) {
			t.Fatalf("Without(%q) differs from a ring built without it", gone)
		}
		for range 100 {
			key := rapid.Uint64().Draw(t, "key")
			before, _ := with.Owner(key)
			after, ok := without.Owner(key)
			if ok != (len(members) > 1) {
				t.Fatalf("owner of %d: %v with %d members left", key, ok, len(members)-1)
			}
			if before != gone && after != before {
				t.Fatalf("key %d moved from %q to %q, though %q left", key, before, after, gone)
			}
		}
	})
}

// With more weight a member only gains keys.
func TestMoreWeightOnlyGains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := drawMembers(t)
		heavier := slices.Clone(members)
		i := rapid.IntRange(0, len(members)-1).Draw(t, "member")
		heavier[i].Weight = max(heavier[i].Weight, 1) + 1
		a, _ := New(members)
		b, _ := New(heavier)
		for range 100 {
			key := rapid.Uint64().Draw(t, "key")
			before, _ := a.Owner(key)
			after, _ := b.Owner(key)
			if after != before && after != heavier[i].Name {
				t.Fatalf("key %d moved from %q to %q, though %q grew", key, before, after, heavier[i].Name)
			}
		}
	})
}

func TestSharesFollowWeights(t *testing.T) {
	const keys = 100_000
	members := []Member{{Name: "a"}, {Name: "b", Weight: 2}, {Name: "c", Weight: 3}, {Name: "d", Weight: 4}}
	r := mustNew(t, members...)
	count := map[string]int{}
	for key := range uint64(keys) { // player ids are a counter too
		name, _ := r.Owner(key)
		count[name]++
	}
	for i, m := range members {
		want := float64(keys) * float64(i+1) / 10
		if deviation := math.Abs(float64(count[m.Name])-want) / want; deviation > 0.25 {
			t.Errorf("%s has %d keys, want about %.0f", m.Name, count[m.Name], want)
		}
	}
}

func TestSuccessors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := drawMembers(t)
		r, err := New(members)
		if err != nil {
			t.Fatal(err)
		}
		key := rapid.Uint64().Draw(t, "key")
		n := rapid.IntRange(0, 10).Draw(t, "n")
		owner, _ := r.Owner(key)

		got := r.Successors(key, n)
		if len(got) != min(n, len(members)) {
			t.Fatalf("%d successors of %d wanted, %d members", len(got), n, len(members))
		}
		if n > 0 && got[0] != owner {
			t.Fatalf("first is %q, owner %q", got[0], owner)
		}
		checkSpread(t, members, got)

		others := r.SuccessorsOf(owner, key, n)
		if len(others) != min(n, len(members)-1) || slices.Contains(others, owner) {
			t.Fatalf("others %q of %q, %d wanted", others, owner, n)
		}
		checkSpread(t, members, append([]string{owner}, others...))
	})
}

// checkSpread demands different names, and that no zone is reused while a less used one has a
// member left.
func checkSpread(t *rapid.T, members []Member, chosen []string) {
	zone := map[string]string{}
	left := map[string]int{}
	for _, m := range members {
		zone[m.Name] = m.Zone
		left[m.Zone]++
	}
	used := map[string]int{}
	seen := map[string]bool{}
	for i, name := range chosen {
		if seen[name] {
			t.Fatalf("%q twice in %q", name, chosen)
		}
		seen[name] = true
		for other, n := range left {
			if i > 0 && n > 0 && used[other] < used[zone[name]] {
				t.Fatalf("%q: %q again from zone %q, though %q was less used", chosen, name, zone[name], other)
			}
		}
		used[zone[name]]++
		left[zone[name]]--
	}
}

// What a dead member owned is spread over the others instead of going to a single one.
func TestSuccessorsOfDifferByKey(t *testing.T) {
	r := mustNew(t, nodes(6)...)
	first := map[string]bool{}
	for key := range uint64(200) {
		first[r.SuccessorsOf("node-1", key, 1)[0]] = true
	}
	if len(first) != 5 {
		t.Errorf("the first successors are only %v", first)
	}
}

func TestSuccessorsOfStranger(t *testing.T) {
	r := mustNew(t, nodes(3)...)
	if got, want := r.SuccessorsOf("stranger", 7, 3), r.Successors(7, 3); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWithout(t *testing.T) {
	r := mustNew(t, nodes(3)...)
	if got := r.Without("stranger"); !reflect.DeepEqual(got, r) {
		t.Error("a name that is not on the ring changed it")
	}
	if _, ok := r.Without("node-1", "node-2", "node-3").Owner(1); ok {
		t.Error("an empty ring has an owner")
	}
	for key := range uint64(1000) {
		if name, ok := r.Without("node-1", "node-3").Owner(key); !ok || name != "node-2" {
			t.Fatalf("owner %q, %v", name, ok)
		}
	}
}

func TestOwnerAmongIsOwnerWithoutTheOthers(t *testing.T) {
	r := mustNew(t, nodes(7)...)
	for key := range uint64(1000) {
		away := []string{fmt.Sprint("node-", key%7+1), fmt.Sprint("node-", key/7%7+1)}
		got, ok := r.OwnerAmong(key, func(name string) bool { return !slices.Contains(away, name) })
		if want, _ := r.Without(away...).Owner(key); !ok || got != want {
			t.Fatalf("key %d without %q: %q, want %q", key, away, got, want)
		}
	}
	if name, ok := r.OwnerAmong(1, func(string) bool { return false }); ok {
		t.Errorf("there is no member, but got %q", name)
	}
}

func TestEmpty(t *testing.T) {
	for name, r := range map[string]*Ring{"zero value": {}, "no members": mustNew(t)} {
		if owner, ok := r.Owner(1); ok {
			t.Errorf("%s: owner %q", name, owner)
		}
		if got := r.Successors(1, 3); got != nil {
			t.Errorf("%s: successors %q", name, got)
		}
		if got := r.SuccessorsOf("x", 1, 3); got != nil {
			t.Errorf("%s: successors %q", name, got)
		}
		if r.Len() != 0 || len(r.Without("x").Members()) != 0 {
			t.Errorf("%s: has members", name)
		}
	}
}

func TestInvalidMembers(t *testing.T) {
	for name, members := range map[string][]Member{
		"empty name":      {{Name: ""}},
		"twice":           {{Name: "a"}, {Name: "b"}, {Name: "a", Weight: 2}},
		"negative weight": {{Name: "a", Weight: -1}},
		"too heavy":       {{Name: "a", Weight: MaxWeight + 1}},
		"too many":        nodes(MaxMembers + 1),
	} {
		if r, err := New(members); !errors.Is(err, ErrMembers) || r != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkOwner(b *testing.B) {
	for _, n := range []int{3, 30, 300} {
		b.Run(fmt.Sprintf("members=%d", n), func(b *testing.B) {
			r := mustNew(b, nodes(n)...)
			b.ReportAllocs()
			var key uint64
			for b.Loop() {
				key++
				if _, ok := r.Owner(key); !ok {
					b.Fatal("no owner")
				}
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	members := nodes(30)
	for b.Loop() {
		mustNew(b, members...)
	}
}

func BenchmarkWithout(b *testing.B) {
	r := mustNew(b, nodes(30)...)
	for b.Loop() {
		r.Without("node-7")
	}
}
