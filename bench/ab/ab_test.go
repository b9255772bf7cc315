package ab

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake copies the stand-in of a checkout, and overwrites files of it.
func fake(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/fake")); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func config(a, b string) Config {
	return Config{A: a, B: b, Players: []int{8}, Pairs: 2, Duration: time.Second, Nodes: 1, Sync: "sync"}
}

// compareIn runs with a folder for temporary files of its own, which must be empty afterwards.
func compareIn(t *testing.T, ctx context.Context, cfg Config) (Result, error) {
	t.Helper()
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	result, err := r.Run(ctx)
	if left, _ := os.ReadDir(tmp); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
	for _, dir := range []string{cfg.A, cfg.B} {
		if _, err := os.Stat(filepath.Join(dir, "runs")); err == nil {
			t.Errorf("the cluster of %s was not ended in order", dir)
		}
	}
	return result, err
}

func TestRuns(t *testing.T) {
	cfg := config(fake(t, nil), fake(t, nil))
	cfg.Players = []int{8, 4}
	result, err := compareIn(t, t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var order []Side
	for _, r := range result.Runs {
		order = append(order, r.Side)
		// The stand-in counts looks at it: two make 100 entries of 100 moves.
		if r.Figures["cpu_nodes"] != 500 || r.Figures["raft_entries"] != 1 || r.Figures["allocs_nodes"] != 20 || len(r.Summary) == 0 {
			t.Errorf("%+v", r)
		}
		if _, told := r.Figures["syncs"]; told {
			t.Error("a counter that is not there has a figure")
		}
	}
	if want := "ABBAABBA"; len(order) != len(want) {
		t.Fatalf("%v", order)
	} else {
		for i, s := range order {
			if string(s) != want[i:i+1] {
				t.Errorf("%v, want %s", order, want)
				break
			}
		}
	}
	if len(result.Tables) != 2 || result.Tables[0].Players != 8 || result.Tables[0].Pairs != 2 {
		t.Errorf("%+v", result.Tables)
	}
}

// Whatever is wrong with a side, the error says which side and what.
func TestWrong(t *testing.T) {
	good := fake(t, nil)
	for name, c := range map[string]struct {
		dir  string
		want string
	}{
		"no folder":      {filepath.Join(t.TempDir(), "nowhere"), "no such file"},
		"a file":         {filepath.Join(good, "go.mod"), "is no folder"},
		"not a checkout": {t.TempDir(), "no checkout of Teahouse"},
		"another module": {fake(t, map[string]string{"go.mod": "module other\n"}), "no checkout of Teahouse"},
		"not building":   {fake(t, map[string]string{"bench/mode.go": "package main\n\nconst audit, hangs = 1, nonsense\n"}), "nonsense"},
		"not coming up":  {fake(t, map[string]string{"deploy/local/mode.go": "package main\n\nconst comesUp = \"no room\"\n"}), "no room"},
		"broken promise": {fake(t, map[string]string{"bench/mode.go": "package main\n\nconst (\n\taudit = \"BROKEN: 3 moves lost\"\n\thangs = false\n)\n"}), "BROKEN: 3 moves lost"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := compareIn(t, t.Context(), config(good, c.dir))
			if err == nil || !strings.HasPrefix(err.Error(), "B") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want B and %q", err, c.want)
			}
		})
	}
}

// Who is told to end in the middle of a play leaves nothing behind.
func TestInterrupted(t *testing.T) {
	hangs := fake(t, map[string]string{"bench/mode.go": "package main\n\nconst (\n\taudit = \"clean\"\n\thangs = true\n)\n"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // its cluster runs from the first look on
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(hangs, "runs")); err == nil {
				cancel()
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	if _, err := compareIn(t, ctx, config(hangs, hangs)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestBadConfig(t *testing.T) {
	for name, spoil := range map[string]func(*Config){
		"no A": func(c *Config) { c.A = "" }, "no B": func(c *Config) { c.B = "" }, "nobody": func(c *Config) { c.Players = nil },
		"no table": func(c *Config) { c.Players = []int{3} }, "twice": func(c *Config) { c.Players = []int{8, 8} },
		"no pair": func(c *Config) { c.Pairs = 0 }, "no node": func(c *Config) { c.Nodes = 0 }, "no time": func(c *Config) { c.Duration = 0 },
		"warm-up": func(c *Config) { c.Warmup = -1 }, "pace": func(c *Config) { c.Pace = -1 }, "policy": func(c *Config) { c.Sync = "maybe" },
	} {
		cfg := config(".", ".")
		spoil(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestItself compares this checkout with itself, with real clusters.
func TestItself(t *testing.T) {
	if os.Getenv("TEAHOUSE_SLOW") == "" {
		t.Skip("TEAHOUSE_SLOW is not set")
	}
	cfg := config("../..", "../..")
	cfg.Players, cfg.Pairs, cfg.Nodes, cfg.Duration, cfg.Warmup = []int{16}, 1, 3, 3*time.Second, time.Second
	result, err := compareIn(t, t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range result.Tables[0].Rows {
		if row.A == nil || row.B == nil {
			t.Errorf("%s: A %v, B %v", row.Figure, row.A, row.B)
		}
	}
}
