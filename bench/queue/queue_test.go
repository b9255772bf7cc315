package queue

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"teahouse/bench/history"
	"teahouse/bench/target"
	"teahouse/node/host"
	"teahouse/pkg/wire/wirepb"
)

func TestConfig(t *testing.T) {
	for _, c := range []Config{
		{}, {State: "x", Players: -1}, {State: "x", Cancel: 1.1}, {State: "x", Cancel: -0.1},
		{State: "x", Duration: -1}, {State: "x", Queues: -1}, {State: "x", SpawnRate: -1}, {State: "x", Rate: -1}, {Addr: "x:1", Kill: true}, {Addr: "x"}, {State: "x", Grace: -1},
	} {
		if _, err := c.withDefaults(); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	c, err := Config{State: "x"}.withDefaults()
	if err != nil || c.Players != 1000 || c.Cancel != 0 || c.Queues != 16 || c.Duration != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestNoCluster(t *testing.T) {
	_, err := New(Config{State: filepath.Join(t.TempDir(), "none.json")})
	if err == nil || !strings.Contains(err.Error(), "go run ./deploy/local") {
		t.Errorf("the error should tell how to start a cluster: %v", err)
	}
}

func ms(n int64) int64 { return n * int64(time.Millisecond) }

func TestMeasure(t *testing.T) {
	s := Summary{DurationS: 2, played: ms(500), Kill: &Kill{at: ms(100)}}
	s.measure([]history.Op{
		{Kind: history.Join, Got: 7, Call: ms(0), Return: ms(2)},
		{Kind: history.Cancel, Ticket: 7, Code: wirepb.Code_AT_TABLE, Call: ms(90), Return: ms(130)}, // under way as the leader died
		{Kind: history.Join, Got: 8, Call: ms(10), Return: ms(99)},
		{Kind: history.Cancel, Ticket: 8, Call: ms(200), Return: history.Open},
		{Kind: history.Told, Got: 7, Table: 9, Return: ms(60)},
		{Kind: history.Told, Got: 7, Table: 9, Return: ms(80)},    // again
		{Kind: history.Read, Call: ms(600), Return: ms(900)},      // the check's own
		{Kind: history.Told, Got: 99, Table: 10, Return: ms(480)}, // of a join whose answer was lost
	})
	if s.Commands != 3 || s.CommandsPerS != 1.5 || s.Joins != 2 || s.GivenUp != 1 || s.Refusals["cancel AT_TABLE"] != 1 {
		t.Errorf("%+v", s)
	}
	if s.LongestGapMS != 89 || s.Kill.GapMS != 40 {
		t.Errorf("gaps %v and %v", s.LongestGapMS, s.Kill.GapMS)
	}
	if s.MatchWaitMS.P50 < 59 || s.MatchWaitMS.Max > 61 {
		t.Errorf("match wait %+v", s.MatchWaitMS)
	}
}

func TestHeldAndPrint(t *testing.T) {
	var out strings.Builder
	good := Summary{Players: 3, Kill: &Kill{Victim: "node-2"}}
	if err := good.Print(&out); err != nil || !good.Held() || !strings.Contains(out.String(), "clean") || !strings.Contains(out.String(), "node-2") {
		t.Errorf("%v: %s", err, out.String())
	}
	lost := Summary{Tickets: history.Result{Audit: history.Audit{Lost: 1}}}
	out.Reset()
	if err := lost.Print(&out); err != nil || lost.Held() || !strings.Contains(out.String(), "BROKEN") {
		t.Errorf("%v: %s", err, out.String())
	}
	if (Summary{Stuck: 4}).Held() {
		t.Error("four wait in one queue, and all is well")
	}
	text, err := json.Marshal(lost)
	if err != nil || !strings.Contains(string(text), `"tickets_lost":1`) {
		t.Errorf("%s, %v", text, err)
	}
}

// TestStuck: four tickets of one queue should have become a table, of two queues not.
func TestStuck(t *testing.T) {
	b := &Bench{}
	var now []binding
	for i := range 6 {
		p := newPlayer(b, i)
		queue := "a"
		if i >= 3 {
			queue = "b"
		}
		p.ops = []history.Op{
			{Kind: history.Join, Queue: "old", Got: 1},
			{Kind: history.Join, Queue: queue, Got: uint64(i + 10)},
		}
		b.players = append(b.players, p)
		now = append(now, binding{ticket: uint64(i + 10)})
	}
	if n := b.stuck(now); n != 0 {
		t.Errorf("%d of three and three are stuck", n)
	}
	p := newPlayer(b, 6)
	p.ops = []history.Op{{Kind: history.Join, Queue: "a", Return: history.Open}, {Kind: history.Read, Got: 20}}
	b.players = append(b.players, p)
	if n := b.stuck(append(now, binding{ticket: 20})); n != 4 {
		t.Errorf("%d of four are stuck", n)
	}
}

func TestLeads(t *testing.T) {
	looks := []target.Look{
		{Key: "11", Name: "node-1", Node: host.Status{Replicas: []host.GroupStatus{{Group: 0, Leading: true}, {Group: 1, Serving: true}}}},
		{Key: "12", Name: "node-2"},
	}
	if l, ok := leads(looks); ok {
		t.Errorf("%+v leads", l)
	}
	looks[1].Node.Replicas = []host.GroupStatus{{Group: 0, Serving: true, ServingSince: 5}}
	if l, ok := leads(looks); !ok || l != (leader{name: "node-2", key: "12", at: 5}) {
		t.Errorf("%+v leads", l)
	}
}
