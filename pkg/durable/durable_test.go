package durable_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"teahouse/pkg/durable"
)

// alone fails if anything but the named files is in dir.
func alone(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(names) {
		t.Fatalf("the folder holds %v, %v; want %v", entries, err, names)
	}
	for i, e := range entries {
		if e.Name() != names[i] {
			t.Errorf("the folder holds %v, want %v", e.Name(), names[i])
		}
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	for mode, text := range map[fs.FileMode]string{0o600: "first", 0o644: "second, and longer", 0o640: ""} {
		if err := durable.Replace(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		info, statErr := os.Stat(name)
		if err != nil || statErr != nil || string(got) != text || info.Mode().Perm() != mode {
			t.Errorf("%q in mode %v, %v, %v; want %q in %v", got, info.Mode(), err, statErr, text, mode)
		}
	}
	alone(t, dir, "a")
}

// TestReplaceIsWhole reads while others write: what is read is always one of the contents.
func TestReplaceIsWhole(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a")
	contents := [][]byte{bytes.Repeat([]byte("x"), 100_000), bytes.Repeat([]byte("y"), 50_000)}
	if err := durable.Replace(name, contents[0], 0o600); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var writing atomic.Int32
	for _, c := range contents {
		writing.Add(1)
		wg.Go(func() {
			defer writing.Add(-1)
			for range 20 {
				if err := durable.Replace(name, c, 0o600); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for writing.Load() > 0 {
		got, err := os.ReadFile(name)
		if err != nil || !bytes.Equal(got, contents[0]) && !bytes.Equal(got, contents[1]) {
			t.Fatalf("read %d bytes, %v", len(got), err)
		}
	}
	wg.Wait()
}

func TestReplaceFails(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "a")
	if err := os.MkdirAll(filepath.Join(folder, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := durable.Replace(folder, []byte("x"), 0o600); err == nil {
		t.Error("a folder was replaced")
	}
	alone(t, dir, "a")
	if err := durable.Replace(filepath.Join(dir, "none", "a"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	var wg sync.WaitGroup
	var made atomic.Pointer[string]
	for i := range 8 {
		wg.Go(func() {
			text := fmt.Sprintf("of %d", i)
			switch err := durable.Create(name, []byte(text), 0o600); {
			case err == nil:
				if !made.CompareAndSwap(nil, &text) {
					t.Error("two have made the file")
				}
			case !errors.Is(err, fs.ErrExist):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := os.ReadFile(name)
	if err != nil || made.Load() == nil || string(got) != *made.Load() {
		t.Errorf("the file holds %q, %v", got, err)
	}
	alone(t, dir, "a")
}
