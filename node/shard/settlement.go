package shard

import (
	"context"
	"time"

	"teahouse/node/table"
	"teahouse/pkg/game"
	"teahouse/pkg/planted"
)

// settle writes a finished hand into the database, which holds each once.
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

// trouble is a row of failures. It is logged when it begins and when it is
// over: the database may be away for an hour, with hundreds of hands waiting.
type trouble struct {
	what     string
	failures int
	since    time.Time
}

func (t *trouble) failed(cfg *Config, key jobKey, err error) {
	if t.failures++; t.failures == 1 {
		t.since = cfg.Now()
		cfg.Logger.Warn(t.what+" fails, will keep trying", "table", key.table.String(), "hand", key.hand, "error", err)
	}
}

// over reports whether it was an outage, and not a single call's bad luck.
func (t *trouble) over(cfg *Config) bool {
	if t.failures == 0 {
		return false
	}
	cfg.Logger.Info(t.what+" works again", "failures", t.failures, "after", cfg.Now().Sub(t.since))
	outage := t.failures >= cfg.SettleAtOnce
	t.failures = 0
	return outage
}
