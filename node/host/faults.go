//go:build faults

package host

import (
	"net/http"
	"time"

	"teahouse/pkg/raftgroup"
)

// serveFaults lets anyone who can connect to the status port inject faults into this node's log store:
//
//	POST /fault kind=error|stall|full|low|none [for=2s]
//
// It exists only in builds with the tag "faults".
func (n *node) serveFaults(mux *http.ServeMux) {
	mux.HandleFunc("POST /fault", func(w http.ResponseWriter, r *http.Request) {
		var fault raftgroup.Fault
		fault.Kind = raftgroup.FaultKind(r.FormValue("kind"))
		var err error
		if text := r.FormValue("for"); text != "" {
			fault.For, err = time.ParseDuration(text)
		}
		if err == nil {
			err = fault.Validate()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		n.log.Warn("a fault is injected into the log store", "fault", fault.Kind, "for", fault.For)
		// Answer first, because the fault may end the process at once.
		w.WriteHeader(http.StatusNoContent)
		if err := http.NewResponseController(w).Flush(); err != nil {
			n.log.Warn("the answer to a fault was not sent", "err", err)
		}
		n.disk.Inject(fault)
	})
}
