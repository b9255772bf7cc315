package failover

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"teahouse/deploy/cluster"
)

func TestParseDiskFault(t *testing.T) {
	for text, want := range map[string]Fault{
		"disk-error": {Disk: diskError}, "disk-full": {Disk: diskFull}, "disk-stall:2s": {Disk: diskStall, Stop: 2 * time.Second},
	} {
		got, err := ParseFault(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"disk-", "disk-stall", "disk-stall:0s", "disk-error:2s", "disk-low", "disk-none"} {
		if _, err := ParseFault(text); err == nil {
			t.Errorf("%q is a fault", text)
		}
	}
	for _, role := range []Role{Gateway, Database, Registry} {
		if _, err := (Config{State: "x", Role: role, Fault: Fault{Disk: diskFull}}).withDefaults(); err == nil {
			t.Errorf("a %s has a log store", role)
		}
	}
}

// A product without faults says how to get one that has them.
func TestSpoil(t *testing.T) {
	var asked string
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(http.ResponseWriter, *http.Request) {})
	product := httptest.NewServer(mux)
	defer product.Close()
	spoiled := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.Path + " " + r.FormValue("kind") + " " + r.FormValue("for")
		w.WriteHeader(http.StatusNoContent)
	}))
	defer spoiled.Close()
	node := func(s *httptest.Server) cluster.Process {
		return cluster.Process{Name: "node-1", Role: roleNode, PID: 1, Addresses: map[string]string{"status": s.Listener.Addr().String()}}
	}
	err := spoilable(t.Context(), cluster.State{Processes: []cluster.Process{node(product)}})
	if err == nil || !strings.Contains(err.Error(), "-tags faults") {
		t.Errorf("without the tag: %v", err)
	}
	if err := spoil(t.Context(), node(spoiled), Fault{Disk: diskStall, Stop: 2 * time.Second}); err != nil || asked != "POST /fault stall 2s" {
		t.Errorf("asked %q, %v", asked, err)
	}
}
