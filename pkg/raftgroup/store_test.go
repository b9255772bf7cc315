package raftgroup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"
	"pgregory.net/rapid"
)

func mustOpenDisk(t testing.TB, dir string, cfg DiskConfig) *Disk {
	t.Helper()
	if cfg.Fatal == nil {
		cfg.Fatal = func(err error) { t.Errorf("log store failed: %v", err) }
	}
	d, err := OpenDisk(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func entry(index uint64, size int) *raft.Log {
	return &raft.Log{
		Index: index, Term: index/10 + 1, Type: raft.LogCommand,
		Data: []byte(strings.Repeat(fmt.Sprint(index%10), size)), AppendedAt: time.Unix(int64(index), 0),
	}
}

func sameEntry(a, b *raft.Log) bool {
	return a.Index == b.Index && a.Term == b.Term && a.Type == b.Type && string(a.Data) == string(b.Data) &&
		string(a.Extensions) == string(b.Extensions) && a.AppendedAt.Equal(b.AppendedAt)
}

// The log behaves like a slice.
func TestLogModel(t *testing.T) {
	d := mustOpenDisk(t, t.TempDir(), DiskConfig{})
	defer func() { d.Close() }()
	var group GroupID
	rapid.Check(t, func(t *rapid.T) {
		group++
		l := d.log(group)
		var model []*raft.Log
		next := rapid.Uint64Range(1, 1000).Draw(t, "first")
		t.Repeat(map[string]func(*rapid.T){
			"store": func(t *rapid.T) {
				var batch []*raft.Log
				for range rapid.IntRange(1, 5).Draw(t, "n") {
					e := entry(next, rapid.IntRange(0, 100).Draw(t, "size"))
					e.Extensions = []byte(rapid.String().Draw(t, "ext"))
					batch = append(batch, e)
					next++
				}
				if err := l.StoreLogs(batch); err != nil {
					t.Fatal(err)
				}
				model = append(model, batch...)
			},
			"hole": func(t *rapid.T) {
				if len(model) > 0 && l.StoreLog(entry(next+1, 1)) == nil {
					t.Fatal("a hole was stored")
				}
			},
			"delete prefix": func(t *rapid.T) {
				n := rapid.IntRange(0, len(model)).Draw(t, "n")
				if n == 0 {
					return
				}
				if err := l.DeleteRange(model[0].Index, model[n-1].Index); err != nil {
					t.Fatal(err)
				}
				model = model[n:]
			},
			"delete suffix": func(t *rapid.T) {
				n := rapid.IntRange(0, len(model)).Draw(t, "n")
				if n == 0 {
					return
				}
				at := len(model) - n
				next = model[at].Index
				if err := l.DeleteRange(next, model[len(model)-1].Index); err != nil {
					t.Fatal(err)
				}
				model = model[:at]
			},
			"": func(t *rapid.T) {
				var first, last uint64
				if len(model) > 0 {
					first, last = model[0].Index, model[len(model)-1].Index
				}
				if f, _ := l.FirstIndex(); f != first {
					t.Fatalf("first index %d, want %d", f, first)
				}
				if n, _ := l.LastIndex(); n != last {
					t.Fatalf("last index %d, want %d", n, last)
				}
				for _, e := range model {
					var got raft.Log
					if err := l.GetLog(e.Index, &got); err != nil || !sameEntry(e, &got) {
						t.Fatalf("entry %d is %+v, %v", e.Index, got, err)
					}
				}
				if err := l.GetLog(last+1, new(raft.Log)); err != raft.ErrLogNotFound {
					t.Fatalf("entry after the last: %v", err)
				}
			},
		})
	})
}

func TestStableStore(t *testing.T) {
	dir := t.TempDir()
	d := mustOpenDisk(t, dir, DiskConfig{Sync: true})
	l := d.log(3)
	if _, err := l.GetUint64([]byte(voteTermKey)); err == nil || err.Error() != "not found" {
		t.Fatalf("missing value: %v, raft looks for the text %q", err, "not found")
	}
	set := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	set(l.SetUint64([]byte("CurrentTerm"), 7))
	set(l.SetUint64([]byte(voteTermKey), 7))
	set(l.Set([]byte(voteCandidateKey), []byte("a")))
	set(l.SetUint64([]byte(voteTermKey), 8)) // the candidate is never stored
	if v, err := l.GetUint64([]byte(voteTermKey)); err != nil || v != 8 {
		t.Errorf("vote term %d, %v, want 8", v, err)
	}
	set(d.Close())
	d = mustOpenDisk(t, dir, DiskConfig{Sync: true})
	defer d.Close()
	l = d.log(3)
	if v, err := l.GetUint64([]byte("CurrentTerm")); err != nil || v != 7 {
		t.Errorf("term after reopening %d, %v, want 7", v, err)
	}
	if v, err := l.GetUint64([]byte(voteTermKey)); err != nil || v != 7 {
		t.Errorf("a vote without a candidate was stored: term %d, %v, want 7", v, err)
	}
	if v, err := l.Get([]byte(voteCandidateKey)); err != nil || string(v) != "a" {
		t.Errorf("vote for %q, %v, want a", v, err)
	}
}

// crashed copies a data folder in the state in which a killed process leaves it.
func crashed(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(to, "LOCK"))
	os.Remove(filepath.Join(to, logDir, "LOCK"))
	return to
}

// newestWAL returns the newest log file of a store.
func newestWAL(t testing.TB, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, logDir, "*.log"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no log file in %s: %v", dir, err)
	}
	slices.Sort(names)
	return names[len(names)-1]
}

