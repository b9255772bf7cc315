package host

import (
	"log/slog"
	"strings"
	"testing"
)

// lines is a log whose lines the test waits for.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// A panic that was not recovered ends only its job, and its value is not logged.
func TestPoolPanics(t *testing.T) {
	said := make(lines, 1)
	n := &node{log: slog.New(slog.NewTextHandler(said, nil))}
	pool, err := n.newPool(1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Release()
	if err := pool.Submit(func() { panic("tiles 9m9m9m") }); err != nil {
		t.Fatal(err)
	}
	if text := <-said; strings.Contains(text, "9m") || !strings.Contains(text, "a job panicked") || !strings.Contains(text, "a string") || !strings.Contains(text, "TestPoolPanics") {
		t.Errorf("the log says: %s", text)
	}
	done := make(chan struct{})
	for pool.Submit(func() { close(done) }) != nil { // until the panicked job's worker has ended
	}
	<-done
}
