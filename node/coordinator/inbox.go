package coordinator

import (
	"sync"
	"sync/atomic"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/wire/wirepb"
)

// request is a command that somebody waits for.
type request struct {
	command *coordpb.Command
	reply   func(*linkpb.Response)
}

func (r request) refuse(code wirepb.Code) { r.reply(&linkpb.Response{Code: code}) }

// inbox is where everything from outside waits for the loop.
type inbox struct {
	max     int
	refused atomic.Uint64 // requests that found it full
	wake    chan struct{} // has room for one; a value says that something is new

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
	default: // the loop has not even taken the last signal
	}
}

// put leaves a request, or says why not.
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

// takeOrphans returns all requests if this replica does not lead. It looks
// under the lock: a leadership may just have begun, with requests of its own.
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

// stop refuses everything from now on and returns what is left.
func (in *inbox) stop() []request {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.stopped = true
	left := in.requests
	in.requests, in.answers = nil, nil
	return left
}
