package consul_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/consul/api"
	"go.uber.org/goleak"

	"teahouse/registry"
	"teahouse/registry/consul"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// These tests play a misbehaving agent in a bubble of fake time: the agent is a function instead of
// a socket, and decides what to answer.

var errUnreachable = errors.New("connection refused")

// agent is an http.RoundTripper that records the requests.
type agent struct {
	began  time.Time
	answer func(*http.Request) (*http.Response, error)

	mu  sync.Mutex
	log []string // "seconds method path", in order
}

func newAgent(answer func(*http.Request) (*http.Response, error)) *agent {
	return &agent{began: time.Now(), answer: answer}
}

func (a *agent) RoundTrip(req *http.Request) (*http.Response, error) {
	a.mu.Lock()
	path := strings.TrimPrefix(req.URL.Path, "/v1/")
	if index := req.URL.Query().Get("index"); index != "" {
		path += "?index=" + index
	}
	a.log = append(a.log, fmt.Sprintf("%.1f %s", time.Since(a.began).Seconds(), path))
	a.mu.Unlock()
	return a.answer(req)
}

func (a *agent) requests() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.log)
}

func reply(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}
}

// foreign is a service that somebody else registered under our name.
const foreign = "somebody-else"

// listing is the answer to a health query.
func listing(index uint64, ids ...string) *http.Response {
	entries := []*api.ServiceEntry{}
	for _, id := range ids {
		service := "teahouse." + id
		if id == foreign {
			service = id
		}
		entries = append(entries, &api.ServiceEntry{Service: &api.AgentService{
			ID: service, Service: "teahouse-node", Meta: map[string]string{"teahouse-name": id},
		}})
	}
	body, _ := json.Marshal(entries)
	resp := reply(200, string(body))
	resp.Header.Set("X-Consul-Index", fmt.Sprint(index))
	return resp
}

func newClient(t *testing.T, a *agent, cfg consul.Config) *consul.Registry {
	t.Helper()
	cfg.Addr, cfg.Transport = "agent:8500", a
	r, err := consul.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

var node1 = registry.Instance{ID: "n1", Name: "n1", Role: registry.RoleNode}

func wantRequests(t *testing.T, a *agent, want ...string) {
	t.Helper()
	if got := a.requests(); !slices.Equal(got, want) {
		t.Errorf("requests:\n\t%s\nwant:\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestHeartbeatsComeEveryThirdOfTheTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent(func(*http.Request) (*http.Response, error) { return reply(200, ""), nil })
		r := newClient(t, a, consul.Config{TTL: 6 * time.Second})
		reg, err := r.Register(t.Context(), node1)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if err := reg.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // no request follows the deregistration
		wantRequests(t, a,
			"0.0 agent/service/register",
			"2.0 agent/check/update/ttl:teahouse.n1",
			"4.0 agent/check/update/ttl:teahouse.n1",
			"5.0 agent/service/deregister/teahouse.n1")
	})
}

func TestForgottenInstanceIsRegisteredAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var known atomic.Bool
		a := newAgent(func(req *http.Request) (*http.Response, error) {
			switch {
			case strings.Contains(req.URL.Path, "register"):
				known.Store(true)
			case !known.Load():
				return reply(404, "Unknown check ID"), nil
			}
			return reply(200, ""), nil
		})
		r := newClient(t, a, consul.Config{TTL: 6 * time.Second})
		if _, err := r.Register(t.Context(), node1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		known.Store(false) // the agent is restarted
		time.Sleep(5 * time.Second)
		wantRequests(t, a,
			"0.0 agent/service/register",
			"2.0 agent/check/update/ttl:teahouse.n1",
			"2.0 agent/service/register",
			"4.0 agent/check/update/ttl:teahouse.n1")
	})
}

// After a restart of the agent only the newest registration of an instance comes back, and closing
// the one that it replaced removes nothing.
func TestReplacedRegistrationIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var known atomic.Bool
		var mu sync.Mutex
		var announced []string // guarded by mu
		a := newAgent(func(req *http.Request) (*http.Response, error) {
			switch {
			case strings.HasSuffix(req.URL.Path, "service/register"):
				known.Store(true)
				var body struct{ Meta map[string]string }
				if err := json.NewDecoder(req.Body).Decode(&body); err != nil {
					t.Error(err)
				}
				mu.Lock()
				announced = append(announced, body.Meta["weight"])
				mu.Unlock()
			case !known.Load():
				return reply(404, "Unknown check ID"), nil
			}
			return reply(200, ""), nil
		})
		r := newClient(t, a, consul.Config{TTL: 6 * time.Second})
		var regs []registry.Registration
		for _, weight := range []string{"1", "2"} {
			i := node1
			i.Meta = map[string]string{"weight": weight}
			reg, err := r.Register(t.Context(), i)
			if err != nil {
				t.Fatal(err)
			}
			regs = append(regs, reg)
			time.Sleep(time.Second)
		}
		time.Sleep(1500 * time.Millisecond)
		known.Store(false) // half a second before the first registration's next heartbeat
		time.Sleep(10 * time.Second)
		mu.Lock()
		if want := []string{"1", "2", "2"}; !slices.Equal(announced, want) {
			t.Errorf("announced %v, want %v", announced, want)
		}
		mu.Unlock()
		if err := regs[0].Close(t.Context()); err != nil {
			t.Error(err)
		}
		for _, req := range a.requests() {
			if strings.Contains(req, "deregister") {
				t.Error(req)
			}
		}
	})
}

func TestRegisterOutlastsAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		a := newAgent(func(*http.Request) (*http.Response, error) {
			if !up.Load() {
				return nil, errUnreachable
			}
			return reply(200, ""), nil
		})
		var lines strings.Builder
		r := newClient(t, a, consul.Config{TTL: 6 * time.Second, Logger: slog.New(slog.NewTextHandler(&lines, nil))})
		if _, err := r.Register(t.Context(), node1); err != nil {
			t.Fatalf("register during an outage: %v", err)
		}
		time.Sleep(time.Minute)
		// Pauses grow to at most a third of the TTL (2 s), less up to half.
		if n := len(a.requests()); n < 30 || n > 70 {
			t.Errorf("%d attempts in a minute", n)
		}
		up.Store(true)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		got := a.requests()
		if last := got[len(got)-1]; !strings.HasSuffix(last, "check/update/ttl:teahouse.n1") {
			t.Errorf("last request is %q, want a heartbeat", last)
		}
		_ = r.Close()
		if n := strings.Count(lines.String(), "out of reach"); n != 1 {
			t.Errorf("the outage was logged %d times:\n%s", n, &lines)
		}
		if n := strings.Count(lines.String(), "registry back"); n != 1 {
			t.Errorf("its end was logged %d times:\n%s", n, &lines)
		}
	})
}

func TestHangingAgentHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		r := newClient(t, a, consul.Config{Timeout: 2 * time.Second})
		began := time.Now()
		reg, err := r.Register(t.Context(), node1)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("Register took %v, want the Timeout", took)
		}
		began = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := reg.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v", err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("Close took %v, want what its context allows", took)
		}
	})
}

func TestClosingAnUnknownRegistrationIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status := 404
		a := newAgent(func(req *http.Request) (*http.Response, error) {
			if strings.Contains(req.URL.Path, "deregister") {
				return reply(status, "no"), nil
			}
			return reply(200, ""), nil
		})
		r := newClient(t, a, consul.Config{})
		for _, test := range []struct {
			status int
			fails  bool
		}{{404, false}, {403, true}} {
			status = test.status
			reg, err := r.Register(t.Context(), node1)
			if err != nil {
				t.Fatal(err)
			}
			if err := reg.Close(t.Context()); (err != nil) != test.fails {
				t.Errorf("status %d: %v", test.status, err)
			}
		}
	})
}

// step is one answer to a health query and its expected result.
type step struct {
	err      error
	index    uint64
	ids      []string
	asked    string   // the index expected in the query; "" for none
	snapshot []string // the expected snapshot; nil for none
}

// script answers one query per step, then blocks until its context ends.
type script struct {
	t     *testing.T
	steps []step
	next  int
}

