// Package gormstore keeps results, player totals and the cluster's birth record in a SQL database
// through gorm: SQLite for one host, MySQL for several.
//
//	store, err := gormstore.Open(ctx, gormstore.Config{DSN: "sqlite:/var/lib/teahouse/teahouse.db"})
//	defer store.Close()
//	err = store.Migrate(ctx)
//	err = store.Settle(ctx, result) // game.Results
//
// It has no cache, starts no goroutine and retries only transactions that the database itself
// aborted as a deadlock's victim. Packages that choose technologies (a node's host, tools) may
// import it; all others use the contracts of pkg/game.
package gormstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"strings"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3"
	"gorm.io/gorm"
	gormlogger "gorm.io/gorm/logger"

	"teahouse/pkg/game"
)

var (
	_ game.Results = (*Store)(nil)
	_ game.Births  = (*Store)(nil)
)

// ErrUnreachable means that nothing answers where the database should be; it may come up later.
var ErrUnreachable = errors.New("out of reach")

// Config says where the database is and sets bounds on its use.
type Config struct {
	// DSN is "sqlite:/path/file.db" or "mysql:user:pass@tcp(host:port)/db". It may hold a password,
	// so it appears in no log and no error.
	DSN string

	// MaxOpen bounds the connections (at least 2; default 16, 4 for SQLite), MaxIdle those that are
	// kept unused (default MaxOpen), MaxLifetime the age at which one is replaced (default 30 min).
	MaxOpen     int
	MaxIdle     int
	MaxLifetime time.Duration

	// LockTimeout bounds the wait for another transaction's lock (default 2 s; MySQL counts whole
	// seconds), Timeout one whole call (default 5 s).
	LockTimeout time.Duration
	Timeout     time.Duration

	// Logger gets retried transactions and migrations; default none.
	Logger *slog.Logger
}

func (c Config) withDefaults(d *dialect) (Config, error) {
	for _, v := range []struct {
		name  string
		value int64
	}{
		{"MaxOpen", int64(c.MaxOpen)}, {"MaxIdle", int64(c.MaxIdle)}, {"MaxLifetime", int64(c.MaxLifetime)},
		{"LockTimeout", int64(c.LockTimeout)}, {"Timeout", int64(c.Timeout)},
	} {
		if v.value < 0 {
			return c, fmt.Errorf("gormstore: %s is below zero", v.name)
		}
	}
	orDefault(&c.MaxOpen, d.maxOpen)
	c.MaxOpen = max(c.MaxOpen, 2) // one holds the lock of Migrate, one works
	orDefault(&c.MaxIdle, c.MaxOpen)
	orDefault(&c.MaxLifetime, 30*time.Minute)
	orDefault(&c.LockTimeout, 2*time.Second)
	orDefault(&c.Timeout, 5*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func orDefault[T int | time.Duration](v *T, value T) {
	if *v == 0 {
		*v = value
	}
}

// lockWait bounds how long Open and Migrate wait for other processes.
const lockWait = 30 * time.Second

// dialect is what differs between the databases.
type dialect struct {
	shared     bool // several hosts may use one database
	maxOpen    int
	goose      goose.Dialect
	migrations fs.FS
	tx         *sql.TxOptions
	rowLocks   bool
	// writers, if not nil, has one token: the database allows one writer at a time, and queueing
	// here is cheaper and fairer than polling its file lock.
	writers chan struct{}
	// retryable reports whether the database rolled the transaction back and it may succeed when
	// run again.
	retryable func(error) bool
	connect   func(Config) (*sql.DB, error)
	gorm      func(*sql.DB) gorm.Dialector
	// locked runs f while no other process does so. It may use a connection of db besides those
	// that f uses.
	locked func(ctx context.Context, db *sql.DB, f func(context.Context) error) error
}

// Store is safe for concurrent use.
type Store struct {
	cfg     Config
	dialect *dialect
	db      *gorm.DB
	sql     *sql.DB
}

// Open connects. It does not migrate. The error wraps ErrUnreachable if waiting may help.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	kind, rest, _ := strings.Cut(cfg.DSN, ":")
	var d *dialect
	switch {
	case kind == "sqlite" && rest != "":
		d = newSQLite(rest)
	case kind == "mysql" && rest != "":
		d = newMySQL(rest)
	default:
		return nil, errors.New(`gormstore: a DSN begins with "sqlite:" or "mysql:"`)
	}
	cfg, err := cfg.withDefaults(d)
	if err != nil {
		return nil, err
	}
	db, err := d.connect(cfg)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(cfg.MaxOpen)
	db.SetMaxIdleConns(cfg.MaxIdle)
	db.SetConnMaxLifetime(cfg.MaxLifetime)
	s := &Store{cfg: cfg, dialect: d, sql: db}
	ctx, cancel := context.WithTimeout(ctx, max(cfg.Timeout, lockWait))
	defer cancel()
	// The first connection may change the file (SQLite's journal mode), so processes that start
	// together take turns.
	err = d.locked(ctx, db, func(ctx context.Context) (err error) {
		if err := db.PingContext(ctx); err != nil {
			return err
		}
		s.db, err = gorm.Open(d.gorm(db), &gorm.Config{
			SkipDefaultTransaction: true,
			// Errors are returned; gorm's own log would show hidden tiles of archives.
			Logger: gormlogger.Discard,
		})
		return err
	})
	if err != nil {
		db.Close()
		if d.shared && unreachable(err) { // a file's errors may call themselves temporary too
			err = fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		return nil, fmt.Errorf("gormstore: open %s: %w", kind, err)
	}
	return s, nil
}

// unreachable reports whether err is about the way to the server rather than its answer.
func unreachable(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysqldriver.ErrInvalidConn) || errors.Is(err, io.EOF)
}

// Close waits for running calls.
func (s *Store) Close() error { return s.sql.Close() }

// Shared reports whether processes on several hosts may use this database.
func (s *Store) Shared() bool { return s.dialect.shared }

// read runs f outside a transaction.
func (s *Store) read(ctx context.Context, f func(db *gorm.DB) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	return f(s.db.WithContext(ctx))
}

// maxTries bounds the attempts for a deadlock's victim.
const maxTries = 5

// write runs f in a transaction that takes effect as a whole or not at all.
func (s *Store) write(ctx context.Context, f func(tx *gorm.DB) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	if w := s.dialect.writers; w != nil {
		select {
		case w <- struct{}{}:
			defer func() { <-w }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for try := 1; ; try++ {
		err := s.db.WithContext(ctx).Transaction(f, s.dialect.tx)
		if err == nil || try == maxTries || !s.dialect.retryable(err) || ctx.Err() != nil {
			return err
		}
		s.cfg.Logger.DebugContext(ctx, "transaction runs again", "try", try, "err", err)
	}
}
