package host

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"teahouse/pkg/raftgroup"
)

// spaceEvery is how often a node measures its free disk space.
const spaceEvery = time.Second

// space watches the free space of the data folder. A full disk ends the process in the middle of hands. So
// before that, the shards that the node leads refuse new tables, and the current ones are played to their
// end. That also frees space, because logs and snapshots shrink with the number of tables.
type space struct {
	free func() (uint64, error) // bytes
	min  uint64                 // bytes
	log  *slog.Logger

	last    atomic.Uint64 // free bytes at the last measurement
	low     atomic.Bool
	failing bool // the last measurement failed; used by measure only
}

func newSpace(disk *raftgroup.Disk, minFree int64, log *slog.Logger) *space {
	s := &space{free: disk.Free, min: uint64(minFree), log: log}
	s.measure()
	return s
}

// watch measures repeatedly until ctx ends.
func (s *space) watch(ctx context.Context) error {
	tick := time.NewTicker(spaceEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.measure()
		}
	}
}

// measure measures the free space. If that fails, no table is refused: if the disk is broken, the log store
// ends the process anyway.
func (s *space) measure() {
	free, err := s.free()
	if err != nil {
		if !s.failing {
			s.log.Warn("cannot measure the free disk space", "error", err)
		}
		s.failing = true
		s.low.Store(false)
		return
	}
	s.failing = false
	s.last.Store(free)
	low := free < s.min
	if s.low.Swap(low) == low {
		return
	}
	if low {
		s.log.Warn("the disk is nearly full: this node's shards take no new tables", "free", free, "min", s.min)
	} else {
		s.log.Info("the disk has enough free space again", "free", free)
	}
}

// refuse returns the reason to refuse new tables, "" = none.
func (s *space) refuse() string {
	if !s.low.Load() {
		return ""
	}
	return fmt.Sprintf("the disk is nearly full: %d bytes free, want %d", s.last.Load(), s.min)
}
