package gormstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"teahouse/pkg/game"
)

// birth is the only row of its table.
type birth struct {
	One       int `gorm:"primaryKey;autoIncrement:false"`
	Cluster   string
	Voters    string // JSON
	CreatedMs int64
}

// Bear implements game.Births.
func (s *Store) Bear(ctx context.Context, proposal game.Birth) (game.Birth, error) {
	voters, err := json.Marshal(proposal.Voters)
	if err != nil {
		return game.Birth{}, fmt.Errorf("gormstore: birth: %w", err)
	}
	row := birth{1, proposal.Cluster, string(voters), proposal.Created.UnixMilli()}
	err = s.write(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error
	})
	if err != nil {
		return game.Birth{}, fmt.Errorf("gormstore: birth: %w", err)
	}
	return s.Born(ctx)
}

// Born implements game.Births.
func (s *Store) Born(ctx context.Context) (game.Birth, error) {
	var row birth
	err := s.read(ctx, func(db *gorm.DB) error { return db.Take(&row).Error })
	if err != nil {
		return game.Birth{}, fmt.Errorf("gormstore: birth: %w", notFound(err))
	}
	b := game.Birth{Cluster: row.Cluster, Created: time.UnixMilli(row.CreatedMs).UTC()}
	if err := json.Unmarshal([]byte(row.Voters), &b.Voters); err != nil {
		return game.Birth{}, fmt.Errorf("gormstore: birth: %w", err)
	}
	return b, nil
}
