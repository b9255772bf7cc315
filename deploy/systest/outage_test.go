package systest

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"teahouse/bench/report"
	"teahouse/bench/swarm"
	"teahouse/deploy/cluster"
	"teahouse/pkg/game"
)

// TestOutageIsSeen takes the only gateway away while nobody waits for an answer. The longest answered
// move does not show that; the longest outage does, while it lasts and in the summary.
func TestOutageIsSeen(t *testing.T) {
	slow(t)
	state := filepath.Join(t.TempDir(), "state.json")
	c := start(t, cluster.Config{Nodes: 3, State: state})
	const away = 3 * time.Second
	for range 8 {
		s, err := swarm.New(swarm.Config{State: state, Players: 8, Pace: time.Second, Duration: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan report.Summary, 1)
		go func() {
			sum, err := s.Run(t.Context())
			if err != nil {
				t.Error(err)
			}
			done <- sum
		}()
		<-s.Playing()
		eventually(t, "some moves and a calm moment", func() bool {
			return s.Moves() > 20 && s.Busy(func(game.TableID, string) bool { return true }) == 0
		})
		if err := c.Kill(t.Context(), "gateway-1", syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		time.Sleep(away) // the outage itself
		lasted, live := time.Since(began), s.LongestOutage()
		if err := c.Start(t.Context(), "gateway-1"); err != nil {
			t.Fatal(err)
		}
		moves := s.Moves()
		eventually(t, "more moves", func() bool { return s.Moves() > moves+5 })
		s.Stop()
		sum := <-done
		if live < lasted/2 {
			t.Errorf("after %v without a gateway the outage that lasts is %v", lasted, live)
		}
		if sum.LongestOutageMS < float64(lasted.Milliseconds()) || sum.Outages.Felt == 0 {
			t.Errorf("%v without a gateway: %+v", lasted, sum.Outages)
		}
		if !sum.Audit.Clean() {
			t.Errorf("%+v", sum.Audit)
		}
		if sum.LongestGapMS < float64(lasted.Milliseconds()) {
			return // as it used to be: nothing is to be seen
		}
		// A move was under way after all.
	}
	t.Error("in eight tries a move was under way each time")
}
