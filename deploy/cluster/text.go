package cluster

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// addressLine lists addresses in a stable order.
func addressLine(addresses map[string]string) string {
	var parts []string
	for _, purpose := range slices.Sorted(maps.Keys(addresses)) {
		parts = append(parts, purpose+" "+addresses[purpose])
	}
	return strings.Join(parts, "  ")
}

// redactDSN hides the password of a DSN of the form scheme:user:password@…. The password may contain any
// of these separators.
func redactDSN(dsn string) string {
	scheme, rest, _ := strings.Cut(dsn, ":")
	colon, at := strings.Index(rest, ":"), strings.LastIndex(rest, "@")
	if scheme == "sqlite" || colon < 0 || at < colon {
		return dsn
	}
	return scheme + ":" + rest[:colon] + ":…" + rest[at:]
}

// Print writes the process list for people.
func (s State) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	for _, p := range s.Processes {
		pid := "down"
		if p.PID != 0 {
			pid = fmt.Sprintf("pid %d", p.PID)
		}
		if p.Ending {
			pid += " (ending)"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", p.Name, pid, addressLine(p.Addresses))
	}
	return w.Flush()
}

// explain prints which process listens where and what to type next.
func (s *Supervisor) explain() {
	state, out := s.State(), s.cfg.Output
	fmt.Fprintln(out, "Teahouse is open.")
	state.Print(out)
	fate := ""
	if s.cfg.Data == "" {
		fate = " (removed at the end)"
	}
	fmt.Fprintf(out, "  database  %s\n  data      %s%s\n  state     %s\n\n", redactDSN(state.Database), state.Data, fate, s.cfg.State)
	if s.moved {
		fmt.Fprintf(out, "%s is busy, so clients connect to %s\n", s.cfg.Listen, state.Address)
	} else {
		fmt.Fprintf(out, "Clients connect to %s\n", state.Address)
	}
	flag := ""
	if usual, err := StateFile(); err != nil || usual != s.cfg.State {
		flag = " --state " + s.cfg.State
	}
	fmt.Fprintf(out, `
Next, in another terminal:
  go run ./bench swarm%[1]s

and while it plays:
  go run ./deploy/local kill node-2%[1]s
  go run ./deploy/local start node-2%[1]s

Ctrl-C ends all of it.
`, flag)
}
