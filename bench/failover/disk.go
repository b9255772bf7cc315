package failover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"teahouse/deploy/cluster"
)

// The faults of a node's log store, as the nodes name them. A node has them only if
// it was built with the tag "faults".
const (
	diskError = "error" // syncs fail, which ends the process
	diskStall = "stall" // writes and syncs wait, for Fault.Stop
	diskFull  = "full"  // there is no space, which ends the process
)

// errNotSpoilable says how to get a cluster whose disks fail on demand.
var errNotSpoilable = errors.New("the disks of this cluster do not fail on demand; start one with: go run -tags faults ./deploy/local")

// parseDisk reads what follows "disk-": "error", "full" or "stall:DURATION".
func parseDisk(s string) (Fault, error) {
	if s == diskError || s == diskFull {
		return Fault{Disk: s}, nil
	}
	kind, text, _ := strings.Cut(s, ":")
	d, err := time.ParseDuration(text)
	if kind != diskStall || err != nil || d <= 0 {
		return Fault{}, fmt.Errorf("fault disk-%s: want disk-error, disk-full or, for example, disk-stall:2s", s)
	}
	return Fault{Disk: diskStall, Stop: d}, nil
}

func (f Fault) diskString() string {
	s := "disk-" + f.Disk
	if f.Disk == diskStall {
		s += ":" + f.Stop.String()
	}
	return s
}

// spoilable finds out whether the cluster's disks fail on demand.
func spoilable(ctx context.Context, state cluster.State) error {
	for _, p := range state.Processes {
		if p.Role == roleNode && p.Runs() {
			if err := spoil(ctx, p, Fault{Disk: "none"}); err != nil {
				return err
			}
		}
	}
	return nil
}

// spoil makes the log store of a node fail. A stall ends by itself.
func spoil(ctx context.Context, p cluster.Process, fault Fault) error {
	ctx, cancel := context.WithTimeout(ctx, spoilWithin)
	defer cancel()
	form := url.Values{"kind": {fault.Disk}}
	if fault.Stop > 0 {
		form.Set("for", fault.Stop.String())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.Addresses["status"]+"/fault", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("fault of %s: %w", p.Name, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusNoContent:
		return nil
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return errNotSpoilable
	}
	why, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	return fmt.Errorf("fault of %s: %s: %s", p.Name, resp.Status, strings.TrimSpace(string(why)))
}

// spoilWithin bounds one request for a fault.
const spoilWithin = 5 * time.Second

// mend ends a fault of the disk. Only a stall is survived; else it waits for the
// victim's end and starts it again, on a disk that is well.
func (f *Failover) mend(ctx context.Context, v victim) error {
	if f.cfg.Fault.Disk == diskStall {
		return spoil(ctx, v.process, Fault{Disk: "none"})
	}
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Heal)
	defer cancel()
	for {
		state, err := f.client.State(ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(state.Processes, func(p cluster.Process) bool { return p.Runs() && p.PID == v.process.PID }) {
			return f.start(ctx, v.name)
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return fmt.Errorf("%s goes on with a broken disk: %w", v.name, err)
		}
	}
}
