package vectors

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the format does not know is refused, wherever it stands.
func TestUnknownMembers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "frames.json")
	for text, want := range map[string]string{
		`{"max_frame": 9, "frames": [{"name": "a", "hex": "00", "envelope": {}}]}`:         "",
		`{"max_frame": 9, "frame": []}`:                                                    `unknown field "frame"`,
		`{"frames": [{"name": "a", "hx": "00"}]}`:                                          `unknown field "hx"`,
		`{"frames": [{"name": "a", "holds": [{"field": "x", "holds": [{"name": "y"}]}]}]}`: `unknown field "name"`,
		`{"frames": [{"name": "a", "hex": "0"}]}`:                                          "odd length",
		`{"max_frame": 9, "max_frame": 10}`:                                                `"max_frame" comes twice`,
		`{"frames": [{"name": "a", "envelope": {"ping": {}, "ping": {}}}]}`:                `"ping" comes twice`,
		`{"max_frame": 9} {}`:                                                              "more than one value",
		`{"max_frame": `:                                                                   "unexpected EOF",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := ReadFrames(path)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// Written and read again, vectors are the same.
func TestWrite(t *testing.T) {
	all, err := ReadFrames("frames.json")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "frames.json")
	if err := Write(path, all); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("frames.json")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != string(want) {
		t.Errorf("the file differs from what was read: %v", err)
	}
}
