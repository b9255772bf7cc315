package queue

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"text/tabwriter"
	"time"

	"teahouse/bench/history"
	"teahouse/bench/proxy"
	"teahouse/bench/report"
	"teahouse/pkg/wire/wirepb"
)

// Summary is what queue prints with --json.
type Summary struct {
	Players    int           `json:"players"`
	DurationS  float64       `json:"duration_s"` // from the first join until everybody was answered
	played     int64         // the end of that in the history's time
	LoginsPerS float64       `json:"logins_per_s"`
	LoginMS    report.Millis `json:"login_ms"`

	Commands     int           `json:"commands"` // joins, cancels and readings that were answered
	CommandsPerS float64       `json:"commands_per_s"`
	Joins        int           `json:"joins"` // that got a ticket
	JoinsPerS    float64       `json:"joins_per_s"`
	CommandMS    report.Millis `json:"command_ms"`
	MatchWaitMS  report.Millis `json:"match_wait_ms"`  // from the join to the word of the match
	LongestGapMS float64       `json:"longest_gap_ms"` // the longest answered command

	LongestOutageMS float64          `json:"longest_outage_ms"`
	Outages         report.Outages   `json:"outages"`
	Open            *report.OpenLoop `json:"open_loop"`   // null = the players joined at random
	NotAudited      []string         `json:"not_audited"` // what nobody could look at

	Kill        *Kill          `json:"kill"` // null = nobody was killed by this run
	Disconnects int            `json:"disconnects"`
	Resumes     int            `json:"resumes"`
	Resends     int            `json:"resends"`
	GivenUp     int            `json:"given_up"` // commands whose players did not wait for the answer
	Refusals    map[string]int `json:"refusals"` // by command and code
	Faults      *proxy.Counts  `json:"faults"`   // null = no proxy
	LeaderCPU   float64        `json:"leader_cpu_cores"`
	CheckS      float64        `json:"check_s"`

	Tickets history.Result `json:"tickets"`
	Stuck   int            `json:"tickets_stuck"` // waited at the end in spite of company for a table
}

// Held reports whether every promise held.
func (s Summary) Held() bool { return s.Tickets.Audit.Clean() && s.Stuck == 0 }

// summarize measures and checks the history.
func (b *Bench) summarize(s *Summary, cfg history.Config) {
	var ops []history.Op
	var logins report.Latency
	for _, p := range b.players {
		ops = append(ops, p.history()...)
		logins.Record(p.loginFor)
		stats := p.client.Stats()
		s.Disconnects += int(stats.Disconnects)
		s.Resumes += int(stats.Resumes)
		s.Resends += int(stats.Resends)
	}
	s.Players, s.LoginMS = len(b.players), logins.Millis()
	if b.proxy != nil {
		counts := b.proxy.Counts()
		s.Faults = &counts
	}
	s.measure(ops)
	s.NotAudited = []string{}
	if !b.target.Visible() {
		s.NotAudited = append(s.NotAudited, "the coordinator's leader and its CPU (needs --status URL,…)")
	}
	began := time.Now()
	s.Tickets = history.Check(ops, cfg)
	s.CheckS = time.Since(began).Seconds()
	for _, note := range s.Tickets.Notes {
		b.cfg.Logger.Warn("check", "found", note)
	}
}

