// Package panics makes errors of panics, and says of them only what anybody may read.
//
//	err := panics.Try(func() error { return settle(hand) })
//	if p, is := errors.AsType[*panics.Panic](err); is {
//		// the same input would panic again
//	}
//
// A panic's value may be made of hidden tiles or of a seed, and a whole trace shows the
// arguments of each call: neither is kept. The package catches nothing by itself: who runs
// what may panic decides what becomes of it. Everybody may import it.
package panics

import (
	"fmt"
	"runtime"
	"strings"
)

// Panic is a panic that Try has caught.
type Panic struct{ what string }

// Error says where it came from, over several lines, without the panic's value.
func (p *Panic) Error() string { return "panicked with " + p.what }

// Try runs f. The error is f's, or a *Panic.
func Try(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &Panic{Describe(value)}
		}
	}()
	return f()
}

// Describe says of what kind a panic's value is, and behind it, a line each, which
// functions it came through. Call it where the value was recovered, in the deferred
// function or below it.
func Describe(value any) string { return kind(value) + stack() }

// kind is all that may be said of a value. What the runtime itself panics with is about
// types, indexes and lengths.
func kind(value any) string {
	if err, is := value.(runtime.Error); is {
		return err.Error()
	}
	return fmt.Sprintf("a %T", value)
}

// stack names the functions below the newest panic.
func stack() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	var b strings.Builder
	for panicking, more := false, true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		switch internal := strings.HasPrefix(f.Function, "runtime."); {
		case f.Function == "runtime.gopanic":
			panicking = true
		case panicking && !internal:
			fmt.Fprintf(&b, "\n%s %s:%d", f.Function, f.File, f.Line)
		}
	}
	return b.String()
}
