package table

import (
	"fmt"
	"slices"
	"time"

	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/panics"
	"teahouse/pkg/wire/wirepb"
)

// MaxHands is the longest round.
const MaxHands = 16

// MaxSeats is the most seats a game may have.
const MaxSeats = 8

// secretBytes is the length of a table secret and of a hand's seed.
const secretBytes = 32

// Table is one table.
type Table struct {
	game game.Game

	version uint32 // game version that is played; 0 = 1

	id     game.TableID
	secret []byte // nil in a replay, which deals only the recorded hand
	rules  []byte
	hands  uint32
	stake  uint32
	queue  string
	timing *tablepb.Timing
	opened *wirepb.Opened // the first event of every stream
	seats  []*seat

	phase  tablepb.Phase
	hand   uint32 // number of the current or last hand, 0 before the first
	dealer int    // of hand
	next   int    // dealer of the next hand
	voided bool

	committed uint32             // number of the last hand whose seed was committed to
	mixes     []*wirepb.Revealed // nonces and dealers of the dealt hands, without seeds
	delayed   bool               // the seats were told that the next hand is late

	// play is the current hand. It is kept after its end until the next deal, so that a player who
	// attaches late sees how it ended. The hand is open while phase is PLAYING.
	play game.Hand

	turn turn // with a clock only

	timer    uint64 // number of the newest timer
	timerDue uint64 // 0 = not running

	record  record             // of the open hand
	pending []*tablepb.Pending // oldest first

	// For the command being applied.
	now  uint64
	term uint64
	room int
	out  Output
}

// Entry is a command with its place in the log.
type Entry struct {
	NowMS   uint64 // log time
	Term    uint64
	Room    int // how many more unsettled hands the shard accepts; at 0 no hand is dealt
	Command *tablepb.Command
	Raw     []byte // Command's bytes in the log, never modified; nil = encoded when needed
}

// Output is what a command caused.
type Output struct {
	Reply  *Reply // to Attach, Move, Leave and Bot
	Pushes []Push // for attached seats, in order; sent after the reply
	Void   string // if not empty, the command has voided the table: the reason, for the operator

	changed bool // the command belongs in the record of the hand
}

// Reply answers the player.
type Reply struct {
	Code    game.Code
	Detail  string
	Payload []byte
}

// Push is for the session attached to a seat.
type Push struct {
	Seat    int
	Gateway string
	Session uint64
	Epoch   uint64
	Kind    wirepb.Push_Kind
	Number  uint64
	Payload []byte // must not be modified
	AgeMS   uint64 // how long ago it happened, in log time
}

// New makes a table as c describes and starts the seats' streams. A refusal's error carries a Code.
func New(g game.Game, c *tablepb.Create, nowMS uint64) (*Table, error) {
	spec := c.GetSpec()
	rules, err := g.Rules(spec.GetRules())
	switch {
	case err != nil:
		return nil, game.Errorf(wirepb.Code_RULES_INVALID, "%v", err)
	case spec.GetGameVersion() > g.Version():
		return nil, game.Errorf(wirepb.Code_BAD_REQUEST, "version %d of %s, this binary knows up to %d", spec.GetGameVersion(), g.Name(), g.Version())
	case len(spec.GetSeats()) != g.Seats():
		return nil, game.Errorf(wirepb.Code_BAD_REQUEST, "%d seats, want %d", len(spec.GetSeats()), g.Seats())
	case g.Seats() > MaxSeats:
		return nil, game.Errorf(wirepb.Code_BAD_REQUEST, "%d seats are more than %d", g.Seats(), MaxSeats)
	case spec.GetHands() < 1 || spec.GetHands() > MaxHands:
		return nil, game.Errorf(wirepb.Code_BAD_REQUEST, "%d hands, want 1 to %d", spec.GetHands(), MaxHands)
	case len(spec.GetSecret()) != secretBytes:
		return nil, game.Errorf(wirepb.Code_BAD_REQUEST, "a secret of %d bytes, want %d", len(spec.GetSecret()), secretBytes)
	case int(spec.GetDealer()) >= g.Seats():
		return nil, game.Errorf(wirepb.Code_BAD_REQUEST, "dealer %d of %d seats", spec.GetDealer(), g.Seats())
	}
	t := &Table{
		game: g, version: spec.GetGameVersion(), id: game.TableID(spec.GetTable()), secret: spec.GetSecret(), rules: rules,
		hands: spec.GetHands(), stake: max(spec.GetStake(), 1), queue: spec.GetQueue(),
		timing: c.GetTiming(), next: int(spec.GetDealer()), phase: tablepb.Phase_WAITING, now: nowMS,
	}
	if t.timing == nil {
		t.timing = &tablepb.Timing{}
	}
	seated := make(map[uint64]bool)
	for _, s := range spec.GetSeats() {
		if p := s.GetPlayer(); p != 0 && seated[p] {
			return nil, game.Errorf(wirepb.Code_BAD_REQUEST, "player %d sits twice", p)
		}
		seated[s.GetPlayer()] = true
		t.seats = append(t.seats, &seat{player: game.PlayerID(s.GetPlayer()), name: s.GetName()})
	}
	t.opened = t.makeOpened()
	t.broadcast(&wirepb.TableEvent{Body: &wirepb.TableEvent_Opened{Opened: t.opened}})
	t.commit()
	if t.allAttached() {
		t.arm(1)
	} else {
		t.arm(max(t.timing.GetAttachMs(), 1))
	}
	t.out = Output{} // nobody is attached yet
	return t, nil
}

