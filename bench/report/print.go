package report

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
)

// Print writes the summary as people read it.
func (s Summary) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	loop := "closed loop"
	if s.Open != nil {
		loop = "from the send"
	}
	fmt.Fprintf(w, "\nplayers\t%d for %.1f s\n", s.Players, s.DurationS)
	fmt.Fprintf(w, "hands\t%d finished, %d unfinished\n", s.HandsFinished, s.HandsUnfinished)
	fmt.Fprintf(w, "moves\t%d acknowledged, %.0f a second\n", s.MovesAcked, s.MovesPerS)
	fmt.Fprintf(w, "move latency\t%v (%s)\n", s.MoveLatencyMS, loop)
	if s.Open != nil {
		fmt.Fprintf(w, "at the rate\t%v\n", *s.Open)
	}
	fmt.Fprintf(w, "match wait\t%v (closed loop)\n", s.MatchWaitMS)
	fmt.Fprintf(w, "longest gap\t%.1f ms, of answered moves\n", s.LongestGapMS)
	fmt.Fprintf(w, "longest outage\t%v\n", s.Outages)
	connections := fmt.Sprintf("%d lost, %d resumed", s.Disconnects, s.Resumes)
	if s.Departures > 0 {
		connections += fmt.Sprintf("; %d changed gateways as planned", s.Departures)
	}
	fmt.Fprintf(w, "connections\t%s\n", connections)
	if n := s.Notices; n != (Notices{}) {
		fmt.Fprintf(w, "told\t%d that nobody runs their table, %d that it passes to another node\n", n.Waiting, n.Moving)
	}
	if s.Elections != nil {
		fmt.Fprintf(w, "elections\t%d\n", *s.Elections)
	}
	for _, code := range slices.Sorted(maps.Keys(s.Errors)) {
		fmt.Fprintf(w, "refused\t%d %s\n", s.Errors[code], code)
	}
	if s.PromptsUnreachable > 0 {
		fmt.Fprintf(w, "unreachable\t%d prompts timed out while their players could not answer\n", s.PromptsUnreachable)
	}
	c := s.CPUPerMove
	fmt.Fprintf(w, "CPU a move\tgateway %.0f µs, nodes %.0f µs, swarm %.0f µs\n", c.Gateway, c.Nodes, c.Swarm)
	for _, what := range s.NotAudited {
		fmt.Fprintf(w, "not audited\t%s\n", what)
	}
	fmt.Fprintf(w, "audit\t%v\n", s.Audit)
	return w.Flush()
}

// String lists the quantiles.
func (m Millis) String() string {
	return fmt.Sprintf("median %.1f ms, 90 %% %.1f, 99 %% %.1f, 99.9 %% %.1f, max %.1f", m.P50, m.P90, m.P99, m.P999, m.Max)
}

// String names what is not zero.
func (a Audit) String() string {
	if a.Clean() {
		return "clean"
	}
	text := "BROKEN:"
	for _, c := range []struct {
		n    int
		what string
	}{
		{a.LostMoves, "moves lost"},
		{a.DuplicateMoves, "moves doubled"},
		{a.HandsUnfinished, "hands unfinished"},
		{a.HandsUnsettled, "hands unsettled"},
		{a.HandsTwice, "hands settled twice"},
		{a.ScoreSumNonzero, "hands with wrong scores"},
		{a.EventsWrong, "events wrong"},
		{a.PromptsTimedOut, "prompts timed out"},
		{a.HiddenTilesSeen, "hidden tiles seen"},
	} {
		if c.n != 0 {
			text += fmt.Sprintf(" %d %s", c.n, c.what)
		}
	}
	return text
}

// WriteJSON writes v to file; an empty name writes nothing.
func WriteJSON(file string, v any) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}
