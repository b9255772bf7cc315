package host

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"teahouse/pkg/raftgroup"
)

// spaceEvery is how often a node looks how full its disk is.
const spaceEvery = time.Second

// space knows how much room the data folder has. At a full disk the process ends
// in the middle of hands; so before that the shards that it leads take no new
// tables, and what they have is played out. That also gives room back: logs and
// snapshots shrink with the tables.
type space struct {
	free func() (uint64, error) // bytes
	min  uint64                 // bytes
	log  *slog.Logger

	last    atomic.Uint64 // free bytes when last looked
	low     atomic.Bool
	unknown bool // whether the last look failed; of the one who looks
}

func newSpace(disk *raftgroup.Disk, minFree int64, log *slog.Logger) *space {
	s := &space{free: disk.Free, min: uint64(minFree), log: log}
	s.look()
	return s
}

// watch looks until ctx ends.
func (s *space) watch(ctx context.Context) error {
	tick := time.NewTicker(spaceEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.look()
		}
	}
}

// look measures. What cannot be measured refuses nobody: a disk that fails ends
// the process by itself.
func (s *space) look() {
	free, err := s.free()
	if err != nil {
		if !s.unknown {
			s.log.Warn("free space is not known", "error", err)
		}
		s.unknown = true
		s.low.Store(false)
		return
	}
	s.unknown = false
	s.last.Store(free)
	low := free < s.min
	if s.low.Swap(low) == low {
		return
	}
	if low {
		s.log.Warn("the disk is nearly full: this node's shards take no new tables", "free", free, "min", s.min)
	} else {
		s.log.Info("the disk has room again", "free", free)
	}
}

// refuse gives the reason to take no new tables, "" = none.
func (s *space) refuse() string {
	if !s.low.Load() {
		return ""
	}
	return fmt.Sprintf("the disk is nearly full: %d bytes free, want %d", s.last.Load(), s.min)
}
