package game

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrNotFound means that the store has no such thing, or none for this player.
	ErrNotFound = errors.New("game: not found")
	// ErrNotOver means that the hand's round is still running.
	ErrNotOver = errors.New("game: the round is not over")
	// ErrResultConflict means that a hand is already stored with another result: an alarm for a
	// person. It is of use to try again, rarely, because a person may take that result away.
	ErrResultConflict = errors.New("game: hand settled with another result")
)

// HandKey identifies a finished hand for good.
type HandKey struct {
	Cluster string
	Table   TableID
	Hand    uint32 // within the table, from 1
}

// HandResult is what settling a hand writes, in one transaction.
type HandResult struct {
	Key      HandKey
	Hash     [32]byte // of everything below; equal hash = same result
	Game     string
	Queue    string
	Stake    uint32
	Players  []PlayerID // by seat; 0 = a bot
	Names    []string   // by seat
	Scores   []int64    // by seat, sum zero
	Archive  []byte     // a HandArchive message
	Last     bool       // last hand of the round: the table's archives may be read from now on
	Practice bool       // it counts in nobody's standing
	Finished time.Time  // by the settling leader's clock; not part of Hash
}

// HandLine is one line of a player's history.
type HandLine struct {
	ID       uint64 // order of settlement
	Table    TableID
	Hand     uint32
	Seat     int
	Score    int64
	Queue    string
	Finished time.Time
}

// Profile is a player's standing. Hands of practice do not count in it.
type Profile struct {
	Player PlayerID
	Name   string
	Rating int64
	Score  int64
	Hands  uint64
}

// DefaultRating is the rating of a player without a settled hand that counts.
const DefaultRating = 1500

// Results stores finished hands. Implementations are safe for concurrent use.
type Results interface {
	// Settle writes the result, the players' scores and the archive, all or nothing; a result of
	// Practice changes no standing. The same key
	// and hash again succeeds and changes nothing; another hash is ErrResultConflict. Any other
	// error may be retried.
	Settle(context.Context, HandResult) error
	// Void records that the table's round ended without a last hand; all its finished hands are
	// settled. Repeating it changes nothing.
	Void(ctx context.Context, cluster string, table TableID) error
	// Archive is the record of a hand in which player sat, else ErrNotFound. It is ErrNotOver until
	// the table's last hand is settled or the table is void.
	Archive(ctx context.Context, key HandKey, player PlayerID) ([]byte, error)
	// Hands lists player's hands below id before (0 = newest), newest first.
	Hands(ctx context.Context, player PlayerID, before uint64, limit int) ([]HandLine, error)
	// Profile is the player's standing, else ErrNotFound.
	Profile(ctx context.Context, player PlayerID) (Profile, error)
}

// Birth is the record that decides which nodes form a new cluster.
type Birth struct {
	Cluster string   // random cluster id
	Voters  []Server // the coordinator's first configuration, sorted by name
	Created time.Time
}

// Server is a node as Raft knows it.
type Server struct {
	Name string
	ID   string // name and random disk id
	Zone string
	// Level is the highest cluster level that its binary knew when the cluster was born; 0 = it did not say.
	Level uint32 `json:",omitempty"`
}

// Births keeps at most one birth record.
type Births interface {
	// Bear stores proposal if there is no record yet, and returns the record in force.
	Bear(ctx context.Context, proposal Birth) (Birth, error)
	// Born returns the record in force, else ErrNotFound.
	Born(ctx context.Context) (Birth, error)
}