// If the newest data is cut off at any byte of the last records, these records are lost and nothing
// before them, and the disk keeps its id.
func TestCutTail(t *testing.T) {
	dir := t.TempDir()
	d := mustOpenDisk(t, dir, DiskConfig{})
	defer d.Close()
	l := d.log(1)
	const last = 30
	var ends []int64 // ends[i] is the size of the data after entry i+1
	size := func() int64 {
		b, err := os.ReadFile(newestWAL(t, dir))
		if err != nil {
			t.Fatal(err)
		}
		n := len(b)
		for n > 0 && b[n-1] == 0 { // the file may end with preallocated zeros
			n--
		}
		return int64(n)
	}
	for i := range uint64(last) {
		if err := l.StoreLog(entry(i+1, 10)); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, size())
	}
	id := d.ID()
	step := int64(1)
	if raceEnabled {
		step = 7
	}
	for cut := ends[last-3]; cut <= ends[last-1]; cut += step {
		c := crashed(t, dir)
		if err := os.Truncate(newestWAL(t, c), cut); err != nil {
			t.Fatal(err)
		}
		want := uint64(0)
		for i, end := range ends {
			if end <= cut {
				want = uint64(i + 1)
			}
		}
		d := mustOpenDisk(t, c, DiskConfig{})
		if fresh, reason := d.Fresh(); fresh || d.ID() != id {
			t.Fatalf("cut at %d: the disk got a new id: %s", cut, reason)
		}
		// The last entry may be intact if only padding after it was cut off.
		if got, _ := d.log(1).LastIndex(); got != want && got != want+1 {
			t.Fatalf("cut at %d: last entry %d, want %d", cut, got, want)
		}
		if err := d.log(1).GetLog(want, new(raft.Log)); err != nil {
			t.Fatalf("cut at %d: entry %d: %v", cut, want, err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// After damage before the last intact record, the disk gets a new id.
func TestDamageBeforeTail(t *testing.T) {
	dir := t.TempDir()
	d := mustOpenDisk(t, dir, DiskConfig{Sync: true})
	defer d.Close()
	for i := range uint64(2000) {
		if err := d.log(1).StoreLog(entry(i+1, 100)); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range []float64{0.1, 0.5, 0.8, 0.99} {
		c := crashed(t, dir)
		name := newestWAL(t, c)
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b = bytes.TrimRight(b, "\x00")
		for i := range 20 {
			b[int(at*float64(len(b)))+i] ^= 0x55
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		lost := mustOpenDisk(t, c, DiskConfig{Sync: true})
		if fresh, _ := lost.Fresh(); !fresh || lost.ID() == d.ID() {
			n, _ := lost.log(1).LastIndex()
			t.Errorf("damage at %v of the log: the disk keeps its id and has %d entries", at, n)
		}
		if n, _ := lost.log(1).LastIndex(); n != 0 {
			t.Errorf("the new disk begins with %d entries", n)
		}
		if _, err := os.Stat(filepath.Join(c, lostPrefix+d.ID(), logDir)); err != nil {
			t.Errorf("the old state is not set aside: %v", err)
		}
		if err := lost.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Whatever is missing or cut short in a log store, the node starts: with all that it had, or as
// a new disk. Only the end of the newest write-ahead log may be lost unnoticed: a crash leaves it so.
func TestDamagedFiles(t *testing.T) {
	dir := t.TempDir()
	d := mustOpenDisk(t, dir, DiskConfig{Sync: true})
	defer d.Close()
	const last = 600
	for i := range uint64(last) {
		if err := d.log(1).StoreLog(entry(i+1, 100)); err != nil {
			t.Fatal(err)
		}
		if i == last/2 {
			if err := d.main.db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, err := os.ReadDir(filepath.Join(dir, logDir))
	if err != nil {
		t.Fatal(err)
	}
	tables, fresh := 0, 0
	for _, file := range files {
		for kind, damage := range map[string]func(name string, size int64) error{
			"gone":   func(name string, _ int64) error { return os.Remove(name) },
			"empty":  func(name string, _ int64) error { return os.Truncate(name, 0) },
			"halved": func(name string, size int64) error { return os.Truncate(name, size/2) },
			"cut":    func(name string, size int64) error { return os.Truncate(name, max(size-1, 0)) },
		} {
			c := crashed(t, dir)
			name := filepath.Join(c, logDir, file.Name())
			info, err := os.Stat(name)
			if errors.Is(err, os.ErrNotExist) {
				continue // a lock is not copied
			}
			if err != nil {
				t.Fatal(err)
			}
			newest := newestWAL(t, c) == name
			if err := damage(name, info.Size()); err != nil {
				t.Fatal(err)
			}
			got, err := OpenDisk(c, DiskConfig{Sync: true, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Errorf("%s %s: %v", file.Name(), kind, err)
				continue
			}
			n, _ := got.log(1).LastIndex()
			switch isNew, _ := got.Fresh(); {
			case isNew && n == 0:
				fresh++
			case isNew || n != last && !newest:
				t.Errorf("%s %s: a new disk: %v, with %d entries", file.Name(), kind, isNew, n)
			}
			if strings.HasSuffix(name, ".sst") {
				tables++
			}
			if err := got.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if tables == 0 || fresh == 0 {
		t.Errorf("%d times a table was damaged, %d times a disk was new", tables, fresh)
	}
}

func TestHoleIsDamage(t *testing.T) {
	dir := t.TempDir()
	d := mustOpenDisk(t, dir, DiskConfig{Sync: true})
	l := d.log(1)
	if err := l.StoreLogs([]*raft.Log{entry(5, 1), entry(6, 1)}); err != nil {
		t.Fatal(err)
	}
	id := d.ID()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	// No snapshot has entries 1 to 4.
	d = mustOpenDisk(t, dir, DiskConfig{Sync: true})
	defer d.Close()
	if fresh, reason := d.Fresh(); !fresh || d.ID() == id {
		t.Errorf("a log without its beginning was accepted (%s)", reason)
	}
}

// A failed write or sync is never reported as done, ends the process, and nothing works after it.
func TestWriteErrors(t *testing.T) {
	for _, kind := range []errorfs.OpKind{errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpFileSyncData} {
		var armed atomic.Bool
		var fatal atomic.Int32
		fs := errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if armed.Load() && op.Kind == kind && strings.HasSuffix(op.Path, ".log") {
				return errorfs.ErrInjected
			}
			return nil
		}))
		dir := t.TempDir()
		d, err := openDisk(dir, DiskConfig{Sync: true, Fatal: func(error) { fatal.Add(1) }}, fs)
		if err != nil {
			t.Fatal(err)
		}
		l := d.log(1)
		if err := l.StoreLog(entry(1, 10)); err != nil {
			t.Fatal(err)
		}
		armed.Store(true)
		err = l.StoreLog(entry(2, 10))
		armed.Store(false)
		if kind == errorfs.OpFileSync && err == nil {
			if err := d.Close(); err != nil { // this system syncs data only
				t.Error(err)
			}
			continue
		}
		if err == nil || fatal.Load() == 0 {
			t.Errorf("operation %v: error %v, fatal called %d times", kind, err, fatal.Load())
		}
		if n, _ := l.LastIndex(); n != 1 {
			t.Errorf("operation %v: last index %d, want 1", kind, n)
		}
		if err := l.StoreLog(entry(2, 10)); err == nil {
			t.Errorf("operation %v: a write after a failed one succeeded", kind)
		}
		if err := d.Close(); err == nil {
			t.Errorf("operation %v: the disk closed as if nothing had happened", kind)
		}
	}
}

func TestUncleanBoot(t *testing.T) {
	for _, tt := range []struct {
		name        string
		sync, clean bool
		boot        string
		fresh       bool
	}{
		{"sync", true, false, "other", false},
		{"nosync, same boot", false, false, bootID(), false},
		{"nosync, other boot", false, false, "other", true},
		{"nosync, other boot after a clean shutdown", false, true, "other", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			d := mustOpenDisk(t, dir, DiskConfig{Sync: tt.sync})
			old := d.ID()
			if err := d.log(1).StoreLog(entry(1, 1)); err != nil {
				t.Fatal(err)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			id := d.id
			id.Clean, id.Boot = tt.clean, tt.boot
			b, _ := json.Marshal(id)
			if err := os.WriteFile(filepath.Join(dir, identityFile), b, 0o600); err != nil {
				t.Fatal(err)
			}
			d = mustOpenDisk(t, dir, DiskConfig{Sync: tt.sync})
			defer d.Close()
			fresh, reason := d.Fresh()
			n, _ := d.log(1).LastIndex()
			if fresh != tt.fresh || (d.ID() != old) != tt.fresh || (n == 0) != tt.fresh {
				t.Errorf("fresh %v (%s), id changed %v, %d entries; want fresh %v", fresh, reason, d.ID() != old, n, tt.fresh)
			}
		})
	}
}

func TestDiskPolicy(t *testing.T) {
	dir := t.TempDir()
	d := mustOpenDisk(t, dir, DiskConfig{Sync: true})
	if _, err := OpenDisk(dir, DiskConfig{Sync: true}); err == nil {
		t.Error("a folder was opened twice")
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenDisk(dir, DiskConfig{}); !errors.Is(err, ErrDiskPolicy) {
		t.Errorf("a synced folder opened without syncing: %v, want ErrDiskPolicy", err)
	}
	// Changing the policy in the other direction loses nothing.
	dir = t.TempDir()
	d = mustOpenDisk(t, dir, DiskConfig{})
	if d.main == d.coordinator {
		t.Error("the coordinator shares a store that is not synced")
	}
	if err := errors.Join(d.log(Coordinator).StoreLog(entry(1, 1)), d.log(1).StoreLog(entry(1, 1)), d.Close()); err != nil {
		t.Fatal(err)
	}
	d = mustOpenDisk(t, dir, DiskConfig{Sync: true})
	defer d.Close()
	for _, id := range []GroupID{Coordinator, 1} {
		if n, _ := d.log(id).LastIndex(); n != 1 {
			t.Errorf("group %d has %d entries after the policy changed, want 1", id, n)
		}
	}
}

// Only the owner may read the files of a log.
func TestFileModes(t *testing.T) {
	c := newCluster(t, 1, false, nil)
	nd := c.nodes[0]
	nd.start(1, c.members()).campaign()
	nd.start(Coordinator, c.members()).campaign()
	c.fill(1, "a", 3)
	if err := nd.group(1).Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(nd.dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		want := os.FileMode(0o600)
		if e.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if path != nd.dir && e.Name() != "LOCK" && info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil || files < 5 {
		t.Errorf("walked %d files, error %v", files, err)
	}
}
