package coordinator

import (
	"sync"
	"sync/atomic"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/wire/wirepb"
)

// request is a command and the function that answers it.
type request struct {
	command *coordpb.Command
	reply   func(*linkpb.Response)
}

func (r request) refuse(code wirepb.Code) { r.reply(&linkpb.Response{Code: code}) }

// inbox holds everything from outside that waits for the loop.
type inbox struct {
	max     int
	refused atomic.Uint64 // requests refused because it was full
	wake    chan struct{} // capacity 1; a value signals that something is new

	mu       sync.Mutex
	raft     raftgroup.State
	stopped  bool
	requests []request // at most max
	answers  []answer  // at most one for each open creation
}

func newInbox(max int) *inbox { return &inbox{max: max, wake: make(chan struct{}, 1)} }

func (in *inbox) signal() {
	select {
	case in.wake <- struct{}{}:
	default: // the loop has not received the last signal yet
	}
}

// put queues a request; a code other than OK says why it did not.
func (in *inbox) put(r request) wirepb.Code {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.stopped:
		return wirepb.Code_OUTCOME_UNKNOWN
	case !in.raft.Leading:
		return wirepb.Code_NOT_LEADER
	case len(in.requests) >= in.max:
		in.refused.Add(1)
		return wirepb.Code_BUSY
	}
	in.requests = append(in.requests, r)
	in.signal()
	return wirepb.Code_OK
}

// take returns up to n requests, oldest first.
func (in *inbox) take(n int) []request {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.requests) <= n {
		all := in.requests
		in.requests = nil
		return all
	}
	some := in.requests[:n:n]
	in.requests = append([]request(nil), in.requests[n:]...)
	return some
}

// takeOrphans removes and returns all requests if this replica does not lead. It checks that under the
// lock, because a leadership may just have begun whose requests must stay.
func (in *inbox) takeOrphans() []request {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.raft.Leading {
		return nil
	}
	all := in.requests
	in.requests = nil
	return all
}

func (in *inbox) setRaft(s raftgroup.State) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.raft = s
	in.signal()
}

func (in *inbox) state() raftgroup.State {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.raft
}

func (in *inbox) leads() bool { return in.state().Leading }

func (in *inbox) answer(a answer) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.stopped {
		in.answers = append(in.answers, a)
		in.signal()
	}
}

func (in *inbox) takeAnswers() []answer {
	in.mu.Lock()
	defer in.mu.Unlock()
	all := in.answers
	in.answers = nil
	return all
}

// stop makes the inbox refuse everything from now on and returns the requests that are left.
func (in *inbox) stop() []request {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.stopped = true
	left := in.requests
	in.requests, in.answers = nil, nil
	return left
}
