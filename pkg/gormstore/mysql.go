package gormstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3"
	"gorm.io/driver/mysql"
	"gorm.io/gorm"
)

func newMySQL(dsn string) *dialect {
	files, _ := fs.Sub(migrations, "migrations/mysql") // fails only for an invalid path
	return &dialect{
		shared:     true,
		maxOpen:    16,
		goose:      goose.DialectMySQL,
		migrations: files,
		// Read committed takes no gap locks in searches, so hands without a player in common do not
		// wait for each other.
		tx:        &sql.TxOptions{Isolation: sql.LevelReadCommitted},
		rowLocks:  true,
		retryable: mysqlRetryable,
		connect:   func(cfg Config) (*sql.DB, error) { return openMySQL(dsn, cfg) },
		gorm: func(db *sql.DB) gorm.Dialector {
			// MariaDB's RETURNING returns the old row when an insert did nothing, which gorm counts
			// as inserted.
			return mysql.New(mysql.Config{Conn: db, DisableWithReturning: true})
		},
		locked: mysqlLocked,
	}
}

func openMySQL(dsn string, cfg Config) (*sql.DB, error) {
	c, err := mysqldriver.ParseDSN(dsn)
	if err != nil {
		// The parser's error may quote parts of the DSN, and so of a password.
		return nil, errors.New("gormstore: the DSN is not mysql:user:password@tcp(host:port)/database")
	}
	if c.Timeout == 0 {
		c.Timeout = cfg.Timeout
	}
	c.ClientFoundRows = false // an insert that changed nothing must not count
	c.Logger = &mysqldriver.NopLogger{}
	if c.Params == nil {
		c.Params = make(map[string]string)
	}
	c.Params["innodb_lock_wait_timeout"] = fmt.Sprint(max(1, int(cfg.LockTimeout/time.Second)))
	connector, err := mysqldriver.NewConnector(c)
	if err != nil {
		return nil, errors.New("gormstore: the DSN's settings do not fit together")
	}
	return sql.OpenDB(connector), nil
}

// mysqlDeadlock is the server's error number for a deadlock's victim.
const mysqlDeadlock = 1213

func mysqlRetryable(err error) bool {
	var e *mysqldriver.MySQLError
	return errors.As(err, &e) && e.Number == mysqlDeadlock
}

// mysqlLocked holds a named lock on the server, which frees it when the connection breaks.
func mysqlLocked(ctx context.Context, db *sql.DB, f func(context.Context) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// Lock names are server-wide and at most 64 characters long; use one per database.
	const name = "CONCAT('teahouse-', SHA1(DATABASE()))"
	var got sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK("+name+", ?)", int(lockWait/time.Second)).Scan(&got); err != nil {
		return err
	}
	if got.Int64 != 1 {
		return errors.New("another process migrates")
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK("+name+")")
	return f(ctx)
}