func (t *Table) makeOpened() *wirepb.Opened {
	o := &wirepb.Opened{Game: t.game.Name(), Rules: t.rules, Hands: t.hands, Stake: t.stake}
	c := t.clock()
	for _, s := range t.seats {
		info := &wirepb.SeatInfo{Player: uint64(s.player), Name: s.name}
		if s.bot() {
			info.Strength = c.GetStrength()
		}
		o.Seats = append(o.Seats, info)
	}
	if c == nil {
		return o
	}
	o.ReserveMs = t.turnReserve()
	for _, l := range t.game.Limits() {
		limit := &wirepb.Limit{Question: l.Question, LimitMs: milliseconds(l.Limit), Secret: l.Secret}
		if c.GetUntimed() {
			limit.LimitMs = 0
		}
		o.Limits = append(o.Limits, limit)
	}
	return o
}

// Apply applies one command. It never panics: if the game does, the table is
// voided, in the same way on every replica.
func (t *Table) Apply(e Entry) Output {
	t.now, t.term, t.room, t.out = e.NowMS, e.Term, e.Room, Output{}
	ok := t.guard(func() {
		t.dispatch(e.Command)
		if t.out.changed {
			t.record.add(t, e)
		}
		t.endHand()
	})
	if ok {
		t.guard(t.nextHand)
	} else if answers(e.Command) {
		t.out.Reply = &Reply{Code: wirepb.Code_INTERNAL, Detail: "the table is void"}
	}
	out := t.out
	t.out = Output{}
	return out
}

// guard runs f. If f panics, the events that f has added are removed and the table is voided.
func (t *Table) guard(f func()) (ok bool) {
	var marks [MaxSeats]uint64
	for i, s := range t.seats {
		marks[i] = s.stream.last()
	}
	pushes := len(t.out.Pushes)
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		t.out.Pushes = t.out.Pushes[:pushes]
		for i, s := range t.seats {
			s.stream.rollBack(marks[i])
		}
		why := "panicked with " + panics.Describe(p)
		if b, is := p.(brokenGame); is {
			why = string(b)
		}
		t.void(why)
	}()
	f()
	return true
}

// brokenGame is the panic value used when the game breaks its contract; guard recovers it.
type brokenGame string

func broken(format string, args ...any) {
	panic(brokenGame(fmt.Sprintf(format, args...)))
}

// answers reports whether somebody waits for a reply to c.
func answers(c *tablepb.Command) bool {
	switch c.GetBody().(type) {
	case *tablepb.Command_Attach, *tablepb.Command_Move, *tablepb.Command_Leave:
		return true
	}
	return false
}

func (t *Table) dispatch(c *tablepb.Command) {
	switch b := c.GetBody().(type) {
	case *tablepb.Command_Move:
		t.reply(t.move(b.Move))
	case *tablepb.Command_Bot:
		t.reply(nil, t.bot(b.Bot))
	case *tablepb.Command_Deadline:
		t.deadline(b.Deadline)
	case *tablepb.Command_Attach:
		t.attach(b.Attach)
	case *tablepb.Command_Detach:
		t.detach(b.Detach)
	case *tablepb.Command_Leave:
		t.reply(nil, t.leave(b.Leave))
	case *tablepb.Command_TookOver:
		t.tookOver()
	case *tablepb.Command_Settled:
		t.settled(b.Settled.GetHand())
	case *tablepb.Command_Freed:
		t.freed()
	}
}

