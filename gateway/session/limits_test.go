package session

import (
	"testing"
	"time"

	"teahouse/pkg/token"
	"teahouse/pkg/wire/wiretest"
)

func TestLimitsAreSaid(t *testing.T) {
	cfg, err := Config{Verifier: &token.Verifier{}}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	wiretest.Bounded(t, "table.attach", int64(cfg.AttachBurst), cfg.AttachEvery.Milliseconds())
	wiretest.Bounded(t, "auth.resume", int64(token.Lifetime/time.Hour))
}
