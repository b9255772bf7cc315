package cluster

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

// control serves the supervisor's address. Every request carries the token of
// the state file.
type control struct {
	sup      *Supervisor
	token    string
	listener net.Listener
	server   *http.Server
}

func newControl(s *Supervisor) (*control, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &control{sup: s, token: rand.Text(), listener: l}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", c.state)
	mux.HandleFunc("POST /kill", c.kill)
	mux.HandleFunc("POST /start", c.start)
	mux.HandleFunc("POST /wipe", c.wipe)
	mux.HandleFunc("POST /max-level", c.maxLevel)
	mux.HandleFunc("POST /stop", c.stop)
	c.server = &http.Server{Handler: c.authorized(mux), ReadHeaderTimeout: 5 * time.Second}
	return c, nil
}

func (c *control) address() string { return c.listener.Addr().String() }
func (c *control) serve()          { c.server.Serve(c.listener) }
func (c *control) close()          { c.server.Close(); c.listener.Close() }

func (c *control) authorized(next http.Handler) http.Handler {
	want := []byte("Bearer " + c.token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			http.Error(w, "the state file has the token", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (c *control) state(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(c.sup.State())
}

func (c *control) kill(w http.ResponseWriter, r *http.Request) {
	signal, err := strconv.Atoi(r.FormValue("signal"))
	if err != nil || signal < 1 || signal > 64 {
		http.Error(w, "signal: want 1 to 64", http.StatusBadRequest)
		return
	}
	if name := r.FormValue("name"); name != Everything {
		answer(w, c.sup.Kill(name, syscall.Signal(signal)))
		return
	}
	answer(w, c.sup.KillAll(syscall.Signal(signal)))
}

func (c *control) wipe(w http.ResponseWriter, r *http.Request) {
	answer(w, c.sup.Wipe(r.Context(), r.FormValue("name")))
}

func (c *control) start(w http.ResponseWriter, r *http.Request) {
	if name := r.FormValue("name"); name != Everything {
		answer(w, c.sup.Start(r.Context(), name))
		return
	}
	answer(w, c.sup.StartAll(r.Context()))
}

func (c *control) maxLevel(w http.ResponseWriter, r *http.Request) {
	level, err := strconv.ParseUint(r.FormValue("level"), 10, 32)
	if err != nil {
		http.Error(w, "level: want a number", http.StatusBadRequest)
		return
	}
	answer(w, c.sup.setMaxLevel(r.FormValue("name"), uint32(level)))
}

func (c *control) stop(w http.ResponseWriter, _ *http.Request) {
	answer(w, nil)
	c.sup.stop()
}

// refusals are the errors that a client must be able to recognize, by the HTTP status that carries them.
var refusals = map[int]error{
	http.StatusNotFound: ErrUnknownProcess,
	http.StatusConflict: ErrRunning,
	http.StatusGone:     ErrNotRunning,
}

func answer(w http.ResponseWriter, err error) {
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	for status, kind := range refusals {
		if errors.Is(err, kind) {
			http.Error(w, err.Error(), status)
			return
		}
	}
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

// refusal is an error of the supervisor, as the client received it.
type refusal struct {
	text string
	kind error // one of refusals, or nil
}

func (r refusal) Error() string { return r.text }
func (r refusal) Unwrap() error { return r.kind }

// Client controls a running supervisor.
type Client struct {
	file           string // the state file
	address, token string
	http           *http.Client
}

// Open reads a state file and returns a client for its supervisor.
func Open(stateFile string) (*Client, error) {
	state, err := ReadState(stateFile)
	if err != nil {
		return nil, err
	}
	return &Client{file: stateFile, address: state.Control, token: state.Token, http: &http.Client{Timeout: 2 * readyTimeout}}, nil
}

// State returns the current state of the cluster.
func (c *Client) State(ctx context.Context) (State, error) {
	var state State
	body, err := c.do(ctx, http.MethodGet, "/state", nil)
	if err != nil {
		return state, err
	}
	return state, json.Unmarshal(body, &state)
}

// Kill sends a signal to a process, or to all at once if name is Everything. It does not wait for the
// effect. The error is ErrNotRunning for a process that is down or was sent SIGKILL before.
func (c *Client) Kill(ctx context.Context, name string, signal syscall.Signal) error {
	_, err := c.do(ctx, http.MethodPost, "/kill", url.Values{"name": {name}, "signal": {strconv.Itoa(int(signal))}})
	return err
}

// Wipe kills a node and deletes its data.
func (c *Client) Wipe(ctx context.Context, name string) error {
	_, err := c.do(ctx, http.MethodPost, "/wipe", url.Values{"name": {name}})
	return err
}

// Start starts a process that has ended, or all such processes if name is Everything, and waits until it
// serves. If it was told to end, Start first waits for its end. The error is ErrRunning if it serves
// already, or was told to end and does not.
func (c *Client) Start(ctx context.Context, name string) error {
	_, err := c.do(ctx, http.MethodPost, "/start", url.Values{"name": {name}})
	return err
}

// SetMaxLevel sets the highest cluster level that a node can run at, from its next start on, as if another
// build was installed. For tests.
func (c *Client) SetMaxLevel(ctx context.Context, name string, level uint32) error {
	_, err := c.do(ctx, http.MethodPost, "/max-level", url.Values{"name": {name}, "level": {strconv.FormatUint(uint64(level), 10)}})
	return err
}

// Stop ends the cluster and waits until nothing of it is left.
func (c *Client) Stop(ctx context.Context) error {
	if _, err := c.do(ctx, http.MethodPost, "/stop", nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if state, err := ReadState(c.file); err != nil || state.Token != c.token {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the cluster has not ended: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// maxAnswer bounds an answer of the supervisor, in bytes.
const maxAnswer = 1 << 20

func (c *Client) do(ctx context.Context, method, path string, form url.Values) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.address+path, bytes.NewBufferString(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the supervisor does not answer: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 {
		return nil, refusal{string(bytes.TrimSpace(body)), refusals[resp.StatusCode]}
	}
	return body, nil
}
