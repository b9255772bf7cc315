package daemon

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestMariaDBComesBack: what was committed before kill -9 is there after the
// next start.
func TestMariaDBComesBack(t *testing.T) {
	dir := t.TempDir()
	first := startMariaDB(t, dir)
	if err := first.CreateDatabase(t.Context(), "kept"); err != nil {
		t.Fatal(err)
	}
	query(t, first, "CREATE TABLE kept.rows (n INT)")
	query(t, first, "INSERT INTO kept.rows VALUES (7)")
	first.Kill()
	if err := first.exec(t.Context(), "DO 0"); err == nil {
		t.Error("a killed server still answers")
	}
	second := startMariaDB(t, dir)
	if err := second.CreateDatabase(t.Context(), "kept"); err != nil {
		t.Errorf("once more: %v", err)
	}
	db, err := sql.Open("mysql", source(second.socket, "kept"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var n int
	if err := db.QueryRowContext(t.Context(), "SELECT n FROM `rows`").Scan(&n); err != nil || n != 7 {
		t.Errorf("read %d, %v", n, err)
	}
}

func query(t *testing.T, db *MariaDB, statement string) {
	t.Helper()
	if err := db.exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func startMariaDB(t *testing.T, dir string) *MariaDB {
	t.Helper()
	db, err := StartMariaDB(t.Context(), dir)
	if errors.Is(err, ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Stop)
	return db
}

func TestMariaDBErrors(t *testing.T) {
	if program, _ := findMariaDB(); program == "" {
		t.Skip(ErrNotInstalled)
	}
	if _, err := StartMariaDB(t.Context(), filepath.Join(t.TempDir(), strings.Repeat("x", maxSocket))); err == nil {
		t.Error("a socket path that is too long was accepted")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := StartMariaDB(ctx, t.TempDir()); err == nil {
		t.Error("a match was made although nobody was waiting")
	}
}

// TestConsulForgets: a new start is empty, at the same address.
func TestConsulForgets(t *testing.T) {
	dir := t.TempDir()
	addr := "127.0.0.1:0"
	for range 2 {
		c, err := StartConsul(t.Context(), dir, addr)
		if errors.Is(err, ErrNotInstalled) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Stop)
		if addr != "127.0.0.1:0" && c.Addr() != addr {
			t.Errorf("serves at %s, want %s", c.Addr(), addr)
		}
		addr = c.Addr()
		c.Kill()
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := StartConsul(t.Context(), dir, addr); err == nil {
		t.Error("accepted an address that is in use")
	}
}

// TestFreeAddress: whoever binds the address later, or again, finds it free: no connection that is made meanwhile has its port.
func TestFreeAddress(t *testing.T) {
	seen := make(map[string]bool)
	for range 50 {
		addr, err := FreeAddress("127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil || tcp.Port < lowestPort || tcp.Port >= highestPort || !tcp.IP.IsLoopback() {
			t.Errorf("%s, %v", addr, err)
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if seen[addr] {
			t.Errorf("%s, where somebody listens already", addr)
		}
		seen[addr] = true
	}
	if addr, err := FreeAddress("192.0.2.1"); err == nil { // nobody's address
		t.Errorf("%s", addr)
	}
}
