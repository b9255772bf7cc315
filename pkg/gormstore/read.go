package gormstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"gorm.io/gorm"

	"teahouse/pkg/game"
)

// Archive implements game.Results.
func (s *Store) Archive(ctx context.Context, key game.HandKey, id game.PlayerID) ([]byte, error) {
	if id == 0 { // bots sit at many tables and own nothing
		return nil, fmt.Errorf("gormstore: archive %v: %w", key, game.ErrNotFound)
	}
	var a archive
	err := s.read(ctx, func(db *gorm.DB) error {
		var hand settlement
		err := byKey(db, key).Joins("JOIN scores ON scores.settlement_id = settlements.id AND scores.player = ?", int64(id)).
			Select("settlements.id").Take(&hand).Error
		if err != nil {
			return err
		}
		if over, err := roundOver(db, key); err != nil {
			return err
		} else if !over {
			return game.ErrNotOver
		}
		return db.Take(&a, hand.ID).Error
	})
	if err != nil {
		return nil, fmt.Errorf("gormstore: archive %v: %w", key, notFound(err))
	}
	return a.Data, nil
}

// roundOver reports whether the round of key's table has ended, with its last hand or void.
func roundOver(db *gorm.DB, key game.HandKey) (bool, error) {
	table := db.Where("cluster = ? AND table_id = ?", key.Cluster, int64(key.Table)).Session(&gorm.Session{})
	var last, voided int64
	if err := table.Model(&settlement{}).Where("last = ?", true).Count(&last).Error; err != nil || last > 0 {
		return last > 0, err
	}
	err := table.Model(&voidedTable{}).Count(&voided).Error
	return voided > 0, err
}

// Hands implements game.Results.
func (s *Store) Hands(ctx context.Context, id game.PlayerID, before uint64, limit int) ([]game.HandLine, error) {
	if before == 0 || before > math.MaxInt64 {
		before = math.MaxInt64
	}
	var rows []struct {
		ID         int64
		TableID    int64
		Hand       uint32
		Seat       int
		Score      int64
		Queue      string
		FinishedMs int64
	}
	err := s.read(ctx, func(db *gorm.DB) error {
		return db.Table("scores").Joins("JOIN settlements ON settlements.id = scores.settlement_id").
			Select("settlements.id, table_id, hand, seat, score, queue, finished_ms").
			Where("scores.player = ? AND scores.settlement_id < ?", int64(id), int64(before)).
			Order("scores.settlement_id DESC").Limit(limit).Find(&rows).Error
	})
	if err != nil {
		return nil, fmt.Errorf("gormstore: hands of player %d: %w", id, err)
	}
	lines := make([]game.HandLine, len(rows))
	for i, r := range rows {
		lines[i] = game.HandLine{
			ID: uint64(r.ID), Table: game.TableID(r.TableID), Hand: r.Hand, Seat: r.Seat, Score: r.Score, Queue: r.Queue,
			Finished: time.UnixMilli(r.FinishedMs).UTC(),
		}
	}
	return lines, nil
}

// Profile implements game.Results.
func (s *Store) Profile(ctx context.Context, id game.PlayerID) (game.Profile, error) {
	var p player
	err := s.read(ctx, func(db *gorm.DB) error {
		return db.Where("player = ?", int64(id)).Take(&p).Error
	})
	if err != nil {
		return game.Profile{}, fmt.Errorf("gormstore: profile of player %d: %w", id, notFound(err))
	}
	return game.Profile{Player: id, Name: p.Name, Rating: p.Rating, Score: p.Score, Hands: p.Hands}, nil
}

// Settlement is a stored result, for tools that audit it.
type Settlement struct {
	ID      uint64 // order of settlement
	Key     game.HandKey
	Hash    [32]byte
	Last    bool
	Players []game.PlayerID // by seat
	Scores  []int64         // by seat
}

// Settlements lists at most limit results of cluster after id after (0 = all), in order of
// settlement.
func (s *Store) Settlements(ctx context.Context, cluster string, after uint64, limit int) ([]Settlement, error) {
	var rows []settlement
	var scores []score
	err := s.read(ctx, func(db *gorm.DB) error {
		err := db.Where("cluster = ? AND id > ?", cluster, int64(after)).Order("id").Limit(limit).Find(&rows).Error
		if err != nil || len(rows) == 0 {
			return err
		}
		return db.Where("settlement_id BETWEEN ? AND ?", rows[0].ID, rows[len(rows)-1].ID).
			Order("settlement_id, seat").Find(&scores).Error
	})
	if err != nil {
		return nil, fmt.Errorf("gormstore: settlements: %w", err)
	}
	list := make([]Settlement, len(rows))
	index := make(map[int64]*Settlement, len(rows))
	for i, r := range rows {
		list[i] = Settlement{
			ID: uint64(r.ID), Last: r.Last, Hash: [32]byte(r.Hash),
			Key: game.HandKey{Cluster: r.Cluster, Table: game.TableID(r.TableID), Hand: r.Hand},
		}
		index[r.ID] = &list[i]
	}
	for _, sc := range scores {
		if hand := index[sc.SettlementID]; hand != nil {
			hand.Players = append(hand.Players, game.PlayerID(sc.Player))
			hand.Scores = append(hand.Scores, sc.Score)
		}
	}
	return list, nil
}

// notFound translates gorm's error into the contract's.
func notFound(err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return game.ErrNotFound
	}
	return err
}
