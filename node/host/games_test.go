package host

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"teahouse/node/coordinator"
)

func TestQueuesAreWhole(t *testing.T) {
	all, err := games()
	if err != nil {
		t.Fatal(err)
	}
	n := &node{games: all, cfg: Config{BotsAfter: 3 * time.Second}}
	queues, err := n.queues(coordinator.DefaultQueues())
	if err != nil {
		t.Fatal(err)
	}
	seats := map[string]int{"mahjong": 4, "gomoku": 2}
	for _, q := range queues {
		if q.BotsAfter != 0 && q.BotsAfter != 3*time.Second {
			t.Errorf("%s: bots after %v", q.Name, q.BotsAfter)
		}
		for _, m := range q.Modes {
			var rules map[string]any
			if err := json.Unmarshal([]byte(m.Rules), &rules); err != nil || rules["base"] == nil || m.Seats != seats[m.Game] {
				t.Errorf("%s, %s: %d seats, rules %s: %v", q.Name, m.Name, m.Seats, m.Rules, err)
			}
		}
	}
	for want, m := range map[string]coordinator.Mode{
		`no game "go"`: {Name: "m", Game: "go"},
		`"komi"`:       {Name: "m", Game: "gomoku", Rules: `{"komi":6}`},
		`"cap"`:        {Name: "m", Game: "mahjong", Rules: `{"cap":-1}`},
	} {
		_, err := n.queues([]coordinator.Queue{{Name: "q", Modes: []coordinator.Mode{m}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", m, err)
		}
	}
}