func (s *script) answer(req *http.Request) (*http.Response, error) {
	if s.next == len(s.steps) {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	step := s.steps[s.next]
	s.next++
	if got := req.URL.Query().Get("index"); got != step.asked {
		s.t.Errorf("query %d asked from index %q, want %q", s.next, got, step.asked)
	}
	if !req.URL.Query().Has("passing") {
		s.t.Errorf("query %d did not ask for healthy instances only", s.next)
	}
	if step.err != nil {
		return nil, step.err
	}
	time.Sleep(time.Second) // as if it had blocked
	return listing(step.index, step.ids...), nil
}

func TestWatchFollowsTheIndex(t *testing.T) {
	for name, steps := range map[string][]step{
		"changes": {
			{index: 5, ids: nil, asked: "", snapshot: []string{}},
			{index: 6, ids: []string{"b"}, asked: "5", snapshot: []string{"b"}},
			{index: 9, ids: []string{"b", "a"}, asked: "6", snapshot: []string{"a", "b"}},
			{index: 10, ids: nil, asked: "9", snapshot: []string{}},
		},
		"nothing new in the list": {
			{index: 5, ids: []string{"a"}, asked: "", snapshot: []string{"a"}},
			{index: 5, ids: []string{"a"}, asked: "5"},
			{index: 7, ids: []string{"a"}, asked: "5"},
			{index: 8, ids: []string{"a", "b"}, asked: "7", snapshot: []string{"a", "b"}},
		},
		"index goes backwards": {
			{index: 50, ids: []string{"a"}, asked: "", snapshot: []string{"a"}},
			{index: 3, ids: nil, asked: "50", snapshot: []string{}},
			{index: 4, ids: []string{"a"}, asked: "", snapshot: []string{"a"}},
			{index: 4, ids: []string{"a"}, asked: "4"},
		},
		"index 0": {
			{index: 0, ids: nil, asked: "", snapshot: []string{}},
			{index: 1, ids: []string{"a"}, asked: "1", snapshot: []string{"a"}},
		},
		"the last snapshot stays in force": {
			{index: 5, ids: []string{"a"}, asked: "", snapshot: []string{"a"}},
			{err: errUnreachable, asked: "5"},
			{err: errUnreachable, asked: ""},
			{index: 5, ids: []string{"a"}, asked: ""},
			{index: 6, ids: []string{"a", "b"}, asked: "5", snapshot: []string{"a", "b"}},
		},
		"same ID on two agents": {
			{index: 5, ids: []string{"a", "b", "a"}, asked: "", snapshot: []string{"a", "b"}},
		},
		"what is no instance is passed over": {
			{index: 5, ids: []string{"a", "not/ours", foreign}, asked: "", snapshot: []string{"a"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{t: t, steps: steps}
				r := newClient(t, newAgent(s.answer), consul.Config{})
				ch, err := r.Watch(t.Context(), registry.RoleNode)
				if err != nil {
					t.Fatal(err)
				}
				for n, step := range steps {
					if step.snapshot == nil {
						continue
					}
					select {
					case snapshot := <-ch:
						got := []string{}
						for _, i := range snapshot.Instances {
							got = append(got, i.ID)
						}
						if want := max(step.index, 1); !slices.Equal(got, step.snapshot) || snapshot.Index != want {
							t.Errorf("query %d: %v as of %d, want %v as of %d", n+1, got, snapshot.Index, step.snapshot, want)
						}
					case <-time.After(time.Hour):
						t.Fatalf("query %d: no snapshot", n+1)
					}
				}
				time.Sleep(20 * time.Second)
				synctest.Wait()
				select {
				case snapshot := <-ch:
					t.Errorf("an unexpected snapshot: %v", snapshot)
				default:
				}
				if s.next != len(steps) {
					t.Errorf("%d of %d queries", s.next, len(steps))
				}
			})
		})
	}
}

func TestUnreadSnapshotIsSuperseded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{t: t, steps: []step{
			{index: 1, ids: []string{"a"}, asked: ""},
			{index: 2, ids: []string{"a", "b"}, asked: "1"},
			{index: 3, ids: []string{"c"}, asked: "2"},
		}}
		r := newClient(t, newAgent(s.answer), consul.Config{})
		ch, err := r.Watch(t.Context(), registry.RoleNode)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if got := <-ch; got.Index != 3 || len(got.Instances) != 1 || got.Instances[0].ID != "c" {
			t.Errorf("got %v, want the newest", got)
		}
	})
}

// An agent that always gives the same answer at once, or always fails, is not asked in a tight
// loop.
func TestNoTightLoop(t *testing.T) {
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"does not block": func(*http.Request) (*http.Response, error) { return listing(7), nil },
		"fails":          func(*http.Request) (*http.Response, error) { return reply(500, "No cluster leader"), nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAgent(answer)
				r := newClient(t, a, consul.Config{BackoffMin: 100 * time.Millisecond, BackoffMax: 10 * time.Second})
				if _, err := r.Watch(t.Context(), registry.RoleNode); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if n := len(a.requests()); n < 6 || n > 25 {
					t.Errorf("%d queries in a minute", n)
				}
			})
		})
	}
}

func TestEndlessAnswerIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent(func(*http.Request) (*http.Response, error) {
			resp := listing(7)
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("["), blanks{}))
			return resp, nil
		})
		var lines strings.Builder
		r := newClient(t, a, consul.Config{
			BackoffMin: time.Minute, BackoffMax: time.Minute,
			Logger: slog.New(slog.NewTextHandler(&lines, nil)),
		})
		if _, err := r.Watch(t.Context(), registry.RoleNode); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !strings.Contains(lines.String(), "too large") {
			t.Errorf("log: %q", lines.String())
		}
	})
}

// blanks is an endless document.
type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestConfigOutOfRange(t *testing.T) {
	for _, cfg := range []consul.Config{
		{},
		{Addr: "a:1", Cluster: "Tea House"},
		{Addr: "a:1", TTL: time.Millisecond},
		{Addr: "a:1", Wait: time.Hour},
		{Addr: "a:1", Timeout: -1},
		{Addr: "a:1", BackoffMin: time.Second, BackoffMax: time.Millisecond},
		{Addr: "ftp://a:1"},
	} {
		if r, err := consul.New(cfg); err == nil {
			_ = r.Close()
			t.Errorf("%+v was accepted", cfg)
		}
	}
}
