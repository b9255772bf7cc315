package simulate

import (
	"bytes"
	"context"
	"errors"

	"teahouse/pkg/game"
)

// database stores what is settled. It may fail before or after writing.
type database struct {
	w     *world
	hands map[game.HandKey]game.HandResult
}

var errDatabase = errors.New("the database does not answer")

// Settle implements game.Results.
func (d *database) Settle(_ context.Context, r game.HandResult) error {
	w := d.w
	if w.fault(w.plan.database) {
		return errDatabase
	}
	if old, ok := d.hands[r.Key]; ok {
		if !bytes.Equal(old.Hash[:], r.Hash[:]) {
			w.book.violate("table %v hand %d is settled with two results", r.Key.Table, r.Key.Hand)
			return game.ErrResultConflict
		}
	} else {
		sum := int64(0)
		for _, s := range r.Scores {
			sum += s
		}
		if sum != 0 {
			w.book.violate("table %v hand %d: scores sum to %d", r.Key.Table, r.Key.Hand, sum)
		}
		w.tracef("table %v hand %d is settled", r.Key.Table, r.Key.Hand)
	}
	d.hands[r.Key] = r
	if w.fault(w.plan.database) {
		return errDatabase
	}
	return nil
}

// Void implements game.Results.
func (d *database) Void(context.Context, string, game.TableID) error { return nil }

// Archive implements game.Results.
func (d *database) Archive(context.Context, game.HandKey, game.PlayerID) ([]byte, error) {
	return nil, game.ErrNotFound
}

// Hands implements game.Results.
func (d *database) Hands(context.Context, game.PlayerID, uint64, int) ([]game.HandLine, error) {
	return nil, nil
}

// Profile implements game.Results.
func (d *database) Profile(context.Context, game.PlayerID) (game.Profile, error) {
	return game.Profile{}, game.ErrNotFound
}
