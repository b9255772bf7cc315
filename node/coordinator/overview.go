package coordinator

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/node/match"
	"teahouse/pkg/wire/wirepb"
)

// overviewEvery is how old the figures may be that players are shown: however many ask, the queues are looked
// through once in this time.
const overviewEvery = time.Second

// overview is what the queues look like at one moment. It is never modified.
type overview struct {
	at    time.Time // by this process's clock
	nowMs uint64    // log time

	level    uint32
	playable map[string]bool // by name of the game
	playing  map[modeKey]int // people at tables
	kinds    []kind          // in which somebody waits, by key
	seekers  []seeker        // with a waiting ticket, by ticket
	typical  map[queueKey]uint32

	list func() ([]byte, error) // a ListReply
}

// kind is a kind of table that people wait for.
type kind struct {
	key      queueKey
	settings match.Settings
	waiting  int
	people   int // who could sit down together now
}

// seeker is a player with a waiting ticket.
type seeker struct {
	ticket, joinedMs uint64
	place            notice // where to reach the player
	kind             int    // index in overview.kinds
	people           int    // who could sit down together now, this one among them
}

func (s seeker) compare(ticket uint64) int { return cmp.Compare(s.ticket, ticket) }

// overviews makes overviews, one at a time.
type overviews struct {
	mu     sync.Mutex
	latest atomic.Pointer[overview]
	made   atomic.Uint64
}

// overview returns what the queues looked like at most overviewEvery ago.
func (c *Coordinator) overview(now time.Time) *overview {
	fresh := func() *overview {
		if o := c.seen.latest.Load(); o != nil && now.Sub(o.at) < overviewEvery {
			return o
		}
		return nil
	}
	if o := fresh(); o != nil {
		return o
	}
	c.seen.mu.Lock()
	defer c.seen.mu.Unlock()
	if o := fresh(); o != nil {
		return o
	}
	c.mu.Lock()
	o, tickets := c.state.overview(c.cfg.Queues)
	if !c.applied.IsZero() && o.kinds != nil {
		// While somebody waits the leader counts on, and writes it into the next entry.
		o.nowMs += uint64(max(0, now.Sub(c.applied)).Milliseconds())
	}
	c.mu.Unlock()
	o.at = now
	o.typical = c.waits.typical(o.nowMs)
	o.count(tickets)
	o.list = sync.OnceValues(func() ([]byte, error) { return proto.Marshal(o.reply(c.cfg)) })
	c.seen.latest.Store(o)
	c.seen.made.Add(1)
	return o
}

// overview copies what an overview needs; tickets has those of each kind, for the matcher.
func (s *state) overview(queues []Queue) (o *overview, tickets [][]match.Ticket) {
	o = &overview{
		nowMs: s.now, level: Level(s.members), playable: make(map[string]bool), playing: make(map[modeKey]int),
		seekers: make([]seeker, 0, s.waiting),
	}
	for _, q := range queues {
		for _, m := range q.Modes {
			if _, known := o.playable[m.Game]; !known {
				o.playable[m.Game] = s.playable(m.Game)
			}
		}
	}
	for _, t := range s.tables {
		o.playing[t.modeKey] += len(t.players)
	}
	for _, sh := range s.shards {
		for _, item := range sh.outbox { // matched, so they do not wait any more
			for _, t := range item.tickets {
				o.playing[t.key.modeKey]++
			}
		}
	}
	for _, key := range s.sortedQueues() {
		q := s.queues[key]
		k := kind{key: key, settings: s.matchSettings(key.modeKey), waiting: len(q.tickets)}
		for _, t := range q.tickets {
			one := seeker{ticket: t.id, joinedMs: t.joinedMs, kind: len(o.kinds)}
			if p, ok := s.players[t.player]; ok {
				one.place = notice{gateway: p.gateway, session: p.session, epoch: p.epoch, ticket: t.id}
			}
			o.seekers = append(o.seekers, one)
		}
		o.kinds = append(o.kinds, k)
		tickets = append(tickets, q.waiting())
	}
	slices.SortFunc(o.seekers, func(a, b seeker) int { return cmp.Compare(a.ticket, b.ticket) })
	return o, tickets
}

// count finds out who could sit down together.
func (o *overview) count(tickets [][]match.Ticket) {
	for i := range o.kinds {
		k := &o.kinds[i]
		for _, c := range match.Companies(tickets[i], o.nowMs, k.settings) {
			o.seeker(c.Ticket).people = c.People
			k.people = max(k.people, c.People)
		}
	}
}

// seeker finds a ticket; nil if it does not wait.
func (o *overview) seeker(ticket uint64) *seeker {
	i, ok := slices.BinarySearchFunc(o.seekers, ticket, seeker.compare)
	if !ok {
		return nil
	}
	return &o.seekers[i]
}

// expected returns how long a ticket waits for a table of this kind from its join on, in ms; 0 = not known.
func (o *overview) expected(key queueKey, botsAfterMs uint32) uint32 {
	ms := o.typical[key]
	if botsAfterMs > 0 && (ms == 0 || ms > botsAfterMs) {
		return botsAfterMs
	}
	return ms
}

// reply makes the list of queues.
func (o *overview) reply(cfg Config) *wirepb.ListReply {
	forming := make(map[modeKey][]*wirepb.Forming)
	waiting := make(map[modeKey]int)
	for _, k := range o.kinds {
		waiting[k.key.modeKey] += k.waiting
		forming[k.key.modeKey] = append(forming[k.key.modeKey], &wirepb.Forming{
			Stake: k.key.stake, Hands: k.key.hands, Waiting: uint32(k.waiting), People: uint32(k.people),
		})
	}
	for key := range o.typical {
		if !slices.ContainsFunc(forming[key.modeKey], func(f *wirepb.Forming) bool { return f.Stake == key.stake && f.Hands == key.hands }) {
			forming[key.modeKey] = append(forming[key.modeKey], &wirepb.Forming{Stake: key.stake, Hands: key.hands})
		}
	}
	m := &wirepb.ListReply{}
	for _, q := range cfg.Queues {
		if q.from() > o.level {
			continue
		}
		info := &wirepb.QueueInfo{
			Name: q.Name, BotsAfterMs: uint32(q.BotsAfter.Milliseconds()), Stakes: q.Stakes, Hands: q.Hands,
			Alone: q.Alone, Untimed: q.Untimed,
		}
		for _, mode := range q.Modes {
			if !o.playable[mode.Game] {
				continue
			}
			key := modeKey{q.Name, mode.Name}
			// At level 1 players can ask for what is not offered.
			lines := slices.DeleteFunc(forming[key], func(f *wirepb.Forming) bool {
				return !slices.Contains(q.Stakes, f.Stake) || !slices.Contains(q.Hands, f.Hands)
			})
			slices.SortFunc(lines, func(a, b *wirepb.Forming) int {
				return cmp.Or(cmp.Compare(a.Stake, b.Stake), cmp.Compare(a.Hands, b.Hands))
			})
			for _, f := range lines {
				f.WaitMs = o.expected(queueKey{key, f.Stake, f.Hands}, info.BotsAfterMs)
			}
			info.Modes = append(info.Modes, &wirepb.ModeInfo{
				Name: mode.Name, Game: mode.Game, Seats: uint32(cmp.Or(mode.Seats, seats)), Rules: []byte(mode.Rules),
				Waiting: uint32(waiting[key]), Playing: uint32(o.playing[key]), Forming: lines,
			})
		}
		if len(info.Modes) > 0 {
			m.Queues = append(m.Queues, info)
		}
	}
	return m
}
