package embedded

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/hashicorp/consul/api"
)

// Bounds on a registration besides its size.
const (
	maxIDLen = 256
	maxTTL   = 24 * time.Hour
)

// bodyTime is how long a client may take to send a body.
const bodyTime = 5 * time.Second

// handler is the part of Consul's HTTP API that the client uses; the bodies are the client's own
// types.
func (b *book) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /v1/agent/service/register", b.serveRegister)
	mux.HandleFunc("PUT /v1/agent/service/deregister/{id}", b.serveDeregister)
	mux.HandleFunc("PUT /v1/agent/check/update/{id}", b.serveUpdate)
	mux.HandleFunc("GET /v1/health/service/{name}", b.serveHealth)
	return mux
}

func (b *book) serveRegister(w http.ResponseWriter, r *http.Request) {
	var reg api.AgentServiceRegistration
	if !b.decode(w, r, &reg) {
		return
	}
	service, chk, err := parseRegistration(&reg)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := b.register(service, chk); err != nil {
		http.Error(w, err.Error(), http.StatusTooManyRequests)
	}
}

// parseRegistration returns the service and its check; a TTL check is the only kind.
func parseRegistration(reg *api.AgentServiceRegistration) (api.AgentService, check, error) {
	service := api.AgentService{
		ID: reg.ID, Service: reg.Name, Tags: reg.Tags, Meta: reg.Meta,
		Address: reg.Address, Port: reg.Port,
	}
	if service.ID == "" {
		service.ID = service.Service
	}
	if service.Service == "" || len(service.ID) > maxIDLen || len(service.Service) > maxIDLen {
		return service, check{}, errors.New("service without name, or with one that is too long")
	}
	if len(reg.Checks) > 0 {
		return service, check{}, errors.New("more than one check is not supported")
	}
	if reg.Check == nil {
		return service, check{}, nil
	}
	chk := check{id: reg.Check.CheckID, name: reg.Check.Name, status: reg.Check.Status}
	if chk.id == "" {
		chk.id = "service:" + service.ID
	}
	if chk.status == "" {
		chk.status = api.HealthCritical
	}
	if !validStatus(chk.status) || len(chk.id) > maxIDLen {
		return service, check{}, errors.New("check with an unknown status or a long ID")
	}
	var err error
	if chk.ttl, err = time.ParseDuration(reg.Check.TTL); err != nil || chk.ttl <= 0 || chk.ttl > maxTTL {
		return service, check{}, errors.New("check without a valid TTL; other kinds are not supported")
	}
	if text := reg.Check.DeregisterCriticalServiceAfter; text != "" {
		chk.deregisterAfter, err = time.ParseDuration(text)
		if err != nil || chk.deregisterAfter < 0 {
			return service, check{}, errors.New("check with an invalid DeregisterCriticalServiceAfter")
		}
	}
	return service, chk, nil
}

func (b *book) serveDeregister(w http.ResponseWriter, r *http.Request) {
	if err := b.deregister(r.PathValue("id")); err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
	}
}

func (b *book) serveUpdate(w http.ResponseWriter, r *http.Request) {
	var update struct{ Status string }
	if !b.decode(w, r, &update) {
		return
	}
	if !validStatus(update.Status) {
		http.Error(w, "unknown status", http.StatusBadRequest)
		return
	}
	if err := b.update(r.PathValue("id"), update.Status); err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
	}
}

// serveHealth answers at once or, with ?index=N, once the list's index is no longer N.
func (b *book) serveHealth(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if text := query.Get("index"); text != "" {
		index, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			http.Error(w, "invalid index", http.StatusBadRequest)
			return
		}
		wait, err := parseWait(query.Get("wait"))
		if err != nil {
			http.Error(w, "invalid wait", http.StatusBadRequest)
			return
		}
		if !b.wait(r.Context(), index, wait) {
			http.Error(w, "too many blocking queries", http.StatusTooManyRequests)
			return
		}
		if r.Context().Err() != nil {
			http.Error(w, "shutting down", http.StatusServiceUnavailable)
			return
		}
	}

	list, index := b.read(r.PathValue("name"), query.Has(api.HealthPassing))
	out := make([]*api.ServiceEntry, len(list)) // so that an empty list is [], not null
	for i, e := range list {
		out[i] = e.answer()
	}
	body, err := json.Marshal(out)
	if err != nil {
		http.Error(w, "encode", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("X-Consul-Index", strconv.FormatUint(index, 10))
	header.Set("X-Consul-KnownLeader", "true")
	header.Set("X-Consul-LastContact", "0")
	_, _ = w.Write(body) // an error means that the client has gone
}

// answer is the entry as Consul shows it. All services are on one node, this server.
func (e entry) answer() *api.ServiceEntry {
	const node = "embedded"
	out := &api.ServiceEntry{
		Node:    &api.Node{Node: node, Address: "127.0.0.1"},
		Service: &e.service,
		Checks:  api.HealthChecks{},
	}
	if e.check.exists() {
		out.Checks = append(out.Checks, &api.HealthCheck{
			Node: node, CheckID: e.check.id, Name: e.check.name, Status: e.check.status,
			ServiceID: e.service.ID, ServiceName: e.service.Service, Type: "ttl",
		})
	}
	return out
}

// decode reads the body within its bound, or answers with an error.
func (b *book) decode(w http.ResponseWriter, r *http.Request, into any) bool {
	// The recorders of tests have no deadlines, hence the ignored errors.
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(bodyTime))
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, b.cfg.MaxBody)).Decode(into)
	_ = conn.SetReadDeadline(time.Time{})
	if err == nil {
		return true
	}
	b.refusedBodies.Add(1)
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		http.Error(w, "body too long", http.StatusRequestEntityTooLarge)
	} else {
		http.Error(w, "body is not the expected JSON", http.StatusBadRequest)
	}
	return false
}

// parseWait returns how long a blocking query waits; none or 0 means the default.
func parseWait(text string) (time.Duration, error) {
	if text == "" {
		return defaultWait, nil
	}
	wait, err := time.ParseDuration(text)
	if err != nil || wait < 0 {
		return 0, errors.New("invalid wait")
	}
	if wait == 0 {
		return defaultWait, nil
	}
	return min(wait, maxWait), nil
}

func validStatus(s string) bool {
	return s == api.HealthPassing || s == api.HealthWarning || s == api.HealthCritical
}
