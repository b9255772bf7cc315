// Package systest tests Teahouse as a whole: its layout, and clusters of real
// processes. Nothing imports it.
package systest

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "teahouse/"

// Why a test and not a review: each of these arrows once turned around makes
// the next one easy, and the roles can no longer be built, tested or replaced
// alone.
var directions = []struct {
	from   string   // a folder and all below it
	never  []string // what it must not import
	except []string // …but may
	tests  bool     // whether test files are bound too
	why    string
}{
	{from: "pkg", never: []string{"gateway", "node", "bench", "deploy"}, tests: true,
		why: "pkg serves every role and knows none"},
	{from: "pkg/game", never: []string{""}, except: []string{"pkg/game", "pkg/wire/wirepb"}, tests: true,
		why: "nouns and contracts import nothing local but the generated messages, and know no game"},
	{from: "pkg/mahjong", never: []string{"registry", "pkg/link", "pkg/raftgroup", "pkg/client"}, tests: true,
		why: "rules are pure"},
	{from: "pkg/gomoku", never: []string{"registry", "pkg"}, except: []string{"pkg/game", "pkg/gomoku", "pkg/wire"}, tests: true,
		why: "rules are pure, and no game knows another"},
	{from: "pkg/bot", never: []string{"registry", "pkg/link", "pkg/raftgroup", "pkg/client", "pkg/wire"}, tests: true,
		why: "a player made of code sees a view and nothing else"},
	{from: "pkg/ring", never: []string{"registry", "pkg/link", "pkg/raftgroup"},
		why: "the ring is pure"},
	{from: "gateway", never: []string{"node", "bench", "deploy", "pkg/daemon"},
		why: "roles meet in wire, link and registry only"},
	{from: "node", never: []string{"gateway", "bench", "deploy", "pkg/daemon"},
		why: "roles meet in wire, link and registry only"},
	{from: "registry", never: []string{"gateway", "node", "bench", "deploy"}, tests: true,
		why: "the registry serves every role and knows none"},
	{from: "node/table", never: []string{"pkg/mahjong", "pkg/link", "pkg/raftgroup", "pkg/gormstore", "node"},
		except: []string{"node/table", "pkg/link/linkpb"},
		why:    "the table is pure and not mahjong-shaped"},
	{from: "node/match", never: []string{"pkg/link", "pkg/raftgroup", "node"}, except: []string{"node/match"},
		why: "the matcher is pure"},
	{from: "node/shard", never: []string{"pkg/mahjong", "pkg/gormstore", "registry"},
		why: "only host chooses technologies"},
	{from: "node/coordinator", never: []string{"pkg/mahjong", "pkg/gormstore", "registry", "node/shard", "node/table"},
		why: "only host chooses technologies"},
	{from: "pkg/client/engine", never: []string{""}, except: []string{"pkg/game", "pkg/wire", "pkg/planted"},
		why: "what a client decides by is pure"},
	{from: "pkg/planted", never: []string{""}, tests: true,
		why: "bugs made on purpose need nothing"},
	{from: "pkg/panics", never: []string{""}, tests: true,
		why: "everybody may import it, pure packages too"},
	{from: "gateway/route", never: []string{"registry", "gateway"}, except: []string{"gateway/route"},
		why: "the routing snapshot is pure"},
	{from: "gateway/session", never: []string{"registry", "gateway/edge"},
		why: "only edge chooses technologies"},
	{from: "", never: []string{"deploy/cluster"}, except: nil,
		why: "only bench, the local cluster and tests start clusters"},
}

// mayStartClusters are the folders to which the last direction does not apply.
var mayStartClusters = []string{"bench", "deploy"}

func under(path, dir string) bool {
	return dir == "" || path == dir || strings.HasPrefix(path, dir+"/")
}

// violations reads every .go file below root, so that a result is never
// answered from the test cache after a change.
func violations(t *testing.T, root string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != root && (name == "testdata" || name == "tools" || strings.HasPrefix(name, ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(rel))
		for _, spec := range file.Imports {
			imported, local := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module)
			if !local {
				continue
			}
			for _, d := range directions {
				if !under(dir, d.from) || imported == dir ||
					strings.HasSuffix(path, "_test.go") && !d.tests ||
					d.from == "" && slices.ContainsFunc(mayStartClusters, func(m string) bool { return under(dir, m) }) {
					continue
				}
				bad := slices.ContainsFunc(d.never, func(n string) bool { return under(imported, n) })
				allowed := slices.ContainsFunc(d.except, func(e string) bool { return under(imported, e) })
				if bad && !allowed {
					found = append(found, fmt.Sprintf("%s imports %s: %s", filepath.ToSlash(rel), imported, d.why))
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestImportDirections(t *testing.T) {
	for _, v := range violations(t, "../..") {
		t.Error(v)
	}
}

func TestImportDirectionsCanFail(t *testing.T) {
	found := violations(t, "testdata/turned")
	if len(found) != 2 {
		t.Fatalf("planted violations: found %d, want 2: %q", len(found), found)
	}
	for i, want := range []string{"node/host/host.go imports gateway/edge", "pkg/ring/ring.go imports node/table"} {
		if !strings.HasPrefix(found[i], want) {
			t.Errorf("violation %d is %q, want %q…", i, found[i], want)
		}
	}
}

func TestTopLevel(t *testing.T) {
	want := []string{"bin", "CHANGELOG.md", "DESIGN.md", "LICENSE", "README.md", "bench",
		"deploy", "gateway", "go.mod", "go.sum", "node", "pkg", "registry"}
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(want, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}
