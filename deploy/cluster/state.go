package cluster

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// State is the content of the state file: the cluster's processes, and how to reach the supervisor. Only its
// owner can read the file, because Token permits killing the processes.
type State struct {
	Processes  []Process `json:"processes"`
	Address    string    `json:"address"`    // of the gateways, for clients
	Control    string    `json:"control"`    // of the supervisor
	Token      string    `json:"token"`      // for Control
	Supervisor int       `json:"supervisor"` // pid
	Database   string    `json:"database"`   // DSN
	Data       string    `json:"data"`       // folder
	Sync       bool      `json:"sync"`
	Services   string    `json:"services"` // prefix of the names in the registry
}

// Process is one child.
type Process struct {
	Name      string            `json:"name"`
	Role      string            `json:"role"`             // database, registry, node or gateway
	PID       int               `json:"pid"`              // 0 = not running
	Ending    bool              `json:"ending,omitempty"` // told to end, or dead but not waited for
	Addresses map[string]string `json:"addresses"`        // by purpose: client, link, raft, status, http, mysql
}

// Runs reports whether the process runs and is not ending.
func (p Process) Runs() bool { return p.PID != 0 && !p.Ending }

// ReadState reads a state file.
func ReadState(file string) (State, error) {
	var s State
	if file == "" {
		var err error
		if file, err = StateFile(); err != nil {
			return s, err
		}
	}
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return s, fmt.Errorf("no cluster runs here (%s is not there); start one with: go run ./deploy/local", file)
	}
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("state file %s: %w", file, err)
	}
	return s, nil
}

// supervised reports whether the supervisor is alive. Its process id is not enough, because another process
// may have it by now.
func (s State) supervised() bool {
	if s.Supervisor <= 0 || syscall.Kill(s.Supervisor, 0) != nil {
		return false
	}
	conn, err := net.DialTimeout("tcp", s.Control, time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// write replaces the file atomically.
func (s State) write(file string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".state-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.Write(append(text, '\n')); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}
