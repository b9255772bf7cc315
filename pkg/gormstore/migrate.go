package gormstore

import (
	"context"
	"fmt"
	"time"

	"github.com/pressly/goose/v3"
)

// Migrate brings the schema to this program's version. Several processes may
// call it at once. A schema that is newer is left alone.
func (s *Store) Migrate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lockWait+time.Minute)
	defer cancel()
	provider, err := goose.NewProvider(s.dialect.goose, s.sql, s.dialect.migrations, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("gormstore: migrate: %w", err)
	}
	err = s.dialect.locked(ctx, s.sql, func(ctx context.Context) error {
		applied, err := provider.Up(ctx)
		for _, m := range applied {
			s.cfg.Logger.InfoContext(ctx, "schema migrated", "version", m.Source.Version, "took", m.Duration)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("gormstore: migrate: %w", err)
	}
	return nil
}
