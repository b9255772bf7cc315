// Package report holds what the bench tool measures and how it prints it: the
// summary of a swarm, its audit, and latencies.
//
//	var l report.Latency
//	l.Record(took)
//	s.MoveLatency = l.Millis()
//
// It measures nothing itself. Only bench imports it.
package report

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Summary is what a swarm prints with --json.
type Summary struct {
	Players         int            `json:"players"`
	DurationS       float64        `json:"duration_s"`
	HandsFinished   int            `json:"hands_finished"`
	HandsUnfinished int            `json:"hands_unfinished"`
	MovesAcked      int            `json:"moves_acked"`
	MovesPerS       float64        `json:"moves_per_s"`
	MoveLatencyMS   Millis         `json:"move_latency_ms"`
	MatchWaitMS     Millis         `json:"match_wait_ms"`
	LongestGapMS    float64        `json:"longest_gap_ms"` // the longest answered move
	LongestOutageMS float64        `json:"longest_outage_ms"`
	Outages         Outages        `json:"outages"`
	Disconnects     int            `json:"disconnects"`
	Resumes         int            `json:"resumes"`
	Departures      int            `json:"departures"` // to another gateway, as planned: no connection was lost
	Notices         Notices        `json:"notices"`
	Snapshots       int            `json:"-"`         // received instead of the single events
	Elections       *int           `json:"elections"` // terms that began in any group of the local cluster; null = unknown
	Errors          map[string]int `json:"errors"`    // by code
	CPUPerMove      CPU            `json:"cpu_us_per_move"`
	Audit           Audit          `json:"audit"`
	// PromptsUnreachable counts the prompts that timed out while their client could not
	// answer: no promise was broken by that itself.
	PromptsUnreachable int `json:"prompts_unreachable"`
	// NotAudited names what nobody could look at.
	NotAudited []string `json:"not_audited"`
	// Open is what an open loop measured; null = the players asked in closed loops, in which
	// a slow answer delays the next question.
	Open *OpenLoop `json:"open_loop"`
}

// Notices are what players were told of their tables.
type Notices struct {
	Waiting int `json:"waiting"` // nobody runs it, for longer than a moment
	Moving  int `json:"moving"`  // it passes to another node, as planned
}

// OpenLoop is what was to be done so many times a second, however long each took.
type OpenLoop struct {
	Rate      float64 `json:"rate"`       // a second
	LatencyMS Millis  `json:"latency_ms"` // from when it should have been done, to the answer
	Early     int     `json:"early"`      // done before their time, because a prompt would have timed out
	Missing   int     `json:"missing"`    // were due and not done, because nobody could
}

// String is the latency and what it leaves out.
func (o OpenLoop) String() string {
	text := fmt.Sprintf("%v (open loop, from the intended time, %g a second)", o.LatencyMS, o.Rate)
	if o.Early > 0 {
		text += fmt.Sprintf("; %d early", o.Early)
	}
	if o.Missing > 0 {
		text += fmt.Sprintf("; %d MORE WERE DUE: nobody could make them", o.Missing)
	}
	return text
}

// Outages are the times in which players could not act or not hear; see package outage. Those
// that lasted at the end count.
type Outages struct {
	LongestMS  float64 `json:"longest_ms"`
	Cause      string  `json:"cause"`        // what that one began with
	ByPlayerMS Millis  `json:"by_player_ms"` // of each player the longest
	Felt       int     `json:"players_1s"`   // who had one of 1 s or more
	Open       int     `json:"players_open"` // who have been out for 1 s or more at the end
}

// String is the longest and what it says of the others.
func (o Outages) String() string {
	text := fmt.Sprintf("%.1f ms", o.LongestMS)
	if o.LongestMS > 0 {
		text += fmt.Sprintf(" (%s)", o.Cause)
	}
	text += fmt.Sprintf("; median player %.1f", o.ByPlayerMS.P50)
	if o.Felt > 0 {
		text += fmt.Sprintf("; %d players for 1 s or more", o.Felt)
	}
	if o.Open > 0 {
		text += fmt.Sprintf("; %d STILL OUT", o.Open)
	}
	return text
}

// CPU is user and system time per acknowledged move, in microseconds.
type CPU struct {
	Gateway float64 `json:"gateway"`
	Nodes   float64 `json:"nodes"`
	Swarm   float64 `json:"swarm"`
}

// Audit counts broken promises; all zero is the only good result.
type Audit struct {
	LostMoves       int `json:"lost_moves"`       // acknowledged and absent from the hand's archive
	DuplicateMoves  int `json:"duplicate_moves"`  // twice in the archive, or sent by nobody
	HandsUnfinished int `json:"hands_unfinished"` // still open after the grace
	HandsUnsettled  int `json:"hands_unsettled"`  // finished and absent from the database
	HandsTwice      int `json:"hands_settled_twice"`
	ScoreSumNonzero int `json:"score_sum_nonzero"`
	EventsWrong     int `json:"events_wrong"`      // a seat's stream differs from the replay
	PromptsTimedOut int `json:"prompts_timed_out"` // of seats with a connected client
	HiddenTilesSeen int `json:"hidden_tiles_seen"` // tile fields that the seat could not know
}

// Clean reports whether every promise held.
func (a Audit) Clean() bool { return a == Audit{} }

// Millis are quantiles in milliseconds.
type Millis struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// maxLatency is what a Latency can tell apart from more.
const maxLatency = 10 * time.Minute

// Latency collects durations. It is not safe for concurrent use.
type Latency struct{ h *hdrhistogram.Histogram }

// Record adds one duration, at a resolution of 0.1 %.
func (l *Latency) Record(d time.Duration) {
	if l.h == nil {
		l.h = hdrhistogram.New(1, maxLatency.Microseconds(), 3)
	}
	l.h.RecordValue(min(d, maxLatency).Microseconds())
}

// Merge adds what other has collected.
func (l *Latency) Merge(other *Latency) {
	if other.h == nil {
		return
	}
	if l.h == nil {
		l.h = hdrhistogram.New(1, maxLatency.Microseconds(), 3)
	}
	l.h.Merge(other.h)
}

// Millis are the quantiles so far; all zero when nothing was recorded.
func (l *Latency) Millis() Millis {
	if l.h == nil {
		return Millis{}
	}
	at := func(q float64) float64 { return float64(l.h.ValueAtQuantile(q)) / 1000 }
	return Millis{P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: float64(l.h.Max()) / 1000}
}
