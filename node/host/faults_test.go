//go:build faults

package host

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"teahouse/pkg/raftgroup"
)

// sent records the state of the disk when the answer was sent.
type sent struct {
	*httptest.ResponseRecorder
	disk *raftgroup.Disk
	free []uint64
}

func (s *sent) Flush() {
	if free, err := s.disk.Free(); err == nil {
		s.free = append(s.free, free)
	}
}

// A fault may end the process at once, so the request for it is answered first.
func TestDiskFaultAnswersFirst(t *testing.T) {
	disk, err := raftgroup.OpenDisk(t.TempDir(), raftgroup.DiskConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	n := &node{disk: disk, log: slog.New(slog.DiscardHandler)}
	mux := http.NewServeMux()
	n.serveFaults(mux)
	ask := func(kind string) *sent {
		r := httptest.NewRequest(http.MethodPost, "/fault", strings.NewReader(url.Values{"kind": {kind}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := &sent{ResponseRecorder: httptest.NewRecorder(), disk: disk}
		mux.ServeHTTP(w, r)
		return w
	}
	w := ask(string(raftgroup.FaultLow))
	if w.Code != http.StatusNoContent || len(w.free) != 1 || w.free[0] == 0 {
		t.Errorf("status %d, free when it was sent %v", w.Code, w.free)
	}
	if free, err := disk.Free(); err != nil || free != 0 {
		t.Errorf("after the fault %d bytes are free, %v", free, err)
	}
	if w := ask("melted"); w.Code != http.StatusBadRequest {
		t.Errorf("an unknown fault: %d", w.Code)
	}
}