// measure takes the figures from the history.
func (s *Summary) measure(ops []history.Op) {
	slices.SortStableFunc(ops, func(a, b history.Op) int { return cmp.Compare(a.Call, b.Call) })
	s.Refusals = make(map[string]int)
	var took, waits report.Latency
	joined := make(map[uint64]int64)
	first, last := int64(math.MaxInt64), int64(0) // of the joins
	for _, o := range ops {
		switch {
		case o.Return == history.Open:
			s.GivenUp++
			continue
		case o.Kind == history.Told || o.Call > s.played: // nobody asked, or the check did
			continue
		}
		gap := o.Return - o.Call
		took.Record(time.Duration(gap))
		s.Commands++
		s.LongestGapMS = max(s.LongestGapMS, float64(gap)/1e6)
		if k := s.Kill; k != nil && o.Return > k.at && o.Call < k.at+int64(time.Second) {
			k.GapMS = max(k.GapMS, float64(gap)/1e6)
		}
		if o.Code != wirepb.Code_OK {
			s.Refusals[name(o.Kind)+" "+o.Code.String()]++
		} else if o.Kind == history.Join && o.Got != 0 {
			s.Joins++
			joined[o.Got] = o.Call
			first, last = min(first, o.Call), max(last, o.Return)
		}
	}
	for _, o := range ops {
		if at, ok := joined[o.Got]; ok && o.Kind == history.Told {
			waits.Record(time.Duration(o.Return - at))
			delete(joined, o.Got) // a later hint is the same news
		}
	}
	s.CommandMS, s.MatchWaitMS = took.Millis(), waits.Millis()
	if s.DurationS > 0 {
		s.CommandsPerS = float64(s.Commands) / s.DurationS
	}
	if last > first {
		s.JoinsPerS = float64(s.Joins) / time.Duration(last-first).Seconds()
	}
}

func name(k history.Kind) string {
	return map[history.Kind]string{history.Join: "join", history.Cancel: "cancel", history.Read: "read"}[k]
}

// Print writes the summary as people read it.
func (s Summary) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "\nplayers\t%d, %.0f logins a second (%v)\n", s.Players, s.LoginsPerS, s.LoginMS)
	fmt.Fprintf(w, "commands\t%d in %.1f s, %.0f a second; %d joins, %.0f a second; %d given up\n",
		s.Commands, s.DurationS, s.CommandsPerS, s.Joins, s.JoinsPerS, s.GivenUp)
	fmt.Fprintf(w, "answer\t%v (closed loop)\n", s.CommandMS)
	if s.Open != nil {
		fmt.Fprintf(w, "joins\t%v\n", *s.Open)
	}
	fmt.Fprintf(w, "match wait\t%v (from the join)\n", s.MatchWaitMS)
	fmt.Fprintf(w, "longest gap\t%.1f ms, of answered commands\n", s.LongestGapMS)
	fmt.Fprintf(w, "longest outage\t%v\n", s.Outages)
	if k := s.Kill; k != nil {
		fmt.Fprintf(w, "killed\t%s; another led after %.1f ms, longest answer %.1f ms\n", k.Victim, k.LeaderMS, k.GapMS)
	}
	fmt.Fprintf(w, "connections\t%d lost, %d resumed, %d commands sent again\n", s.Disconnects, s.Resumes, s.Resends)
	if f := s.Faults; f != nil {
		fmt.Fprintf(w, "faults\tof %d commands %d delayed, %d reordered, %d repeated, %d cut off\n",
			f.Commands, f.Delayed, f.Reordered, f.Repeated, f.Cut)
	}
	for _, what := range slices.Sorted(maps.Keys(s.Refusals)) {
		fmt.Fprintf(w, "refused\t%d %s\n", s.Refusals[what], what)
	}
	if len(s.NotAudited) == 0 {
		fmt.Fprintf(w, "leader\t%.0f %% of a core\n", 100*s.LeaderCPU)
	}
	for _, what := range s.NotAudited {
		fmt.Fprintf(w, "not audited\t%s\n", what)
	}
	t := s.Tickets
	fmt.Fprintf(w, "tickets\t%d: %d matched at %d tables, %d cancelled, %d still queued\n", t.Tickets, t.Matched, t.Tables, t.Cancelled, t.Queued)
	verdict := "clean"
	if !s.Held() {
		verdict = fmt.Sprintf("BROKEN: %d stuck, %+v", s.Stuck, t.Audit)
	}
	fmt.Fprintf(w, "check\t%s (%.1f s)\n", verdict, s.CheckS)
	return w.Flush()
}
