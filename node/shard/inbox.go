package shard

import (
	"sync"

	"teahouse/node/table"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// inbox holds the requests that wait for the leader's loop, and the proposed batches whose requests
// wait for their answers.
type inbox struct {
	bound      int
	onAnnounce func(term uint64, withdrawn bool) // Config.Announce
	wake       chan struct{}                     // capacity 1; signals the loop that there is something to do

	mu        sync.Mutex
	term      uint64 // of the leadership, 0 = not leading
	announced uint64 // term that was announced, 0 = none
	closed    bool   // Run has ended: this replica will not lead again
	busy      uint64 // requests refused at a bound
	items     []item
	posts     []func()          // for the loop, from its workers
	batches   map[uint64][]item // by batch number
	moves     map[moveKey]*openMove
}

// item is one command to propose, or (if command is nil) a function to call once all items before it
// have been applied.
type item struct {
	command []byte
	answer  func(*table.Reply) // nil = nobody waits; called at most once
	after   func(*leader)      // called on the loop
}

// moveKey identifies a seat, which has at most one unanswered move.
type moveKey struct {
	table  uint64
	player uint64
}

// openMove is a move without an answer yet. A resend of the same move waits for the same answer.
type openMove struct {
	epoch   uint64
	number  uint64
	payload string
	replies []func(*linkpb.Response)
}

// maxJoined bounds the resends that wait for one answer.
const maxJoined = 16

func (in *inbox) init(cfg Config) {
	in.bound, in.onAnnounce = cfg.Mailbox, cfg.Announce
	in.wake = make(chan struct{}, 1)
	in.batches = make(map[uint64][]item)
	in.moves = make(map[moveKey]*openMove)
}

func (in *inbox) notify() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// put queues an item; code is OK, NOT_LEADER or BUSY.
func (in *inbox) put(it item) game.Code {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.putLocked(it)
}

func (in *inbox) putLocked(it item) game.Code {
	switch {
	case in.term == 0:
		return wirepb.Code_NOT_LEADER
	case it.command != nil && len(in.items) >= in.bound:
		in.busy++
		return wirepb.Code_BUSY
	}
	in.items = append(in.items, it)
	in.notify()
	return wirepb.Code_OK
}

// putMove queues a move. While another move of the seat has no answer it returns MOVE_IN_FLIGHT; a
// resend of the same move is not queued again but waits for the same answer.
func (in *inbox) putMove(key moveKey, m *openMove, command []byte) game.Code {
	in.mu.Lock()
	defer in.mu.Unlock()
	open := in.moves[key]
	switch {
	case open == nil:
		code := in.putLocked(item{command: command, answer: func(r *table.Reply) { in.finishMove(key, m, r) }})
		if code == wirepb.Code_OK {
			in.moves[key] = m
		}
		return code
	case in.term == 0:
		return wirepb.Code_NOT_LEADER
	case open.number != m.number || open.payload != m.payload:
		return wirepb.Code_MOVE_IN_FLIGHT
	case open.epoch != m.epoch:
		// It needs an answer of its own: the older epoch's may be SUPERSEDED.
		return in.putLocked(item{command: command, answer: func(r *table.Reply) { in.finishMove(moveKey{}, m, r) }})
	case len(open.replies) >= maxJoined:
		in.busy++
		return wirepb.Code_BUSY
	}
	open.replies = append(open.replies, m.replies...)
	return wirepb.Code_OK
}

func (in *inbox) finishMove(key moveKey, m *openMove, r *table.Reply) {
	in.mu.Lock()
	if in.moves[key] == m {
		delete(in.moves, key)
	}
	replies := m.replies
	in.mu.Unlock()
	for _, reply := range replies {
		reply(response(r))
	}
}

// post queues f to be called on the loop. It has no bound of its own: only the loop's workers call
// it, and their number is bounded.
func (in *inbox) post(f func()) {
	in.mu.Lock()
	in.posts = append(in.posts, f)
	in.mu.Unlock()
	in.notify()
}

func (in *inbox) takePosts() []func() {
	in.mu.Lock()
	defer in.mu.Unlock()
	posts := in.posts
	in.posts = nil
	return posts
}

// takeBatch makes batch number of the leader's own commands and of waiting items: at most n commands,
// and at most size bytes of items, though one item always fits into an empty batch. due are
// functions to call now, because no command before them is waiting or in flight. An item without a
// command that follows a command ends the batch.
func (in *inbox) takeBatch(number uint64, own []item, n, size int) (commands [][]byte, due []func(*leader)) {
	in.mu.Lock()
	defer in.mu.Unlock()
	batch := own
	taken := 0
	for _, it := range in.items {
		if it.command == nil && len(batch) == len(own) {
			due = append(due, it.after)
		} else if it.command == nil || len(batch) >= n || size < len(it.command) && len(batch) > 0 {
			break
		} else {
			size -= len(it.command)
			batch = append(batch, it)
		}
		taken++
	}
	rest := copy(in.items, in.items[taken:])
	clear(in.items[rest:])
	in.items = in.items[:rest]
	for _, it := range batch {
		commands = append(commands, it.command)
	}
	if len(batch) > 0 {
		in.batches[number] = batch
	}
	return commands, due
}

// claim removes a batch and returns its items, which the caller must answer.
func (in *inbox) claim(number uint64) []item {
	in.mu.Lock()
	defer in.mu.Unlock()
	batch := in.batches[number]
	delete(in.batches, number)
	return batch
}

// lead records the term in which this replica leads, 0 = it does not. It returns the requests that
// were never proposed, so that the caller answers them with NOT_LEADER.
func (in *inbox) lead(term uint64) (unsent []item) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		term = 0
	}
	if in.announced != 0 && in.announced != term {
		in.onAnnounce(in.announced, true)
		in.announced = 0
	}
	in.term = term
	if term == 0 {
		unsent, in.items = in.items, nil
	}
	in.notify()
	return unsent
}

// close is lead(0), for good: this replica will not lead again.
func (in *inbox) close() (unsent []item) {
	in.mu.Lock()
	in.closed = true
	in.mu.Unlock()
	return in.lead(0)
}

// announce announces the leadership of term; it returns false if this replica no longer leads in it.
func (in *inbox) announce(term uint64) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.term != term {
		return false
	}
	if in.announced != term {
		in.announced = term
		in.onAnnounce(term, false)
	}
	return true
}

func (in *inbox) leading() uint64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.term
}

// status returns the announced term, the number of requests without an answer
// and the number of those refused at a bound.
func (in *inbox) status() (term uint64, waiting int, busy uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	waiting = len(in.items)
	for _, f := range in.batches {
		waiting += len(f)
	}
	return in.announced, waiting, in.busy
}
