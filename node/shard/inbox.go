package shard

import (
	"sync"

	"teahouse/node/table"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// inbox is where requests wait for the leader's loop, and where batches under
// way wait for their answers.
type inbox struct {
	bound   int
	sayTerm func(term uint64, withdrawn bool) // Config.Announce
	wake    chan struct{}                     // has room for one; tells the loop that there is something

	mu        sync.Mutex
	term      uint64 // of the leadership, 0 = not leading
	announced uint64 // term that is announced, 0 = none
	closed    bool   // Run has ended: nobody will lead here again
	busy      uint64 // requests refused at a bound
	items     []item
	posts     []func()          // for the loop, from its workers
	flights   map[uint64][]item // by batch number
	moves     map[moveKey]*openMove
}

// item is one command on its way, or (without one) something to do once all
// items before it have been applied.
type item struct {
	command []byte
	answer  func(*table.Reply) // nil = nobody waits; called at most once
	after   func(*leader)      // on the loop
}

// moveKey is a seat, for its one unanswered move.
type moveKey struct {
	table  uint64
	player uint64
}

// openMove is a move without an answer. A re-send of it waits for the same
// answer.
type openMove struct {
	epoch   uint64
	number  uint64
	payload string
	replies []func(*linkpb.Response)
}

// maxJoined bounds the re-sends that wait for one answer.
const maxJoined = 16

func (in *inbox) init(cfg Config) {
	in.bound, in.sayTerm = cfg.Mailbox, cfg.Announce
	in.wake = make(chan struct{}, 1)
	in.flights = make(map[uint64][]item)
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

// putMove queues a move. It is refused while another move of the seat has no
// answer; a re-send of that one joins it.
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
		// Its own answer: the older epoch's may be SUPERSEDED.
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

// post hands the loop something to do; for its own workers, whose number is
// bounded.
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

// depart moves items of at most n commands and size bytes into flight number,
// behind the leader's own. due are those to be called now: nothing before them
// waits or is under way. One that stands behind a command ends the batch.
func (in *inbox) depart(number uint64, own []item, n, size int) (commands [][]byte, due []func(*leader)) {
	in.mu.Lock()
	defer in.mu.Unlock()
	flight := own
	taken := 0
	for _, it := range in.items {
		if it.command == nil && len(flight) == len(own) {
			due = append(due, it.after)
		} else if it.command == nil || len(flight) >= n || size < len(it.command) && len(flight) > 0 {
			break
		} else {
			size -= len(it.command)
			flight = append(flight, it)
		}
		taken++
	}
	rest := copy(in.items, in.items[taken:])
	clear(in.items[rest:])
	in.items = in.items[:rest]
	for _, it := range flight {
		commands = append(commands, it.command)
	}
	if len(flight) > 0 {
		in.flights[number] = flight
	}
	return commands, due
}

// take removes a flight: whoever has taken it answers its items.
func (in *inbox) take(number uint64) []item {
	in.mu.Lock()
	defer in.mu.Unlock()
	flight := in.flights[number]
	delete(in.flights, number)
	return flight
}

// lead takes over the leadership as raft tells it. Requests that were proposed
// to nobody are handed back for NOT_LEADER.
func (in *inbox) lead(term uint64) (unsent []item) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		term = 0
	}
	if in.announced != 0 && in.announced != term {
		in.sayTerm(in.announced, true)
		in.announced = 0
	}
	in.term = term
	if term == 0 {
		unsent, in.items = in.items, nil
	}
	in.notify()
	return unsent
}

// close gives the leadership up for good.
func (in *inbox) close() (unsent []item) {
	in.mu.Lock()
	in.closed = true
	in.mu.Unlock()
	return in.lead(0)
}

// announce announces the leadership of term, if it still is.
func (in *inbox) announce(term uint64) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.term != term {
		return false
	}
	if in.announced != term {
		in.announced = term
		in.sayTerm(term, false)
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
	for _, f := range in.flights {
		waiting += len(f)
	}
	return in.announced, waiting, in.busy
}
