// Package status lets a process say what it is doing, at GET /status, as JSON:
//
//	mux.Handle("GET /status", status.Handler(func() any { return mine{Process: status.Now()} }))
//	err := status.Serve(ctx, listener, mux)
//
// With ?gc=1 it collects garbage first, so that HeapBytes is what is in use.
// It asks for no password: what is said must be fit for whoever reaches the
// listener, which is on 127.0.0.1 unless somebody decides otherwise.
//
// It counts nothing itself and knows no role. Whatever assembles a process may
// import it.
package status

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Process is what any process can say of itself.
type Process struct {
	Goroutines int    `json:"goroutines"`
	HeapBytes  uint64 `json:"heap_bytes"`  // allocated objects, garbage included
	CPUMS      int64  `json:"cpu_ms"`      // user and system time since it began
	Mallocs    uint64 `json:"mallocs"`     // objects allocated since it began
	AllocBytes uint64 `json:"alloc_bytes"` // their bytes
}

// Now looks at this process.
func Now() Process {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails for nobody; else 0
	return Process{
		Goroutines: runtime.NumGoroutine(), HeapBytes: m.HeapAlloc, Mallocs: m.Mallocs, AllocBytes: m.TotalAlloc,
		CPUMS: time.Duration(u.Utime.Nano() + u.Stime.Nano()).Milliseconds(),
	}
}

// Handler answers with what say returns.
func Handler(say func() any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("gc") != "" {
			runtime.GC()
			runtime.GC() // what pools keep goes with the second one
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(say())
	})
}

// Probes adds GET /livez, which says that the process answers, and GET /readyz: 200 while
// missing has nothing to say, else 503 and why the process could not do its work now.
func Probes(mux *http.ServeMux, missing func() []string) {
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "live\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		reasons := missing()
		if len(reasons) == 0 {
			io.WriteString(w, "ready\n")
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, strings.Join(reasons, "\n")+"\n")
	})
}

// grace is how long answers under way may take when Serve ends.
const grace = time.Second

// Serve serves h until ctx ends, and closes l. Answers under way are finished before
// it returns: what they speak of is about to be closed. The error is nil when ctx ended it.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second}
	quiet := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(quiet)
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		if server.Shutdown(late) != nil {
			server.Close() // a client that sends nothing
		}
	})
	err := server.Serve(l)
	if stop() {
		return err
	}
	<-quiet
	return nil
}
