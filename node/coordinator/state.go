package coordinator

import (
	"cmp"
	"container/list"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// state is the replicated state. It is pure: it uses no clock and no randomness, and nothing depends on
// the iteration order of a map.
type state struct {
	now      uint64 // log time in ms
	cluster  string // "" until the birth
	settings *coordpb.Settings
	members  *linkpb.Members // replaced, never modified
	shards   []*shard        // shards[i].id is i+1

	replacing *replacement // nil = no node's disk is being replaced; never modified in place

	lastPlayer, lastTicket uint64
	// lastEpoch counts the logins of all players together. A player that was forgotten therefore
	// never gets an epoch that it had before.
	lastEpoch uint64

	// players are remembered from their login on, so a player that is not in the map was forgotten,
	// and every epoch that it can name is too old.
	players map[game.PlayerID]*player
	idle    *list.List // of *player: those without ticket and table, least recently used first
	tickets map[uint64]*ticket
	queues  map[queueKey]*queue         // each has a waiting ticket
	tables  map[game.TableID]*roomTable // confirmed ones
	waiting int                         // tickets in queues
}

type player struct {
	id      game.PlayerID
	name    string
	epoch   uint64 // of the newest login or resume
	gateway string // of that login or resume: pushes go there
	session uint64
	device  uint64       // which resumed last, 0 = unknown
	attempt uint64       // the device's last one
	ticket  uint64       // waiting, or matched but the table is not confirmed
	table   game.TableID // confirmed; then ticket is 0
	last    *pair        // nil = no queue command decided in this epoch
	idle    *list.Element
}

// pair is the last decided queue command and its answer.
type pair struct {
	number uint64
	hash   [32]byte
	result result
}

type ticket struct {
	id       uint64 // queues are sorted by it, so a ticket that comes back gets its old place
	player   game.PlayerID
	rating   int64
	joinedMs uint64
	key      queueKey
	table    game.TableID // 0 = waiting in its queue
}

// modeKey names a mode of a queue.
type modeKey struct{ name, mode string }

// queueKey is what players must have in common to be matched.
type queueKey struct {
	modeKey
	stake, hands uint32
}

func (k queueKey) compare(o queueKey) int {
	return cmp.Or(cmp.Compare(k.name, o.name), cmp.Compare(k.mode, o.mode),
		cmp.Compare(k.stake, o.stake), cmp.Compare(k.hands, o.hands))
}

type queue struct {
	tickets []*ticket // by id
}

type shard struct {
	id           game.GroupID
	replicas     []string
	lastSeq      uint64     // number of the newest creation
	refusedUntil uint64     // log time until which the shard gets no table
	outbox       []*pending // by number
	open         int        // confirmed tables
}

// pending is a table that its shard has not confirmed.
type pending struct {
	create  *linkpb.CreateTable // never modified: it is read without the lock
	tickets []*ticket
	sinceMs uint64
}

func (p *pending) table() game.TableID { return game.TableID(p.create.Table) }

// roomTable is a confirmed table.
type roomTable struct {
	modeKey                 // empty = confirmed at level 1
	players []game.PlayerID // bound to it
}

// result is the answer to one command.
type result struct {
	code   game.Code
	player game.PlayerID
	name   string
	epoch  uint64
	ticket uint64
	table  game.TableID
}

// notice tells a player that its ticket has a table.
type notice struct {
	gateway        string
	session, epoch uint64
	ticket         uint64
	table          game.TableID
}

// superseded tells a session that its player has a newer one.
type superseded struct {
	gateway        string
	session, epoch uint64
	newer          uint64 // epoch of the new one
}

// wait says for how long a ticket has waited for its table.
type wait struct {
	key queueKey
	ms  uint64
}

// effects are the results of one batch.
type effects struct {
	results    []result // one for each command
	notices    []notice
	superseded []superseded
	outbox     []game.GroupID // shards whose outbox has new creations
	viewed     bool           // the view changed
	waits      []wait         // of the tickets that have got a table
}

func newState() *state {
	return &state{
		members: &linkpb.Members{},
		players: make(map[game.PlayerID]*player),
		idle:    list.New(),
		tickets: make(map[uint64]*ticket),
		queues:  make(map[queueKey]*queue),
		tables:  make(map[game.TableID]*roomTable),
	}
}

// apply runs one batch.
func (s *state) apply(b *coordpb.Batch) *effects {
	s.now += uint64(b.GetAdvanceMs())
	e := &effects{results: make([]result, 0, len(b.GetCommands()))}
	for _, c := range b.GetCommands() {
		e.results = append(e.results, s.command(c, e))
	}
	return e
}

func (s *state) command(c *coordpb.Command, e *effects) result {
	switch c := c.GetBody().(type) {
	case *coordpb.Command_Birth:
		return s.birth(c.Birth, e)
	case *coordpb.Command_TookOver:
		return s.tookOver(c.TookOver)
	}
	if !s.ready() {
		return result{code: wirepb.Code_UNAVAILABLE}
	}
	switch c := c.GetBody().(type) {
	case *coordpb.Command_Guest:
		return s.guest(c.Guest)
	case *coordpb.Command_Resume:
		return s.resume(c.Resume, e)
	case *coordpb.Command_Join:
		return s.join(c.Join)
	case *coordpb.Command_Cancel:
		return s.cancel(c.Cancel)
	case *coordpb.Command_Binding:
		return s.binding(c.Binding)
	case *coordpb.Command_Match:
		return s.match(c.Match, e)
	case *coordpb.Command_Created:
		return s.created(c.Created, e)
	case *coordpb.Command_Ended:
		return s.ended(c.Ended, e)
	case *coordpb.Command_Replace:
		return s.replace(c.Replace, e)
	case *coordpb.Command_Replaced:
		return s.replaced(c.Replaced, e)
	case *coordpb.Command_Level:
		return s.raise(c.Level, e)
	}
	return result{code: wirepb.Code_UNKNOWN_METHOD} // unreachable: Apply halts at an unknown command
}

// ready reports whether the cluster has members and settings.
func (s *state) ready() bool { return s.cluster != "" && s.settings != nil }

func (s *state) counts() Counts {
	c := Counts{
		NowMs: s.now, Players: len(s.players), Idle: s.idle.Len(),
		Waiting: s.waiting, Queues: len(s.queues), Tables: len(s.tables),
	}
	for _, sh := range s.shards {
		c.Pending += len(sh.outbox)
	}
	return c
}

func (s *state) view() View {
	v := View{Cluster: s.cluster, Members: s.members, Replacing: s.replacing.view()}
	for _, sh := range s.shards {
		v.Shards = append(v.Shards, Shard{ID: sh.id, Replicas: sh.replicas})
	}
	return v
}

// shard returns the shard with this id, or nil.
func (s *state) shard(id game.GroupID) *shard {
	if id < 1 || int64(id) > int64(len(s.shards)) {
		return nil
	}
	return s.shards[id-1]
}
