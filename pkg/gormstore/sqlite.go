package gormstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/ncruces/go-sqlite3/driver" // database/sql's "sqlite3", without C
	"github.com/pressly/goose/v3"
	"gorm.io/gorm"
)

//go:embed migrations
var migrations embed.FS

func newSQLite(path string) *dialect {
	files, _ := fs.Sub(migrations, "migrations/sqlite") // fails only for an invalid path
	return &dialect{
		maxOpen:    4,
		goose:      goose.DialectSQLite3,
		migrations: files,
		writers:    make(chan struct{}, 1),
		retryable:  func(error) bool { return false }, // the busy timeout has already waited
		connect: func(cfg Config) (*sql.DB, error) {
			return openSQLite(path, cfg.LockTimeout, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)")
		},
		gorm: func(db *sql.DB) gorm.Dialector { return sqliteDialector{db} },
		locked: func(ctx context.Context, _ *sql.DB, f func(context.Context) error) error {
			return sqliteLocked(ctx, path+".lock", f)
		},
	}
}

// openSQLite names the file as a URI, so that no character of its path is taken for a parameter.
// Every transaction takes the write lock when it begins: one that reads first and writes later
// would fail at once if another writer came first, without waiting for the busy timeout. Durability
// is FULL, however SQLite was built: in WAL mode that is one fsync per commit.
func openSQLite(path string, busy time.Duration, pragmas ...string) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("gormstore: %w", err)
	}
	// SQLite would create a file that everybody may read, and archives hold tiles that are hidden
	// during their round.
	names := []string{path}
	if len(pragmas) > 0 { // WAL mode shares its index in a file beside it
		names = append(names, path+"-shm")
	}
	for _, name := range names {
		file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("gormstore: %w; is its folder there, and yours?", err)
		}
		file.Close()
	}
	query := url.Values{
		"_txlock": {"immediate"},
		"modeof":  {path}, // of the write-ahead log
		"_pragma": append([]string{fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds())}, pragmas...),
	}
	uri := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: strings.ReplaceAll(query.Encode(), "+", "%20")} // SQLite takes + for itself
	return sql.Open("sqlite3", uri.String())
}

// sqliteLocked uses the write lock of a separate database, because schema changes and the change to
// WAL mode cannot run inside a transaction of the real one. The system frees the lock when the
// process dies.
func sqliteLocked(ctx context.Context, path string, f func(context.Context) error) error {
	db, err := openSQLite(path, lockWait)
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("lock %s: %w", filepath.Base(path), err)
	}
	defer tx.Rollback() // nothing to commit: only the lock matters
	return f(ctx)
}
