package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/pflag"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, cfg Config) *Log {
	t.Helper()
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// written waits until everything that was logged so far has been dealt with.
func written(t *testing.T, l *Log) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for l.queue.bytes.Load() > 0 || len(l.queue.lines) > 0 {
		if time.Now().After(deadline) {
			t.Fatal("the queue is not empty")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestFlags(t *testing.T) {
	c := Config{Level: slog.LevelWarn}
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.AddFlags(f)
	if c.Level != slog.LevelWarn || c.Format != Text || c.File != "" {
		t.Errorf("without flags: %+v", c)
	}
	if err := f.Parse([]string{"--log-level", "debug", "--log-format=json", "--log-file", "x"}); err != nil {
		t.Fatal(err)
	}
	if c.Level != slog.LevelDebug || c.Format != JSON || c.File != "x" {
		t.Errorf("%+v", c)
	}
	if err := f.Parse([]string{"--log-level", "loud"}); err == nil {
		t.Error("an unknown level was accepted")
	}
}

func TestFormats(t *testing.T) {
	var out bytes.Buffer
	l := open(t, Config{Format: JSON, Level: slog.LevelWarn, Out: &out})
	l.Info("no")
	l.Warn("yes", "key", 7)
	l.Close()
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line["msg"] != "yes" || line["key"] != 7.0 {
		t.Errorf("%q, %v", out.String(), err)
	}
	for _, cfg := range []Config{{Format: "xml"}, {File: filepath.Join(t.TempDir(), "none", "log")}, {File: t.TempDir()}} {
		if l, err := Open(cfg); err == nil {
			l.Close()
			t.Errorf("%+v is fine", cfg)
		}
	}
}

// TestFile: whatever happens to the file, the next line stands in the one that has the name.
func TestFile(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, path string){
		"renamed": func(t *testing.T, path string) {
			if err := os.Rename(path, path+".1"); err != nil {
				t.Fatal(err)
			}
		},
		"deleted": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
		"truncated": func(t *testing.T, path string) {
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		},
		"replaced": func(t *testing.T, path string) {
			if err := os.WriteFile(path+".new", nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		},
		"folder renamed and made again": func(t *testing.T, path string) {
			if err := os.Rename(filepath.Dir(path), filepath.Dir(path)+".1"); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "logs", "log")
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			l := open(t, Config{File: path})
			l.Info("before")
			written(t, l)
			harm(t, path)
			l.Info("after")
			l.Close()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), "after") || strings.Contains(string(text), "before") || strings.Contains(string(text), "\x00") || l.Lost() != 0 {
				t.Errorf("%q, %d lost", text, l.Lost())
			}
		})
	}
}

// TestFolderGone: nothing can be written for a while, and what was lost is said.
func TestFolderGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	path := filepath.Join(dir, "log")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l := open(t, Config{File: path, Level: slog.LevelError})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	l.Error("lost")
	l.Error("lost too")
	written(t, l)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l.Reopen()
	l.Error("after")
	l.Close()
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), "msg=after") || !strings.Contains(string(text), `msg="log lines were lost" lines=2`) {
		t.Errorf("%q, %v", text, err)
	}
	l.Error("later")
	if l.Lost() != 3 {
		t.Errorf("%d lost, want three: the two and the one after the end", l.Lost())
	}
}

func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	l := open(t, Config{File: "/dev/full"})
	for range 3 {
		l.Info("lost")
	}
	l.Close()
	if l.Lost() != 3 {
		t.Errorf("%d lost, want 3", l.Lost())
	}
}

// TestHalfLine: what a full disk cut off is not glued to the next line.
func TestHalfLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f := &file{path: path}
	if err := f.reopen(); err != nil {
		t.Fatal(err)
	}
	defer f.close()
	if err := f.write([]byte("one\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.open.WriteString("tw"); err != nil {
		t.Fatal(err)
	}
	f.torn = true // as write notes it
	if err := f.write([]byte("three\n")); err != nil {
		t.Fatal(err)
	}
	if err := f.write([]byte("four\n")); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "one\ntw\nthree\nfour\n" {
		t.Errorf("%q", text)
	}
}

// gate is a sink that blocks while it is shut, and may fail.
type gate struct {
	mu   sync.Mutex // held = shut
	fail error
	text bytes.Buffer
}

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fail != nil {
		return 0, g.fail
	}
	return g.text.Write(p)
}

// TestBlocked: a sink that takes nothing delays nobody; the bounds hold, and every line is
// either there or counted.
func TestBlocked(t *testing.T) {
	for _, c := range []struct {
		name, line string
		all, lost  int // lost: at least
	}{
		{"lines", "x", maxLines + 1000, 999},
		{"bytes", strings.Repeat("x", 64<<10), maxBytes>>16 + 50, 49},
	} {
		t.Run(c.name, func(t *testing.T) {
			var g gate
			l := open(t, Config{Out: &g})
			g.mu.Lock()
			for i := range c.all {
				l.Info(c.line, "i", i)
			}
			if got := l.queue.bytes.Load(); got > maxBytes {
				t.Errorf("%d bytes pending, the bound is %d", got, maxBytes)
			}
			lost := l.Lost()
			if lost < uint64(c.lost) {
				t.Errorf("%d lost, want %d or more", lost, c.lost)
			}
			g.mu.Unlock()
			l.Close()
			there := strings.Count(g.text.String(), "level=INFO")
			if there+int(lost) != c.all || l.Lost() != lost {
				t.Errorf("%d written, %d lost of %d", there, l.Lost(), c.all)
			}
			if want := fmt.Sprintf(`level=WARN msg="log lines were lost" lines=%d`, lost); !strings.Contains(g.text.String(), want) {
				t.Errorf("nothing says %s", want)
			}
		})
	}
}

// TestBack: the loss is said once writing works, even if nobody logs any more, and once.
func TestBack(t *testing.T) {
	for name, fail := range map[string]error{"full": syscall.ENOSPC, "broken pipe": syscall.EPIPE, "closed": os.ErrClosed} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &gate{fail: fail}
				l, err := Open(Config{Out: g, Format: JSON})
				if err != nil {
					t.Fatal(err)
				}
				l.Info("lost")
				l.Info("lost")
				time.Sleep(10 * reportEvery)
				synctest.Wait()
				g.mu.Lock()
				g.fail = nil
				g.mu.Unlock()
				time.Sleep(10 * reportEvery)
				synctest.Wait()
				if text := g.text.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, `"lines":2`) {
					t.Errorf("%q", text)
				}
				l.Close()
			})
		})
	}
}

// TestCloseBlocked: the end of a process does not wait for a sink that takes nothing.
func TestCloseBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		l, err := Open(Config{Out: w})
		if err != nil {
			t.Fatal(err)
		}
		l.Info("nobody reads this")
		began := time.Now()
		l.Close()
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %v", took)
		}
		r.CloseWithError(errors.New("gone")) // so that the writer ends
	})
}

// TestPipeWithoutReader: a named pipe that nobody reads is no log file.
func TestPipeWithoutReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	if l, err := Open(Config{File: path}); err == nil {
		l.Close()
		t.Error("it is fine")
	}
}
