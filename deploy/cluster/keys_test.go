package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"teahouse/pkg/link"
	"teahouse/pkg/token"
)

func TestMakeKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "keys")
	keys, err := MakeKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := link.LoadSecret(keys.Secret); err != nil {
		t.Error(err)
	}
	if _, err := token.LoadSigner(keys.Token); err != nil {
		t.Error(err)
	}
	if _, err := token.LoadVerifier(keys.TokenPublic); err != nil {
		t.Error(err)
	}
	for _, file := range []string{keys.Secret, keys.Token} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
	// If one of the files exists, even as a broken link, none is made.
	for _, there := range []string{keys.Secret, keys.Token, keys.TokenPublic} {
		other := t.TempDir()
		if err := os.Symlink("nowhere", filepath.Join(other, filepath.Base(there))); err != nil {
			t.Fatal(err)
		}
		if _, err := MakeKeys(other); !errors.Is(err, os.ErrExist) {
			t.Errorf("with a %s: %v", filepath.Base(there), err)
		}
		if entries, err := os.ReadDir(other); err != nil || len(entries) != 1 {
			t.Errorf("left behind: %v, %v", entries, err)
		}
	}
	if _, err := MakeKeys(""); err == nil {
		t.Error("no folder is fine")
	}
}

// TestNoHome: without a folder for the state file, the error says what to do.
func TestNoHome(t *testing.T) {
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	const says = "name a file: --state FILE"
	if _, err := Open(""); err == nil || !strings.Contains(err.Error(), says) {
		t.Error(err)
	}
	if _, err := New(Config{Executable: "x"}); err == nil || !strings.Contains(err.Error(), says) {
		t.Error(err)
	}
}
