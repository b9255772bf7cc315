package daemon

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	_ "github.com/go-sql-driver/mysql" // the driver "mysql"
)

// MariaDB is a running MariaDB (or MySQL) server. It listens on a Unix socket in
// its folder and nowhere else, so the folder's mode says who may come in; the
// user is root, without a password.
type MariaDB struct {
	*Daemon
	socket string
}

const socketFile = "socket"

// maxSocket is the longest path of a Unix socket, in bytes.
const maxSocket = 107

// StartMariaDB runs a server in dir, which is made and filled first where that
// has not been done, and returns once it answers.
func StartMariaDB(ctx context.Context, dir string) (*MariaDB, error) {
	program, install := findMariaDB()
	if program == "" {
		return nil, fmt.Errorf("daemon: MariaDB is %w (Debian: apt-get install mariadb-server)", ErrNotInstalled)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	db := &MariaDB{socket: filepath.Join(dir, socketFile)}
	if len(db.socket) > maxSocket {
		return nil, fmt.Errorf("daemon: a Unix socket's path has at most %d bytes: %s", maxSocket, db.socket)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if _, err := os.Stat(data); os.IsNotExist(err) {
		if err := fill(ctx, program, install, data); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command(program, "--no-defaults", "--datadir="+data, "--socket="+db.socket, "--skip-networking",
		"--pid-file="+filepath.Join(dir, "pid"), "--max-connections=500")
	asRoot(cmd)
	db.Daemon, err = start(ctx, cmd, filepath.Join(dir, "log"), func(ctx context.Context) error { return db.exec(ctx, "DO 0") })
	if err != nil {
		return nil, err
	}
	return db, nil
}

// DSN names a database of the server as pkg/gormstore reads it.
func (db *MariaDB) DSN(database string) string { return MariaDBDSN(filepath.Dir(db.socket), database) }

// MariaDBDSN is the DSN of a database of the server in dir, an absolute path,
// whether it runs or not.
func MariaDBDSN(dir, database string) string {
	return "mysql:" + source(filepath.Join(dir, socketFile), database)
}

func source(socket, database string) string { return "root@unix(" + socket + ")/" + database }

// Socket is where the server listens.
func (db *MariaDB) Socket() string { return db.socket }

// CreateDatabase makes a database if there is none of this name, which must be
// made of letters and digits.
func (db *MariaDB) CreateDatabase(ctx context.Context, name string) error {
	return db.exec(ctx, "CREATE DATABASE IF NOT EXISTS "+name)
}

func (db *MariaDB) exec(ctx context.Context, statement string) error {
	conn, err := sql.Open("mysql", source(db.socket, ""))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.ExecContext(ctx, statement)
	return err
}

// fill makes the folder of an empty server: under another name first, so that
// one that was interrupted is not taken for whole.
func fill(ctx context.Context, program, install, data string) error {
	part := data + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	var cmd *exec.Cmd
	if install != "" {
		cmd = exec.CommandContext(ctx, install, "--no-defaults", "--datadir="+part,
			"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
	} else {
		cmd = exec.CommandContext(ctx, program, "--no-defaults", "--datadir="+part, "--initialize-insecure")
	}
	asRoot(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("daemon: %v: %w\n%s", cmd.Args, err, out)
	}
	return os.Rename(part, data)
}

// findMariaDB looks for a server, and for MariaDB's installer that goes with it.
func findMariaDB() (program, install string) {
	path := os.Getenv("PATH") + ":/usr/sbin:/usr/local/sbin"
	find := func(name string) string {
		for _, dir := range filepath.SplitList(path) {
			if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return found
			}
		}
		return ""
	}
	if program, install = find("mariadbd"), find("mariadb-install-db"); program != "" && install != "" {
		return program, install
	}
	return find("mysqld"), ""
}

// asRoot allows a server to run as root, as test containers do.
func asRoot(c *exec.Cmd) {
	if os.Geteuid() == 0 {
		c.Args = append(c.Args, "--user=root")
	}
}
