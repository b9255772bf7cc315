package host

import (
	"strings"
	"testing"
)

// Each reason why a node cannot serve a move is named, and each of them alone is enough.
func TestUnready(t *testing.T) {
	good := func() Status {
		return Status{Groups: 2, Replicas: []GroupStatus{
			{Group: 0, Leader: "node-2-x", Applied: 100, Last: 100},
			{Group: 1, Leader: "node-1-x", Leading: true, Serving: true, Applied: 90, Last: 100},
		}}
	}
	if reasons := unready(good(), false, "node-2", true); len(reasons) > 0 {
		t.Errorf("%q", reasons)
	}
	for want, c := range map[string]struct {
		spoil   func(*Status)
		leaving bool
		leader  string
		linked  bool
	}{
		"leaving":        {leaving: true, leader: "node-2", linked: true},
		"not joined":     {spoil: func(s *Status) { s.Replicas = s.Replicas[1:] }, leader: "node-2", linked: true},
		"member list":    {spoil: func(s *Status) { s.Groups = 0 }, leader: "node-2", linked: true},
		"is known":       {},
		"no link to":     {leader: "node-2"},
		"a write":        {spoil: func(s *Status) { s.Disk.StalledMS = 300 }, leader: "node-2", linked: true},
		"has no leader":  {spoil: func(s *Status) { s.Replicas[1].Leader = "" }, leader: "node-2", linked: true},
		"replaying":      {spoil: func(s *Status) { s.Replicas[1].Last = 1000 }, leader: "node-2", linked: true},
		"is not applied": {spoil: func(s *Status) { s.Replicas[1].Serving = false }, leader: "node-2", linked: true},
	} {
		s := good()
		if c.spoil != nil {
			c.spoil(&s)
		}
		if reasons := unready(s, c.leaving, c.leader, c.linked); len(reasons) != 1 || !strings.Contains(reasons[0], want) {
			t.Errorf("%s: %q", want, reasons)
		}
	}
}
