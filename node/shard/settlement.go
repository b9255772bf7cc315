package shard

import (
	"context"
	"time"

	"teahouse/node/table"
	"teahouse/pkg/game"
	"teahouse/pkg/planted"
)

// settle writes a finished hand to the database; it is idempotent.
func (s *Shard) settle(ctx context.Context, r game.HandResult) error {
	r.Hash = table.Hash(r)
	r.Finished = s.cfg.Now()
	if planted.Is(planted.SettleTimeInSum) {
		r.Hash[0] = byte(r.Finished.UnixMilli())
	}
	err := s.cfg.Results.Settle(ctx, r)
	if planted.Is(planted.SettledUnasked) {
		return nil
	}
	return err
}

// outage is a series of failures. It is logged only when it begins and when it ends, because the
// database may be down for an hour with hundreds of hands waiting.
type outage struct {
	what     string
	failures int
	since    time.Time
}

func (t *outage) failed(cfg *Config, key jobKey, err error) {
	if t.failures++; t.failures == 1 {
		t.since = cfg.Now()
		cfg.Logger.Warn(t.what+" fails, will keep trying", "table", key.table.String(), "hand", key.hand, "error", err)
	}
}

// over ends the series, after a success. It reports whether the series was long: an outage of the
// callee, not a few calls that failed by chance.
func (t *outage) over(cfg *Config) bool {
	if t.failures == 0 {
		return false
	}
	cfg.Logger.Info(t.what+" works again", "failures", t.failures, "after", cfg.Now().Sub(t.since))
	long := t.failures >= cfg.SettleAtOnce
	t.failures = 0
	return long
}
