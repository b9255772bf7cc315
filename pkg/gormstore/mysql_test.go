package gormstore_test

import (
	"bufio"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"teahouse/pkg/storetest"
)

func TestMySQL(t *testing.T) {
	server := startMySQL(t)
	var databases atomic.Int32
	fresh := func(t *testing.T) string {
		name := fmt.Sprintf("teahouse%d", databases.Add(1))
		if _, err := server.db.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("mysql:root:@tcp(%s)/%s", server.addr, name)
	}
	storetest.Run(t, func(t *testing.T) storetest.Opener { return opener(t, fresh(t)) })
	t.Run("MigrateAtOnce", func(t *testing.T) { testMigrateAtOnce(t, fresh(t)) })
	t.Run("Settlements", func(t *testing.T) { testSettlements(t, fresh(t)) })
	t.Run("Shared", func(t *testing.T) {
		if !open(t, fresh(t)).Shared() {
			t.Error("a server is said to serve one host only")
		}
	})
}

type mysqlServer struct {
	addr string
	db   *sql.DB // for administration
}

// startMySQL runs a private server in a temporary folder until the test ends.
func startMySQL(t *testing.T) mysqlServer {
	binary, install := findMySQL()
	if binary == "" {
		t.Skip("SKIPPED: neither mariadbd nor mysqld is installed, so MySQL is NOT tested (Debian: apt-get install mariadb-server)")
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	var setup *exec.Cmd
	if install != "" {
		setup = exec.CommandContext(t.Context(), install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal",
			"--skip-test-db", "--skip-name-resolve")
	} else {
		setup = exec.CommandContext(t.Context(), binary, "--no-defaults", "--datadir="+data, "--initialize-insecure")
	}
	asRoot(setup)
	if out, err := setup.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", setup.Args, err, out)
	}

	addr := freeAddress(t)
	_, port, _ := net.SplitHostPort(addr)
	daemon := exec.Command(binary, "--no-defaults", "--datadir="+data, "--socket="+filepath.Join(dir, "s"),
		"--bind-address=127.0.0.1", "--port="+port, "--pid-file="+filepath.Join(dir, "pid"))
	asRoot(daemon)
	stderr, err := daemon.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	ready, done := make(chan struct{}), make(chan struct{})
	go func() { // ends with the daemon, whose end closes the pipe
		defer close(done)
		told := false
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if strings.Contains(lines.Text(), "ready for connections") && !told {
				told = true
				close(ready)
			} else if !told {
				t.Log(lines.Text())
			}
		}
	}()
	t.Cleanup(func() {
		daemon.Process.Kill()
		<-done
		daemon.Wait()
	})
	select {
	case <-ready:
	case <-done:
		t.Fatal("the server ended before it was ready")
	}
	db, err := sql.Open("mysql", "root:@tcp("+addr+")/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return mysqlServer{addr, db}
}

// findMySQL looks for a server, and for MariaDB's installer that goes with it.
func findMySQL() (binary, install string) {
	path := os.Getenv("PATH") + ":/usr/sbin:/usr/local/sbin"
	find := func(name string) string {
		for _, dir := range filepath.SplitList(path) {
			if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return found
			}
		}
		return ""
	}
	if binary, install = find("mariadbd"), find("mariadb-install-db"); binary != "" && install != "" {
		return binary, install
	}
	return find("mysqld"), ""
}

// asRoot allows a server to run as root, as test containers do.
func asRoot(c *exec.Cmd) {
	if os.Geteuid() == 0 {
		c.Args = append(c.Args, "--user=root")
	}
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
