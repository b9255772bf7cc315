package systest

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"teahouse/deploy/cluster"
)

// TestNodeLeaves asks one node after the other to end while players play: it gives all that it leads to
// nodes that stay, and nobody has to find out by silence or by a broken link.
func TestNodeLeaves(t *testing.T) {
	slow(t)
	l := lossy{T: t, data: t.TempDir()}
	state := filepath.Join(t.TempDir(), "state.json")
	l.Client = start(t, cluster.Config{Nodes: 3, Data: l.data, State: state})
	l.whole()
	crowd := startCrowd(t, state)
	leave := func(name string) (said string) {
		t.Helper()
		before := len(l.log(name))
		if err := l.Kill(t.Context(), name, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the end of "+name, func() bool { return l.pid(name) == 0 })
		return l.log(name)[before:]
	}
	for _, name := range []string{"node-1", "node-2", "node-3"} {
		led := 0
		eventually(t, "something that "+name+" leads", func() bool {
			led = 0
			for _, g := range l.status(name).Replicas {
				if g.Serving {
					led++
				}
			}
			return led > 0
		})
		said := leave(name)
		if strings.Count(said, `msg=leaving`) != 1 || strings.Contains(said, "nobody takes this leadership") {
			t.Errorf("%s led %d groups, and says: %s", name, led, said)
		}
		// Whoever has been given a leadership is named; it may be given less than it led a moment
		// ago, where a group moved by itself meanwhile.
		if !strings.Contains(said, "leadership given") {
			t.Errorf("%s gave nothing away: %s", name, said)
		}
		crowd.plays(t)
		l.start(name)
		l.whole()
	}
	// Whoever sat at one of the tables was told that it moves.
	if sum := crowd.audited(t); sum.Disconnects != 0 || sum.Notices.Moving == 0 {
		t.Errorf("%d disconnects, told %+v", sum.Disconnects, sum.Notices)
	}
}

// TestNodesLeaveTogether: who leaves gives nothing to who leaves as well, and waits for nobody. The
// last ones find nobody, and end all the same.
func TestNodesLeaveTogether(t *testing.T) {
	slow(t)
	l := lossy{T: t, data: t.TempDir()}
	state := filepath.Join(t.TempDir(), "state.json")
	l.Client = start(t, cluster.Config{Nodes: 3, Data: l.data, State: state})
	l.whole()
	crowd := startCrowd(t, state)
	for range 3 {
		for _, name := range []string{"node-1", "node-2", "node-3"} {
			if err := l.Kill(t.Context(), name, syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"node-1", "node-2", "node-3"} {
			eventually(t, "the end of "+name, func() bool { return l.pid(name) == 0 })
		}
		if err := l.Start(t.Context(), cluster.Everything); err != nil {
			t.Fatal(err)
		}
		l.whole()
		crowd.plays(t)
	}
	crowd.audited(t)
}
