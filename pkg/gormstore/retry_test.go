package gormstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"
	"gorm.io/gorm"
)

// A deadlock's victim runs again, from its beginning and a bounded number of times; whatever else
// fails does not, because it may have waited long already or would fail again.
func TestDeadlockVictimRunsAgain(t *testing.T) {
	s, err := Open(t.Context(), Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "t.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.db.Exec("CREATE TABLE tries (n INTEGER)").Error; err != nil {
		t.Fatal(err)
	}
	s.dialect.retryable = mysqlRetryable
	deadlock := fmt.Errorf("settle: %w", &mysqldriver.MySQLError{Number: 1213, Message: "Deadlock found"})
	for name, c := range map[string]struct {
		err   error // of the first tries
		fails int   // how many
		tries int
		works bool
		gone  bool // the caller goes away at the first failure
	}{
		"no failure":        {nil, 0, 1, true, false},
		"a victim once":     {deadlock, 1, 2, true, false},
		"four times":        {deadlock, maxTries - 1, maxTries, true, false},
		"again and again":   {deadlock, 100, maxTries, false, false},
		"nobody waits":      {deadlock, 100, 1, false, true},
		"lock wait timeout": {&mysqldriver.MySQLError{Number: 1205}, 1, 1, false, false},
		"duplicate key":     {&mysqldriver.MySQLError{Number: 1062}, 1, 1, false, false},
		"no connection":     {driver.ErrBadConn, 1, 1, false, false},
		"another":           {errors.New("1213"), 1, 1, false, false},
	} {
		if err := s.db.Exec("DELETE FROM tries").Error; err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		tries := 0
		err := s.write(ctx, func(tx *gorm.DB) error {
			tries++
			if err := tx.Exec("INSERT INTO tries VALUES (?)", tries).Error; err != nil {
				return err
			}
			if tries <= c.fails {
				if c.gone {
					cancel()
				}
				return c.err
			}
			return nil
		})
		cancel()
		if tries != c.tries || (err == nil) != c.works || err != nil && !c.gone && !errors.Is(err, c.err) {
			t.Errorf("%s: %d tries, %v", name, tries, err)
		}
		var rows []int
		if err := s.db.Raw("SELECT n FROM tries").Scan(&rows).Error; err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{true: 1}[c.works]; len(rows) != want || want == 1 && rows[0] != tries {
			t.Errorf("%s: left %v", name, rows)
		}
		// Whoever writes next is not kept waiting.
		if n := len(s.dialect.writers); n != 0 {
			t.Fatalf("%s: %d writers are still counted", name, n)
		}
	}
}

// Which database calls what retryable.
func TestRetryable(t *testing.T) {
	victim := &mysqldriver.MySQLError{Number: 1213}
	if !newMySQL("").retryable(fmt.Errorf("wrapped: %w", victim)) || newMySQL("").retryable(nil) {
		t.Error("MySQL's victim does not run again")
	}
	if newSQLite("x").retryable(errors.New("database is locked (5) (SQLITE_BUSY)")) {
		t.Error("SQLite has waited already")
	}
}
