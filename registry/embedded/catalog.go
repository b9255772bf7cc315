package embedded

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
)

// catalog is the state of the registry: who is registered, and until when each heartbeat counts. It
// is pure: the time is a parameter of each call and never goes backwards.
type catalog struct {
	max     int
	entries map[string]*entry // by service ID
	index   uint64            // increases with every change that a query can show; starts at 1
}

// entry is one service with its check, if it has one.
type entry struct {
	service api.AgentService
	check   check
}

// check is a TTL check. The zero value means that the service has none and always passes.
type check struct {
	id              string
	name            string
	ttl             time.Duration
	deregisterAfter time.Duration // 0: never
	status          string
	// deadline is when a check turns critical or, if it is critical, when its service is
	// deregistered; the zero time is never.
	deadline time.Time
}

func (c check) exists() bool { return c.id != "" }

func (c check) passing() bool { return !c.exists() || c.status == api.HealthPassing }

// set changes the status, and the deadline with it.
func (c *check) set(now time.Time, status string) {
	c.status = status
	c.deadline = time.Time{}
	if status != api.HealthCritical {
		c.deadline = now.Add(c.ttl)
	} else if c.deregisterAfter > 0 {
		c.deadline = now.Add(c.deregisterAfter)
	}
}

var (
	errFull           = errors.New("too many instances")
	errUnknownService = errors.New("unknown service ID")
	errUnknownCheck   = errors.New("unknown check ID")
)

func newCatalog(maxInstances int) *catalog {
	return &catalog{max: maxInstances, entries: map[string]*entry{}, index: 1}
}

// register adds the service or replaces the one with the same ID.
func (c *catalog) register(now time.Time, service api.AgentService, chk check) error {
	old, replaces := c.entries[service.ID]
	if !replaces && len(c.entries) >= c.max {
		return errFull
	}
	if chk.exists() {
		chk.set(now, chk.status)
	}
	c.entries[service.ID] = &entry{service: service, check: chk}
	if !replaces || old.check.status != chk.status || !reflect.DeepEqual(old.service, service) {
		c.index++
	}
	return nil
}

func (c *catalog) deregister(serviceID string) error {
	if _, ok := c.entries[serviceID]; !ok {
		return errUnknownService
	}
	delete(c.entries, serviceID)
	c.index++
	return nil
}

// update is a heartbeat: the check gets the status and a new deadline. If several services use the
// same check id, it applies to all of them.
func (c *catalog) update(now time.Time, checkID, status string) error {
	found, changed := false, false
	for _, e := range c.entries {
		if !e.check.exists() || e.check.id != checkID {
			continue
		}
		found, changed = true, changed || e.check.status != status
		e.check.set(now, status)
	}
	if changed {
		c.index++
	}
	if !found {
		return errUnknownCheck
	}
	return nil
}

// event is something that advance did.
type event struct {
	serviceID string
	removed   bool // deregistered; else it has turned critical
}

// advance turns overdue checks critical and deregisters services that have been critical for too
// long, as of their deadlines, however late it is called. It returns what happened, in order of
// service IDs, and when to look again; the zero time means that nothing can become due.
func (c *catalog) advance(now time.Time) (events []event, next time.Time) {
	for id, e := range c.entries {
		if overdue(e.check, now) && e.check.status != api.HealthCritical {
			e.check.set(e.check.deadline, api.HealthCritical)
			events = append(events, event{serviceID: id})
		}
		if overdue(e.check, now) {
			delete(c.entries, id)
			events = append(events, event{serviceID: id, removed: true})
			continue
		}
		if d := e.check.deadline; !d.IsZero() && (next.IsZero() || d.Before(next)) {
			next = d
		}
	}
	if len(events) > 0 {
		c.index++
	}
	slices.SortStableFunc(events, func(a, b event) int { return strings.Compare(a.serviceID, b.serviceID) })
	return events, next
}

func overdue(c check, now time.Time) bool {
	return !c.deadline.IsZero() && !now.Before(c.deadline)
}

// list returns the services of that name, all or only the passing ones, sorted by ID.
func (c *catalog) list(name string, passingOnly bool) []entry {
	var out []entry
	for _, e := range c.entries {
		if e.service.Service == name && (!passingOnly || e.check.passing()) {
			out = append(out, *e)
		}
	}
	slices.SortFunc(out, func(a, b entry) int { return strings.Compare(a.service.ID, b.service.ID) })
	return out
}
