package game

import "time"

// Game is one kind of game, e.g. Sichuan mahjong. Implementations are pure:
// the same calls give the same bytes on every replica. They are safe for
// concurrent use; a Hand is not.
type Game interface {
	// Name is the game's id on the wire and in stored hands.
	Name() string
	// Version is that of the rules, moves, hands and snapshots, from 1 on. It rises
	// with every change after which the same moves give other bytes, or after which an
	// older binary could not read what a newer one writes. A table is played in the
	// version that stands in its log; a game plays every version up to its own.
	Version() uint32
	// Seats is the number of players.
	Seats() int
	// Limits lists the kinds of questions with the time to answer each, as Prompt.Limit has it.
	Limits() []Limit
	// Rules reads a rule set (JSON overrides, empty = default) and returns it complete and in
	// canonical form. The error names a wrong key or value.
	Rules(overrides []byte) ([]byte, error)
	// Options is what Rules reads, as data for people. The result is the caller's own.
	Options() Catalogue
	// Deal starts a hand.
	Deal(Setup) (Hand, error)
	// Restore is the exact inverse of Hand.Snapshot. It never panics on damaged input.
	Restore(snapshot []byte) (Hand, error)
	// Think returns a bot's move. It gets the table's rules, the seat's view (Hand.View) and its
	// question (Prompt.Payload), so it cannot know more than the seat does. An unknown strength
	// plays as Middle.
	Think(rules, view, prompt []byte, strength Strength) ([]byte, error)
	// Follow keeps the view of a seat, or of Public, by what it is told: from a view of it on, or from
	// before the deal (nil). Rules are a table's.
	Follow(seat int, rules, view []byte) (Follower, error)
}

// Limit is the time to answer a kind of question.
type Limit struct {
	Question string // what the game calls it, such as "turn"
	Limit    time.Duration
	Secret   bool // as Prompt.Secret
}

// Follower is one seat's view of a hand, kept by a client. It is not safe for concurrent use.
type Follower interface {
	// Told takes the next event of the seat. The error says that no hand would tell this.
	Told(event []byte) error
	// View is what Hand.View returns for the seat now, once all events of a step are told.
	View() []byte
}

// Setup is the start of a hand; all randomness is in Seed.
type Setup struct {
	Rules  []byte   // canonical, from Game.Rules
	Seed   [32]byte // secret until the round is over
	Dealer int      // seat
	// Version is the one that is played: up to Game.Version, 0 = 1. A hand keeps to it, also when it is
	// restored, because there may be replicas that know no later one.
	Version uint32
	// Totals is what each seat has won or lost in the round so far, for rules that limit a player's
	// losses; nil = nothing.
	Totals []int64
}

// Hand is one deal being played, driven by moves and time-outs in log order. A method that returns
// an error has changed nothing. A refusal carries a Code (see CodeOf).
type Hand interface {
	// Prompt is seat's open question, or has Serial 0 if there is none.
	Prompt(seat int) Prompt
	// Hold is above zero while the hand waits for log time to pass before it continues: Release is
	// due that long after the step that started the hold.
	Hold() time.Duration

	// Move answers seat's open prompt.
	Move(seat int, move []byte) (Step, error)
	// Timeout answers seat's open prompt as the rules prescribe when the time runs out.
	Timeout(seat int) (Step, error)
	// Auto answers seat's open prompt as auto-play does: a pure function of what the seat may see.
	Auto(seat int) (Step, error)
	// Release ends the hold.
	Release() (Step, error)

	// Opening is what each seat is told at the deal.
	Opening() []Event
	// View is everything that seat, or Public, may know now: the payload of a Snapshot.
	View(seat int) []byte
	// Result reports false until the hand has ended.
	Result() (Result, bool)
	// Snapshot is the exact state, for replicas only: it holds hidden tiles.
	Snapshot() []byte
}

// Prompt is a question to one seat. Its legal answers never change while it is open.
type Prompt struct {
	Serial  uint32        // 0 = none open; rises with each new prompt of the hand
	Secret  bool          // others must not learn that the seat is asked at all
	Limit   time.Duration // log time to answer
	Payload []byte        // game's own message: the question and the legal answers; the view has the rest
}

// Step is what one accepted command did, in order.
type Step struct {
	Events []Event
}

// Event is one thing that happened, as each seat may know it.
type Event struct {
	// Seats has a payload for each seat; nil = this seat learns nothing, and its stream does not
	// advance.
	Seats [][]byte
	// Public is what somebody may be told who only watches; nil = nothing. It says no more than
	// every seat is told.
	Public []byte
}

// Public stands for a seat where somebody watches who has none.
const Public = -1

// Result is how a hand ended.
type Result struct {
	Scores     []int64 // by seat, sum zero
	NextDealer int
	Summary    []byte // game's own message: status, items, shown hands
}
