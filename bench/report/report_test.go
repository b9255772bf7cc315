package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The names are a contract with whoever reads the files.
func TestJSON(t *testing.T) {
	file := filepath.Join(t.TempDir(), "summary.json")
	if err := WriteJSON(file, Summary{Errors: map[string]int{"PROMPT_GONE": 2}}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	quantiles := []string{"p50", "p90", "p99", "p999", "max"}
	for name, fields := range map[string][]string{
		"players": nil, "duration_s": nil, "hands_finished": nil, "hands_unfinished": nil, "moves_acked": nil, "moves_per_s": nil,
		"move_latency_ms": quantiles, "match_wait_ms": quantiles, "longest_gap_ms": nil, "longest_outage_ms": nil, "prompts_unreachable": nil, "not_audited": nil, "open_loop": nil,
		"outages": {"longest_ms", "cause", "by_player_ms", "players_1s", "players_open"}, "disconnects": nil, "resumes": nil, "departures": nil, "notices": {"waiting", "moving"}, "elections": nil,
		"errors": {"PROMPT_GONE"}, "cpu_us_per_move": {"gateway", "nodes", "swarm"},
		"audit": {"lost_moves", "duplicate_moves", "hands_unfinished", "hands_unsettled", "hands_settled_twice",
			"score_sum_nonzero", "events_wrong", "prompts_timed_out", "hidden_tiles_seen"},
	} {
		value, ok := got[name]
		if !ok {
			t.Errorf("no %s", name)
		}
		delete(got, name)
		if fields == nil {
			continue
		}
		inner := value.(map[string]any)
		for _, f := range fields {
			if _, ok := inner[f]; !ok {
				t.Errorf("no %s.%s", name, f)
			}
		}
		if len(inner) != len(fields) {
			t.Errorf("%s has %d fields, want %d", name, len(inner), len(fields))
		}
	}
	if len(got) > 0 {
		t.Errorf("more than agreed: %v", got)
	}
	if err := WriteJSON("", Summary{}); err != nil {
		t.Error(err)
	}
}

// Each count alone makes an audit unclean, and is named.
func TestAuditNamesEachCount(t *testing.T) {
	if a := (Audit{}); !a.Clean() || a.String() != "clean" {
		t.Errorf("%v", a)
	}
	seen := make(map[string]bool)
	for i := range reflect.TypeFor[Audit]().NumField() {
		var a Audit
		reflect.ValueOf(&a).Elem().Field(i).SetInt(3)
		if text := a.String(); a.Clean() || !strings.Contains(text, " 3 ") || seen[text] {
			t.Errorf("field %d: %q", i, text)
		} else {
			seen[text] = true
		}
	}
}

func TestLatency(t *testing.T) {
	var a, b Latency
	if a.Millis() != (Millis{}) {
		t.Errorf("%+v", a.Millis())
	}
	for i := range 100 {
		b.Record(time.Duration(i+1) * time.Millisecond)
	}
	a.Merge(&b)
	a.Merge(&Latency{})
	a.Record(time.Hour) // beyond what it can tell apart
	m := a.Millis()
	if m.P50 < 49 || m.P50 > 53 || m.P90 < 89 || m.P90 > 93 || m.Max < 599_000 || m.Max > 601_000 {
		t.Errorf("%+v", m)
	}
}

func TestPrint(t *testing.T) {
	var out strings.Builder
	s := Summary{Players: 7, MovesAcked: 4242, Errors: map[string]int{"BUSY": 3}, Audit: Audit{LostMoves: 5}}
	if err := s.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"7 for", "4242 acknowledged", "3 BUSY", "5 moves lost"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
