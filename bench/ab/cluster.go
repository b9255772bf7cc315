package ab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

const (
	// upWithin is how long a cluster may take until it serves.
	upWithin = 90 * time.Second
	lookEach = 100 * time.Millisecond
)

// measure runs one cluster with one swarm. All it makes is in dir.
func (r *Runner) measure(ctx context.Context, c *Checkout, players int, dir string) (run Run, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return run, err
	}
	stateFile := filepath.Join(dir, "state.json")
	local, err := start(process{
		name: c.local, dir: c.Dir, log: filepath.Join(dir, "local.log"), polite: true,
		args: []string{
			"--listen", "127.0.0.1:0", "--state", stateFile, "--data", filepath.Join(dir, "data"),
			"--nodes", strconv.Itoa(r.cfg.Nodes), "--sync", r.cfg.Sync,
		},
	})
	if err != nil {
		return run, err
	}
	defer func() {
		select {
		case <-local.ended: // it is in the error already, if that was before its time
		default:
			err = errors.Join(err, local.stop())
		}
	}()
	if err := awaitUp(ctx, local, stateFile); err != nil {
		return run, fmt.Errorf("the cluster does not come up: %w", err)
	}
	if r.cfg.Warmup > 0 {
		if _, err := r.swarm(ctx, local, c, players, r.cfg.Warmup, stateFile, filepath.Join(dir, "warmup")); err != nil {
			return run, fmt.Errorf("warming up: %w", err)
		}
	}
	before, err := pages(ctx, stateFile)
	if err != nil {
		return run, err
	}
	if run.Summary, err = r.swarm(ctx, local, c, players, r.cfg.Duration, stateFile, filepath.Join(dir, "swarm")); err != nil {
		return run, err
	}
	after, err := pages(ctx, stateFile)
	if err != nil {
		return run, err
	}
	var s summary
	if err := json.Unmarshal(run.Summary, &s); err != nil {
		return run, fmt.Errorf("the swarm's summary: %w", err)
	}
	run.Figures = compute(s, count(before), count(after))
	return run, nil
}

// awaitUp waits until the cluster can be measured.
func awaitUp(ctx context.Context, local *process, stateFile string) error {
	ctx, cancel := context.WithTimeout(ctx, upWithin)
	defer cancel()
	tick := time.NewTicker(lookEach)
	defer tick.Stop()
	missing := "it has said nothing yet"
	for {
		all, err := pages(ctx, stateFile)
		if err == nil {
			if missing = unready(all); missing == "" {
				return nil
			}
		} else if ctx.Err() == nil && !errors.Is(err, os.ErrNotExist) {
			missing = err.Error()
		}
		select {
		case <-tick.C:
		case <-local.ended:
			return errors.Join(local.failure(), errors.New("it has ended"))
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("not within %v: %s%s", upWithin, missing, local.lastWords())
			}
			return ctx.Err()
		}
	}
}

// swarm lets the players play, and returns the summary. That a promise did not hold is an error.
func (r *Runner) swarm(ctx context.Context, local *process, c *Checkout, players int, duration time.Duration, stateFile, name string) (json.RawMessage, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-local.ended:
			cancel(errors.Join(errors.New("the cluster has ended"), local.failure()))
		case <-ctx.Done():
		}
	}()
	file := name + ".json"
	p, err := start(process{
		name: c.bench, dir: c.Dir, log: name + ".log",
		args: []string{
			"swarm", "--state", stateFile, "--players", strconv.Itoa(players), "--duration", duration.String(),
			"--pace", r.cfg.Pace.String(), "--json", file,
		},
	})
	if err == nil {
		err = p.wait(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("swarm: %w", err)
	}
	return os.ReadFile(file)
}
