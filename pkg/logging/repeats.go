package logging

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	// window is how long lines that are equal to one that was written are counted only.
	window = 10 * time.Second
	// maxKinds bounds the different lines that are remembered; beyond it lines are written
	// as they come.
	maxKinds = 256
	// maxKind is how many bytes of a line are compared; a longer one is written as it comes.
	maxKind = 4 << 10
)

// repeats counts equal warnings and errors, and writes the counts.
type repeats struct {
	seed    maphash.Seed
	timer   *time.Timer   // for the first of open
	ending  chan struct{} // closed by close
	done    chan struct{} // closed when run has ended
	closing sync.Once

	mu     sync.Mutex
	closed bool
	kinds  map[uint64]*kind
	open   []*kind // all kinds; whose window ends first comes first
}

// kind is one line within its window; guarded by repeats.mu.
type kind struct {
	hash uint64
	ends time.Time
	more int // beyond the line that was written
	last line
}

// line is what a repeated line is made of. No value in it changes any more, whoever owns what it
// was made of.
type line struct {
	handler *collapse
	level   slog.Level
	message string
	attrs   []slog.Attr
}

func newRepeats() *repeats {
	r := &repeats{
		seed: maphash.MakeSeed(), timer: time.NewTimer(window),
		ending: make(chan struct{}), done: make(chan struct{}), kinds: make(map[uint64]*kind),
	}
	go r.run() // ends with close
	return r
}

// count reports whether an equal line has been written in the window, so that l is only counted.
func (r *repeats) count(key []byte, l line) bool {
	hash := maphash.Bytes(r.seed, key)
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.kinds[hash]; k != nil {
		k.more++
		k.last = l
		return true
	}
	if !r.closed && len(key) <= maxKind && len(r.open) < maxKinds {
		k := &kind{hash: hash}
		r.kinds[hash] = k
		r.openLocked(k, time.Now())
	}
	return false
}

// openLocked begins a window; mu is held. All are of one length, so the new one ends last.
func (r *repeats) openLocked(k *kind, now time.Time) {
	k.ends, k.more, k.last = now.Add(window), 0, line{}
	if r.open = append(r.open, k); len(r.open) == 1 {
		r.timer.Reset(window)
	}
}

func (r *repeats) run() {
	defer close(r.done)
	defer r.timer.Stop()
	for {
		select {
		case now := <-r.timer.C:
			r.end(now, false)
		case <-r.ending:
			r.end(time.Now(), true)
			return
		}
	}
}

// end ends the windows that are over, or all and for good, and writes what was counted in them.
// What goes on gets another window.
func (r *repeats) end(now time.Time, all bool) {
	type sum struct {
		line
		more int
	}
	var sums []sum
	r.mu.Lock()
	r.closed = all
	for len(r.open) > 0 && (all || !r.open[0].ends.After(now)) {
		k := r.open[0]
		r.open = slices.Delete(r.open, 0, 1)
		if k.more > 0 {
			sums = append(sums, sum{k.last, k.more})
		}
		if k.more > 0 && !all {
			r.openLocked(k, now)
		} else {
			delete(r.kinds, k.hash)
		}
	}
	if len(r.open) > 0 {
		r.timer.Reset(r.open[0].ends.Sub(now))
	}
	r.mu.Unlock()
	for _, s := range sums {
		s.write(s.more)
	}
}

func (r *repeats) close() {
	r.closing.Do(func() { close(r.ending) })
	<-r.done
}

// write writes a line that came n times more; that stands before all else that it says, outside of
// the logger's groups.
func (l line) write(n int) {
	h := l.handler.root.WithAttrs([]slog.Attr{slog.Int("repeated", n)})
	for _, b := range l.handler.bound {
		if b.group != "" {
			h = h.WithGroup(b.group)
		} else {
			h = h.WithAttrs(b.attrs)
		}
	}
	r := slog.NewRecord(time.Now(), l.level, l.message, 0)
	r.AddAttrs(l.attrs...)
	h.Handle(context.Background(), r)
}

// collapse is a handler that passes on what is not repeated.
type collapse struct {
	next    slog.Handler // root with what is bound
	root    slog.Handler
	bound   []binding
	key     []byte // of bound
	repeats *repeats
}

// binding is what WithAttrs or WithGroup got.
type binding struct {
	attrs []slog.Attr // frozen
	group string
}

func (h *collapse) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h *collapse) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		l := line{handler: h, level: r.Level, message: r.Message, attrs: make([]slog.Attr, 0, r.NumAttrs())}
		key := strconv.AppendInt(append(make([]byte, 0, 256), h.key...), int64(r.Level), 10)
		key = strconv.AppendQuote(key, r.Message)
		r.Attrs(func(a slog.Attr) bool {
			a = freeze(a)
			key = appendKey(key, a)
			l.attrs = append(l.attrs, a)
			return true
		})
		if h.repeats.count(key, l) {
			return nil
		}
	}
	return h.next.Handle(ctx, r)
}

func (h *collapse) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	frozen := make([]slog.Attr, len(attrs))
	key := slices.Clone(h.key)
	for i, a := range attrs {
		frozen[i] = freeze(a)
		key = appendKey(key, frozen[i])
	}
	return h.with(h.next.WithAttrs(attrs), binding{attrs: frozen}, key)
}

func (h *collapse) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	key := append(strconv.AppendQuote(slices.Clone(h.key), name), '{')
	return h.with(h.next.WithGroup(name), binding{group: name}, key)
}

func (h *collapse) with(next slog.Handler, b binding, key []byte) slog.Handler {
	return &collapse{next: next, root: h.root, bound: append(slices.Clip(h.bound), b), key: key, repeats: h.repeats}
}

// freeze is a with a value that its owner cannot change.
func freeze(a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	switch a.Value.Kind() {
	case slog.KindAny:
		if text, ok := a.Value.Any().([]byte); ok {
			a.Value = slog.StringValue(string(text))
		} else {
			a.Value = slog.StringValue(fmt.Sprintf("%+v", a.Value.Any()))
		}
	case slog.KindGroup:
		group := slices.Clone(a.Value.Group())
		for i := range group {
			group[i] = freeze(group[i])
		}
		a.Value = slog.GroupValue(group...)
	}
	return a
}

// callersPorts are those of a connection in an error's text; the side that dialled has a new one
// each time.
var callersPorts = regexp.MustCompile(`:[0-9]+->(\S+):[0-9]+`)

// callersPort is that of an address in the attribute from.
var callersPort = regexp.MustCompile(`:[0-9]+$`)

// appendKey adds what of a frozen attribute tells lines apart: all but times, durations and the
// ports of callers.
func appendKey(key []byte, a slog.Attr) []byte {
	key = append(strconv.AppendQuote(append(key, ' '), a.Key), '=')
	switch a.Value.Kind() {
	case slog.KindTime, slog.KindDuration:
		return key
	case slog.KindGroup:
		key = append(key, '{')
		for _, inner := range a.Value.Group() {
			key = appendKey(key, inner)
		}
		return append(key, '}')
	}
	text := callersPorts.ReplaceAllString(a.Value.String(), "->$1")
	if a.Key == "from" {
		text = callersPort.ReplaceAllString(text, "")
	}
	return strconv.AppendQuote(key, text)
}
