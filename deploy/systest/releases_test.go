package systest

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/proto"

	"teahouse/bench/logs"
	"teahouse/node/table"
	"teahouse/pkg/game"
	"teahouse/pkg/gomoku"
	"teahouse/pkg/gormstore"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/wire/wirepb"
)

const (
	releasesFile = "../RELEASES"
	fixtures     = "testdata/releases"
	fixtureBound = 1 << 20 // bytes of one
)

// release is a line of deploy/RELEASES.
type release struct{ name, commit string }

func (r release) fixture() string { return filepath.Join(fixtures, r.name+".tar.zst") }

var releaseLine = regexp.MustCompile(`^([a-z0-9][a-z0-9.-]*) ([0-9a-f]{40})$`)

func parseReleases(text string) (list []release, err error) {
	if text != "" && !strings.HasSuffix(text, "\n") {
		return nil, errors.New("the last line does not end")
	}
	for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := releaseLine.FindStringSubmatch(line)
		switch {
		case parts == nil:
			return nil, fmt.Errorf("line %d: want a name and a full commit id, got %q", n+1, line)
		case slices.ContainsFunc(list, func(r release) bool { return r.name == parts[1] || r.commit == parts[2] }):
			return nil, fmt.Errorf("line %d: %q names a release a second time", n+1, line)
		}
		list = append(list, release{parts[1], parts[2]})
	}
	return list, nil
}

// TestReleases checks that the list can be read, and that each release has its fixture and
// is part of the history.
func TestReleases(t *testing.T) {
	text, err := os.ReadFile(releasesFile)
	if err != nil {
		t.Fatal(err)
	}
	list, err := parseReleases(string(text))
	if err != nil {
		t.Fatalf("deploy/RELEASES: %v", err)
	}
	for _, r := range list {
		if got := unpackFixture(t, r.fixture()).release; got != r {
			t.Errorf("the fixture of %s %s is that of %s %s", r.name, r.commit, got.name, got.commit)
		}
	}
	if shallow, err := exec.Command("git", "rev-parse", "--is-shallow-repository").Output(); err != nil || strings.TrimSpace(string(shallow)) != "false" {
		t.Log("without the history nobody knows whether the commits are in it")
		return
	}
	for _, r := range list {
		if out, err := exec.Command("git", "merge-base", "--is-ancestor", r.commit, "HEAD").CombinedOutput(); err != nil {
			t.Errorf("%s is not in the history: %v %s", r.commit, err, out)
		}
	}
}

