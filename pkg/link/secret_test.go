package link

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoadSecret(t *testing.T) {
	write := func(text string, mode os.FileMode) string {
		file := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return file
	}
	good := strings.Repeat("a1", 32)
	secret, err := LoadSecret(write(good+"\n", 0o600))
	if err != nil || !bytes.Equal(secret, bytes.Repeat([]byte{0xa1}, 32)) {
		t.Fatalf("a valid file: %x, %v", secret, err)
	}
	for name, file := range map[string]string{
		"open to others": write(good, 0o644),
		"too short":      write("a1a1", 0o600),
		"not hex":        write(strings.Repeat("zz", 32), 0o600),
		"not there":      filepath.Join(t.TempDir(), "none"),
	} {
		secret, err := LoadSecret(file)
		if err == nil || secret != nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if strings.Contains(err.Error(), good) || strings.Contains(err.Error(), "a1a1") {
			t.Errorf("%s: the error shows the secret: %v", name, err)
		}
	}
}
