package cpu

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	text := "42 (a (b) c) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 9 0 100 1 2"
	if got, err := parseStat([]byte(text)); err != nil || got != 2*time.Second {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "42 (x) S", strings.Replace(text, "150", "x", 1)} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestProcess(t *testing.T) {
	for until := Self() + 50*time.Millisecond; Self() < until; {
	}
	if got, err := Process(os.Getpid()); err != nil || got < 30*time.Millisecond { // ticks are of 10 ms
		t.Errorf("%v, %v", got, err)
	}
	if _, err := Process(1 << 30); err == nil {
		t.Error("a process that is not there has used time")
	}
}