func TestParseReleases(t *testing.T) {
	a, b := strings.Repeat("a", 40), strings.Repeat("b", 40)
	got, err := parseReleases("# first\n\n0.1.0 " + a + "\n0.2.0-rc.1 " + b + "\n")
	if want := []release{{"0.1.0", a}, {"0.2.0-rc.1", b}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{
		"0.1.0\n", "0.1.0 " + a[1:] + "\n", "0.1.0  " + a + "\n", " 0.1.0 " + a + "\n", "0.1.0 " + a + " \n", "0.1.0 " + a + "\r\n",
		"V1 " + a + "\n", "../x " + a + "\n", "-x " + a + "\n", "0.1.0 " + strings.ToUpper(a) + "\n", "0.1.0 " + a,
		"0.1.0 " + a + "\n0.1.0 " + b + "\n", "0.1.0 " + a + "\n0.2.0 " + a + "\n",
	} {
		if got, err := parseReleases(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

// TestFixtureArguments calls the script that makes fixtures as one should not.
func TestFixtureArguments(t *testing.T) {
	if err := exec.Command("git", "rev-parse", "--verify", "HEAD").Run(); err != nil {
		t.Logf("no repository, no commits to choose from: %v", err)
		return
	}
	for says, args := range map[string][]string{
		"want two arguments":    {"0.1.0"},
		"is no commit":          {"0.1.0", "no-such-revision"},
		"the name 'V 1' is not": {"V 1", "HEAD"},
		"is there already":      {"before-levels", "HEAD"},
	} {
		out, err := exec.Command("bash", append([]string{"../tools/fixture.sh"}, args...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), says) {
			t.Errorf("%q: %v, %s", args, err, out)
		}
	}
}

// fixture is an unpacked one.
type fixture struct {
	release
	data  string // the cluster's folder
	moves []logs.Move
}

// unpackFixture unpacks a fixture into a folder that goes with the test.
func unpackFixture(t *testing.T, file string) fixture {
	t.Helper()
	dir := t.TempDir()
	if err := unpack(file, dir); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	line, err := os.ReadFile(filepath.Join(dir, "release"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := parseReleases(string(line))
	if err != nil || len(list) != 1 || list[0].fixture() != file {
		t.Fatalf("%s says that it is %v, %v", file, list, err)
	}
	acknowledged, err := os.Open(filepath.Join(dir, "moves"))
	if err != nil {
		t.Fatal(err)
	}
	defer acknowledged.Close()
	moves, err := logs.ReadMoves(acknowledged)
	if err != nil {
		t.Fatal(err)
	}
	return fixture{list[0], filepath.Join(dir, "data"), moves}
}

func unpack(file, dir string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() > fixtureBound {
		return fmt.Errorf("%d bytes are more than %d: %w", info.Size(), fixtureBound, err)
	}
	z, err := zstd.NewReader(f)
	if err != nil {
		return err
	}
	defer z.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case h.Typeflag == tar.TypeDir:
			err = root.MkdirAll(h.Name, 0o700)
		case h.Typeflag == tar.TypeReg:
			var out *os.File
			if out, err = root.OpenFile(h.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fs.FileMode(h.Mode).Perm()); err == nil {
				_, err = io.Copy(out, r)
				err = errors.Join(err, out.Close())
			}
		default:
			err = fmt.Errorf("%s is neither a file nor a folder", h.Name)
		}
		if err != nil {
			return err
		}
	}
}

// store opens the fixture's database, brought up to date.
func (f fixture) store(t *testing.T) *gormstore.Store {
	t.Helper()
	store, err := gormstore.Open(t.Context(), gormstore.Config{DSN: "sqlite:" + filepath.Join(f.data, "teahouse.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

func settlements(t *testing.T, store *gormstore.Store, clusterID string) []gormstore.Settlement {
	t.Helper()
	list, err := store.Settlements(t.Context(), clusterID, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// open are the tables of the acknowledged moves whose round has not ended, and who moved there.
func (f fixture) open(settled []gormstore.Settlement) map[game.TableID][]game.PlayerID {
	tables := make(map[game.TableID][]game.PlayerID)
	for _, m := range f.moves {
		if !slices.Contains(tables[m.Table], m.Player) {
			tables[m.Table] = append(tables[m.Table], m.Player)
		}
	}
	for _, s := range settled {
		if s.Last {
			delete(tables, s.Key.Table)
		}
	}
	return tables
}

// oldest is the table that had the most moves: its hand ends soonest.
func (f fixture) oldest(open map[game.TableID][]game.PlayerID) (oldest game.TableID) {
	moves := make(map[game.TableID]int)
	for _, m := range f.moves {
		moves[m.Table]++
	}
	for id := range open {
		if moves[id] > moves[oldest] || moves[id] == moves[oldest] && id > oldest {
			oldest = id
		}
	}
	return oldest
}

func eachFixture(t *testing.T, test func(t *testing.T, file string)) {
	files, err := filepath.Glob(filepath.Join(fixtures, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".tar.zst"), func(t *testing.T) { test(t, file) })
	}
}

// TestFixturesRead reads all that a fixture holds, without a cluster: snapshots, logs with
// every acknowledged move in them, and the archives (the newest, in a usual test run), which must
// replay to the settled scores.
func TestFixturesRead(t *testing.T) {
	eachFixture(t, func(t *testing.T, file string) {
		f := unpackFixture(t, file)
		f.equalReplicas(t)
		nodes, err := filepath.Glob(filepath.Join(f.data, "node-*"))
		if err != nil || len(nodes) != 3 {
			t.Fatalf("nodes %v, %v", nodes, err)
		}
		for _, node := range nodes {
			l, err := raftgroup.OpenLogs(node)
			if err != nil {
				t.Fatal(err)
			}
			groups := slices.Sorted(maps.Keys(l.Snapshots()))
			if len(groups) < 2 || groups[0] != raftgroup.Coordinator || l.Snapshots()[groups[1]] == 0 {
				t.Errorf("%s has snapshots of %v", node, groups)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
		store := f.store(t)
		birth, err := store.Born(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		settled := settlements(t, store, birth.Cluster)
		if open := f.open(settled); len(settled) == 0 || len(open) == 0 {
			t.Errorf("%d hands are settled, tables %v in play: want some of both", len(settled), open)
		}
		if os.Getenv("TEAHOUSE_SLOW") == "" {
			settled = settled[len(settled)-min(len(settled), 20):]
		}
		for _, s := range settled {
			if err := replays(t, store, s); err != nil {
				t.Fatalf("%v: %v", s.Key, err)
			}
		}
	})
}

// equalReplicas compares the replicas' logs, and looks for the acknowledged moves in them.
func (f fixture) equalReplicas(t *testing.T) {
	t.Helper()
	r, err := logs.Check(t.Context(), logs.Config{Data: f.data, Moves: f.moves})
	if err != nil || !r.Clean() || len(r.Servers) != 3 || r.Moves.Found == 0 {
		t.Errorf("the logs differ, or lack moves: %+v, %v", r, err)
	}
	for _, g := range r.Groups {
		if g.Replicas != 3 || g.Compared == 0 {
			t.Errorf("group %d: %+v", g.Group, g)
		}
	}
}

// replays plays a settled hand again, by the rules of today.
func replays(t *testing.T, store *gormstore.Store, s gormstore.Settlement) error {
	i := slices.IndexFunc(s.Players, func(id game.PlayerID) bool { return id != 0 })
	if i < 0 {
		return errors.New("no player sat there")
	}
	archive, err := store.Archive(t.Context(), s.Key, s.Players[i])
	if err != nil {
		return err
	}
	g := gomoku.New()
	if len(s.Players) == 4 {
		if g, err = tablegame.New(tablegame.Config{}); err != nil {
			return err
		}
	}
	streams, err := table.Replay(archive, g, nil)
	if err != nil {
		return err
	}
	for seat, stream := range streams {
		var scores []int64
		for _, e := range stream {
			var m wirepb.TableEvent
			if err := proto.Unmarshal(e.Payload, &m); err != nil {
				return err
			}
			if m.GetHandEnded() != nil {
				scores = m.GetHandEnded().GetScores()
			}
		}
		if !slices.Equal(scores, s.Scores) {
			return fmt.Errorf("seat %d is told the scores %v, settled are %v", seat, scores, s.Scores)
		}
	}
	return nil
}