func (t *Table) reply(payload []byte, err error) {
	if err != nil {
		t.out.Reply = &Reply{Code: game.CodeOf(err, wirepb.Code_INTERNAL), Detail: err.Error()}
		return
	}
	t.out.Reply = &Reply{Payload: payload}
}

// void ends the round at once. The open hand does not count; hands that have ended keep their results.
func (t *Table) void(why string) {
	t.out.Void = why
	t.voided = true
	t.play, t.record = nil, record{}
	for _, s := range t.seats {
		s.prompt = prompt{}
	}
	if t.phase < tablepb.Phase_SETTLING {
		t.phase = tablepb.Phase_SETTLING
		t.timerDue = 0
		t.endRound()
	}
}

// ID returns the table's id.
func (t *Table) ID() game.TableID { return t.id }

// Phase returns the table's phase. A table in phase GONE is to be removed.
func (t *Table) Phase() tablepb.Phase { return t.phase }

// Unsettled returns how many finished hands are not known to be in the database.
func (t *Table) Unsettled() int { return len(t.pending) }

// Ended returns the message to the coordinator if the players' bindings are to be freed, otherwise nil.
func (t *Table) Ended() *linkpb.TableEnded {
	if t.phase != tablepb.Phase_ENDED {
		return nil
	}
	e := &linkpb.TableEnded{Table: uint64(t.id)}
	for _, s := range t.seats {
		if !s.bot() {
			e.Players = append(e.Players, uint64(s.player))
		}
	}
	return e
}

// Voided reports whether the table was voided: its round ends before its last hand.
func (t *Table) Voided() bool { return t.voided }

// Hand returns the hand being played or last played, for auditors; nil before the first.
func (t *Table) Hand() game.Hand { return t.play }

// BotPrompt is an open prompt of a bot.
type BotPrompt struct {
	Seat    int
	Number  uint64
	Payload []byte        // for Game.Think
	Limit   time.Duration // log time to answer
	Secret  bool          // the others must not learn that the seat was asked
	Hold    time.Duration // the window stays open at least this long from when it opened; 0 = until all answered
}

// BotPrompts returns the open prompts of the bots.
func (t *Table) BotPrompts() []BotPrompt {
	var open []BotPrompt
	for i, s := range t.seats {
		if s.bot() && s.prompt.number != 0 {
			p := t.play.Prompt(i)
			open = append(open, BotPrompt{
				Seat: i, Number: s.prompt.number, Payload: p.Payload, Limit: p.Limit, Secret: p.Secret, Hold: t.play.Hold(),
			})
		}
	}
	return open
}

// Rules returns the canonical rules of the game.
func (t *Table) Rules() []byte { return t.rules }

// HasBots reports whether a bot sits at the table.
func (t *Table) HasBots() bool {
	return slices.ContainsFunc(t.seats, (*seat).bot)
}

// Game returns the game that is played at the table.
func (t *Table) Game() game.Game { return t.game }

// Players returns the players by seat; 0 = a bot.
func (t *Table) Players() []game.PlayerID {
	players := make([]game.PlayerID, len(t.seats))
	for i, s := range t.seats {
		players[i] = s.player
	}
	return players
}

// Queue returns the name of the queue that the table came from.
func (t *Table) Queue() string { return t.queue }

// Attachment says where a seat's pushes go.
type Attachment struct {
	Seat    int
	Player  game.PlayerID
	Gateway string
	Session uint64
	Epoch   uint64
	Number  uint64 // for Detach.Attachment
}

// Attachments returns the attachments of the attached seats.
func (t *Table) Attachments() []Attachment {
	var all []Attachment
	for i, s := range t.seats {
		if s.attached {
			all = append(all, Attachment{
				Seat: i, Player: s.player, Gateway: s.gateway, Session: s.session, Epoch: s.epoch, Number: s.attachment,
			})
		}
	}
	return all
}

// Events returns the events of a seat's stream after the given number, as far as they are still kept.
func (t *Table) Events(seat int, after uint64) []StreamEvent {
	s := &t.seats[seat].stream
	after = max(after, s.dropped)
	var events []StreamEvent
	for n := after + 1; n <= s.last(); n++ {
		events = append(events, StreamEvent{Number: n, Payload: s.at(n)})
	}
	return events
}
