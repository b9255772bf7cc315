package host

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestSpace(t *testing.T) {
	var log bytes.Buffer
	free, err := uint64(1000), error(nil)
	s := &space{
		free: func() (uint64, error) { return free, err }, min: 500,
		log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	for _, step := range []struct {
		free    uint64
		err     error
		refused bool
	}{
		{1000, nil, false}, {500, nil, false}, {499, nil, true}, {0, nil, true},
		{0, errors.New("gone"), false}, {0, errors.New("gone"), false}, {499, nil, true}, {500, nil, false},
	} {
		free, err = step.free, step.err
		s.measure()
		why := s.refuse()
		if (why != "") != step.refused {
			t.Errorf("%d bytes free (%v): refusal %q", step.free, step.err, why)
		}
		if why != "" && !strings.Contains(why, "nearly full") {
			t.Errorf("the reason %q does not say why", why)
		}
	}
	// Only changes are logged.
	if n := strings.Count(log.String(), "\n"); n != 4 {
		t.Errorf("%d lines of log, want 4:\n%s", n, log.String())
	}
}

func TestMinFree(t *testing.T) {
	c := Config{Name: "n", Registry: "r", Database: "d", Data: "f", SecretFile: "s", TokenKeyFile: "t"}
	got, err := c.withDefaults()
	if err != nil || got.MinFree != DefaultMinFree {
		t.Errorf("default %d, %v", got.MinFree, err)
	}
	c.MinFree = -1
	if _, err := c.withDefaults(); err == nil {
		t.Error("less than nothing is accepted")
	}
}
