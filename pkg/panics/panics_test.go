package panics_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"teahouse/pkg/panics"
)

type hidden struct{ tiles string }

func deal(value any) { panic(value) }

// clean calls what panics from a deferred function, as code that cleans up does.
func clean(value any) {
	defer func() { deal(value) }()
}

func TestTry(t *testing.T) {
	failure := errors.New("failure")
	for _, want := range []error{nil, failure} {
		if err := panics.Try(func() error { return want }); err != want {
			t.Errorf("%v became %v", want, err)
		}
	}
	var none []int
	for name, c := range map[string]struct {
		f    func()
		kind string
		from string
	}{
		"a text":           {func() { deal("9m 9m 9m") }, "panicked with a string", "panics_test.deal"},
		"an error":         {func() { deal(fmt.Errorf("seed %s", "9m")) }, "panicked with a *", ""},
		"a value":          {func() { deal(hidden{"9m"}) }, "panicked with a panics_test.hidden", "panics_test.deal"},
		"of the runtime":   {func() { none[len("9m")] = 1 }, "panicked with runtime error: index out of range [2] with length 0", "panics_test.TestTry"},
		"while cleaning":   {func() { clean(hidden{"9m"}) }, "panicked with a panics_test.hidden", "panics_test.clean"},
		"nil":              {func() { deal(nil) }, "panicked with panic called with nil argument", "panics_test.deal"},
		"of a second time": {func() { defer func() { deal(recover()) }(); deal("9m") }, "panicked with a string", "panics_test.deal"},
	} {
		err := panics.Try(func() error { c.f(); return nil })
		caught, is := errors.AsType[*panics.Panic](err)
		if !is {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := caught.Error()
		first, frames, _ := strings.Cut(text, "\n")
		if !strings.HasPrefix(first, c.kind) || !strings.Contains(frames, c.from) || !strings.Contains(frames, "panics_test.go:") {
			t.Errorf("%s: %s", name, text)
		}
		if strings.Contains(text, "9m") || strings.Contains(frames, "runtime.") || strings.Contains(frames, "panics.Describe") {
			t.Errorf("%s says too much: %s", name, text)
		}
	}
}
