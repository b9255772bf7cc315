package logging

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of what waits to be written.
const (
	maxLines = 4096
	maxBytes = 4 << 20
)

// reportEvery is the least time between two reports of lost lines, and how long a report
// that could not be written waits.
const reportEvery = time.Second

// target is where lines end up. It is used by one goroutine.
type target interface {
	write(line []byte) error // may block
	reopen() error
	close()
}

// queue is the io.Writer below a handler.
type queue struct {
	// immutable
	to     target
	report func(lost uint64) []byte // a line
	lines  chan []byte
	reopen chan struct{} // has room for one
	ending chan struct{} // closed by close
	done   chan struct{} // closed when run has ended

	bytes   atomic.Int64  // in lines, and of the one that is being written
	lost    atomic.Uint64 // lines
	closing sync.Once

	// owned by run
	reported uint64    // of lost
	earliest time.Time // of the next report
}

func newQueue(to target, report func(lost uint64) []byte) *queue {
	q := &queue{
		to: to, report: report, lines: make(chan []byte, maxLines),
		reopen: make(chan struct{}, 1), ending: make(chan struct{}), done: make(chan struct{}),
	}
	go q.run() // ends with close, or with the write that it is blocked in then
	return q
}

// Write takes a line without ever waiting; there is nobody whom an error would help.
func (q *queue) Write(line []byte) (int, error) {
	size := int64(len(line))
	select {
	case <-q.ending:
		q.lost.Add(1)
		return len(line), nil
	default:
	}
	if q.bytes.Add(size) > maxBytes {
		q.bytes.Add(-size)
		q.lost.Add(1)
		return len(line), nil
	}
	select {
	case q.lines <- bytes.Clone(line):
	default:
		q.bytes.Add(-size)
		q.lost.Add(1)
	}
	return len(line), nil
}

func (q *queue) run() {
	defer close(q.done)
	defer q.to.close()
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		select {
		case line := <-q.lines:
			q.put(line)
		case <-q.reopen:
			q.to.reopen() // if it fails, the next line tries again
		case <-retry.C:
		case <-q.ending:
			for {
				select {
				case line := <-q.lines:
					q.put(line)
					continue
				default:
				}
				q.earliest = time.Time{}
				q.confess()
				return
			}
		}
		if pause := q.confess(); pause > 0 {
			retry.Reset(pause)
		}
	}
}

func (q *queue) put(line []byte) {
	if q.to.write(line) != nil {
		q.lost.Add(1)
	}
	q.bytes.Add(-int64(len(line)))
}

// confess writes how many lines were lost since it did so last. It returns how long to wait
// until it is worth another try, 0 = nothing to say.
func (q *queue) confess() time.Duration {
	lost := q.lost.Load()
	if lost == q.reported {
		return 0
	}
	now := time.Now()
	if wait := q.earliest.Sub(now); wait > 0 {
		return wait
	}
	q.earliest = now.Add(reportEvery)
	if q.to.write(q.report(lost-q.reported)) != nil {
		return reportEvery
	}
	q.reported = lost
	return 0
}

// close ends run, which writes what is queued. A write that blocks for longer than patience
// is left behind.
func (q *queue) close(patience time.Duration) {
	q.closing.Do(func() { close(q.ending) })
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-q.done:
	case <-timer.C:
	}
}
