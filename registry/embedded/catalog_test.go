package embedded

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"pgregory.net/rapid"
)

var t0 = time.Unix(1_000_000, 0)

func at(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }

func service(id string) api.AgentService { return api.AgentService{ID: id, Service: "s"} }

// heartbeat is a check of 10 s whose service is dropped after another 30 s.
func heartbeat(id string) check {
	return check{id: "ttl:" + id, ttl: 10 * time.Second, deregisterAfter: 30 * time.Second, status: api.HealthPassing}
}

func passingIDs(c *catalog) []string {
	ids := []string{}
	for _, e := range c.list("s", true) {
		ids = append(ids, e.service.ID)
	}
	return ids
}

func TestSilenceIsCriticalThenRemoved(t *testing.T) {
	c := newCatalog(10)
	if err := c.register(at(0), service("a"), heartbeat("a")); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		second  int
		events  []event
		next    time.Time
		passing []string
		listed  int
	}{
		{0, nil, at(10), []string{"a"}, 1},
		{9, nil, at(10), []string{"a"}, 1},
		{10, []event{{serviceID: "a"}}, at(40), []string{}, 1},
		{39, nil, at(40), []string{}, 1},
		{40, []event{{serviceID: "a", removed: true}}, time.Time{}, []string{}, 0},
	} {
		before := c.index
		events, next := c.advance(at(step.second))
		if !slices.Equal(events, step.events) || !next.Equal(step.next) {
			t.Errorf("second %d: %v, next %v", step.second, events, next)
		}
		if (c.index != before) != (step.events != nil) {
			t.Errorf("second %d: index %d → %d", step.second, before, c.index)
		}
		if got := passingIDs(c); !slices.Equal(got, step.passing) || len(c.list("s", false)) != step.listed {
			t.Errorf("second %d: passing %v, %d listed", step.second, got, len(c.list("s", false)))
		}
	}
	if err := c.update(at(41), "ttl:a", api.HealthPassing); !errors.Is(err, errUnknownCheck) {
		t.Errorf("heartbeat of a removed service: %v", err)
	}
}

func TestHeartbeatExtends(t *testing.T) {
	c := newCatalog(10)
	_ = c.register(at(0), service("a"), heartbeat("a"))
	before := c.index
	if err := c.update(at(8), "ttl:a", api.HealthPassing); err != nil {
		t.Fatal(err)
	}
	if events, next := c.advance(at(12)); events != nil || !next.Equal(at(18)) {
		t.Errorf("%v, next %v", events, next)
	}
	if c.index != before {
		t.Error("a heartbeat that changes nothing woke the watchers")
	}
	c.advance(at(18))
	if err := c.update(at(20), "ttl:a", api.HealthPassing); err != nil {
		t.Fatal(err)
	}
	if got := passingIDs(c); !slices.Equal(got, []string{"a"}) {
		t.Errorf("after its return: %v", got)
	}
}

func TestIndexMovesOnlyWithTheList(t *testing.T) {
	c := newCatalog(10)
	moved := func(f func()) bool {
		before := c.index
		f()
		return c.index > before
	}
	other := service("a")
	other.Meta = map[string]string{"weight": "2"}
	if !moved(func() { _ = c.register(at(0), service("a"), heartbeat("a")) }) {
		t.Error("new service: not moved")
	}
	if moved(func() { _ = c.register(at(1), service("a"), heartbeat("a")) }) {
		t.Error("same service again: moved")
	}
	if !moved(func() { _ = c.register(at(2), other, heartbeat("a")) }) {
		t.Error("other meta: not moved")
	}
	if !moved(func() { _ = c.update(at(3), "ttl:a", api.HealthWarning) }) {
		t.Error("other status: not moved")
	}
	if moved(func() { _ = c.deregister("x") }) {
		t.Error("unknown service: moved")
	}
	if !moved(func() { _ = c.deregister("a") }) {
		t.Error("deregistered: not moved")
	}
}

func TestServiceWithoutCheckStays(t *testing.T) {
	c := newCatalog(10)
	_ = c.register(at(0), service("a"), check{})
	if events, next := c.advance(at(1_000_000)); events != nil || !next.IsZero() {
		t.Errorf("%v, next %v", events, next)
	}
	if got := passingIDs(c); !slices.Equal(got, []string{"a"}) {
		t.Errorf("passing %v", got)
	}
	if err := c.update(at(0), "", api.HealthPassing); !errors.Is(err, errUnknownCheck) {
		t.Errorf("update without check: %v", err)
	}
}

func TestFullCatalogStillReplaces(t *testing.T) {
	c := newCatalog(1)
	_ = c.register(at(0), service("a"), heartbeat("a"))
	if err := c.register(at(0), service("b"), heartbeat("b")); !errors.Is(err, errFull) {
		t.Errorf("one too many: %v", err)
	}
	if err := c.register(at(0), service("a"), heartbeat("a")); err != nil {
		t.Errorf("replacement: %v", err)
	}
}

// Whatever happens in whatever order, a service passes exactly as long as its last heartbeat
// allows.
func TestCatalogAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCatalog(4)
		now := 0
		seen := map[string]int{} // id → second of the last sign of life
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now += rapid.IntRange(0, 6).Draw(t, "pause")
			id := fmt.Sprint(rapid.IntRange(1, 4).Draw(t, "id"))
			c.advance(at(now))
			for known, last := range seen {
				if now >= last+40 {
					delete(seen, known)
				}
			}
			switch rapid.IntRange(0, 2).Draw(t, "action") {
			case 0:
				if err := c.register(at(now), service(id), heartbeat(id)); err != nil {
					t.Fatal(err)
				}
				seen[id] = now
			case 1:
				_, known := seen[id]
				if err := c.update(at(now), "ttl:"+id, api.HealthPassing); (err == nil) != known {
					t.Fatalf("heartbeat of %s, known %v: %v", id, known, err)
				}
				if known {
					seen[id] = now
				}
			case 2:
				_, known := seen[id]
				if err := c.deregister(id); (err == nil) != known {
					t.Fatalf("deregister %s, known %v: %v", id, known, err)
				}
				delete(seen, id)
			}
			want := []string{}
			for id, last := range seen {
				if now < last+10 {
					want = append(want, id)
				}
			}
			slices.Sort(want)
			if got := passingIDs(c); !slices.Equal(got, want) {
				t.Fatalf("second %d: passing %v, want %v", now, got, want)
			}
		}
	})
}
