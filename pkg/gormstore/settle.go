package gormstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"teahouse/pkg/game"
)

// settlement is one finished hand; its key is unique.
type settlement struct {
	ID         int64 `gorm:"primaryKey;autoIncrement"`
	Cluster    string
	TableID    int64
	Hand       uint32
	Hash       []byte
	Game       string
	Queue      string
	Stake      uint32
	Last       bool
	FinishedMs int64
}

// score is one seat of a settlement. Player 0 is a bot.
type score struct {
	SettlementID int64 `gorm:"primaryKey;autoIncrement:false"`
	Seat         int   `gorm:"primaryKey;autoIncrement:false"`
	Player       int64
	Name         string
	Score        int64
}

// player is a person's totals and rating.
type player struct {
	Player int64 `gorm:"primaryKey;autoIncrement:false"`
	Name   string
	Rating int64
	Score  int64
	Hands  uint64
}

// archive is the record of a settlement's hand.
type archive struct {
	SettlementID int64 `gorm:"primaryKey;autoIncrement:false"`
	Data         []byte
}

// voidedTable is a table whose round ended without a last hand.
type voidedTable struct {
	Cluster string `gorm:"primaryKey"`
	TableID int64  `gorm:"primaryKey;autoIncrement:false"`
}

// Settle implements game.Results. Whoever inserts the key first does the work; the unique index
// makes other leaders settling the same hand wait for that transaction's end, and then find the
// row.
func (s *Store) Settle(ctx context.Context, r game.HandResult) error {
	if len(r.Players) == 0 || len(r.Names) != len(r.Players) || len(r.Scores) != len(r.Players) {
		return fmt.Errorf("gormstore: settle %v: %d players, %d names, %d scores",
			r.Key, len(r.Players), len(r.Names), len(r.Scores))
	}
	err := s.write(ctx, func(tx *gorm.DB) error {
		row := settlement{
			Cluster: r.Key.Cluster, TableID: int64(r.Key.Table), Hand: r.Key.Hand, Hash: r.Hash[:],
			Game: r.Game, Queue: r.Queue, Stake: r.Stake, Last: r.Last, FinishedMs: r.Finished.UnixMilli(),
		}
		inserted := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if inserted.Error != nil {
			return inserted.Error
		}
		if inserted.RowsAffected == 0 {
			return s.settledBefore(tx, r)
		}
		scores := make([]score, len(r.Players))
		for seat := range scores {
			scores[seat] = score{row.ID, seat, int64(r.Players[seat]), r.Names[seat], r.Scores[seat]}
		}
		if err := tx.Create(&scores).Error; err != nil {
			return err
		}
		if err := tx.Create(&archive{row.ID, append([]byte{}, r.Archive...)}).Error; err != nil {
			return err
		}
		if r.Practice {
			return nil
		}
		return s.addTotals(tx, r)
	})
	if err != nil {
		return fmt.Errorf("gormstore: settle %v: %w", r.Key, err)
	}
	return nil
}

// Void implements game.Results.
func (s *Store) Void(ctx context.Context, cluster string, table game.TableID) error {
	err := s.write(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&voidedTable{cluster, int64(table)}).Error
	})
	if err != nil {
		return fmt.Errorf("gormstore: void table %v: %w", table, err)
	}
	return nil
}

// settledBefore compares r with the existing row.
func (s *Store) settledBefore(tx *gorm.DB, r game.HandResult) error {
	var old settlement
	err := byKey(tx, r.Key).Select("hash").Take(&old).Error
	if err != nil {
		return err
	}
	if !bytes.Equal(old.Hash, r.Hash[:]) {
		return game.ErrResultConflict
	}
	return nil
}

// addTotals adds r to its players' standings. Every transaction locks player rows in ascending
// order, so no two can deadlock.
func (s *Store) addTotals(tx *gorm.DB, r game.HandResult) error {
	var fresh []player
	gain := make(map[int64]int64)
	for seat, id := range r.Players {
		if id == 0 {
			continue
		}
		if _, twice := gain[int64(id)]; twice {
			return fmt.Errorf("player %d sits twice", id)
		}
		gain[int64(id)] = r.Scores[seat]
		fresh = append(fresh, player{Player: int64(id), Name: r.Names[seat], Rating: game.DefaultRating})
	}
	if len(fresh) == 0 {
		return nil
	}
	slices.SortFunc(fresh, func(a, b player) int { return compare(a.Player, b.Player) })
	if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&fresh).Error; err != nil {
		return err
	}
	ids := make([]int64, len(fresh))
	names := make(map[int64]string, len(fresh))
	for i, p := range fresh {
		ids[i], names[p.Player] = p.Player, p.Name
	}
	query := tx.Where("player IN ?", ids).Order("player")
	if s.dialect.rowLocks {
		query = query.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
	}
	var standings []player
	if err := query.Find(&standings).Error; err != nil {
		return err
	}
	for _, p := range standings {
		p.Name = names[p.Player]
		p.Score += gain[p.Player]
		p.Hands++
		if err := tx.Save(&p).Error; err != nil {
			return err
		}
	}
	return nil
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// byKey finds the settlement of key.
func byKey(db *gorm.DB, key game.HandKey) *gorm.DB {
	return db.Where("cluster = ? AND table_id = ? AND hand = ?", key.Cluster, int64(key.Table), key.Hand)
}
