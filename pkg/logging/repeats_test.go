package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"testing/synctest"
	"time"
)

// lines are what has been written, without the times.
func (g *gate) lines() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var lines []string
	for line := range strings.Lines(g.text.String()) {
		_, line, _ = strings.Cut(line, " ")
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// faked runs f with a log in fake time; wrote wants that just these lines were written since it
// was called last.
func faked(t *testing.T, f func(t *testing.T, l *Log, wrote func(want ...string))) {
	synctest.Test(t, func(t *testing.T) {
		g := new(gate)
		l, err := Open(Config{Out: g, Level: slog.LevelDebug})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		seen := 0
		f(t, l, func(want ...string) {
			t.Helper()
			synctest.Wait()
			lines := g.lines()
			if got := strings.Join(lines[seen:], "\n"); got != strings.Join(want, "\n") {
				t.Errorf("written:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
			}
			seen = len(lines)
		})
	})
}

func TestRepeats(t *testing.T) {
	faked(t, func(t *testing.T, l *Log, wrote func(want ...string)) {
		beat := func(group int, d time.Duration) { l.Warn("no heartbeat", "group", group, "backoff", d) }
		beat(4, time.Second)
		wrote(`level=WARN msg="no heartbeat" group=4 backoff=1s`) // at once
		for i := range 8 {
			time.Sleep(time.Second)
			beat(4, time.Duration(i)*time.Second)
		}
		wrote()
		beat(5, time.Second)
		wrote(`level=WARN msg="no heartbeat" group=5 backoff=1s`)
		time.Sleep(2*time.Second - 1)
		wrote()
		time.Sleep(time.Nanosecond)
		wrote(`level=WARN msg="no heartbeat" repeated=8 group=4 backoff=7s`)

		// What goes on is said once a window, and the last word is not lost.
		time.Sleep(time.Second / 2)
		for range 15 {
			beat(4, time.Minute)
			time.Sleep(time.Second)
		}
		wrote(`level=WARN msg="no heartbeat" repeated=10 group=4 backoff=1m0s`)
		time.Sleep(window)
		wrote(`level=WARN msg="no heartbeat" repeated=5 group=4 backoff=1m0s`)

		// What has been quiet for a window is news again.
		time.Sleep(window)
		wrote()
		beat(4, time.Second)
		wrote(`level=WARN msg="no heartbeat" group=4 backoff=1s`)
		beat(4, time.Second)
		l.Close()
		wrote(`level=WARN msg="no heartbeat" repeated=1 group=4 backoff=1s`)
		beat(4, time.Second)
		beat(4, time.Second)
		if wrote(); l.Lost() != 2 {
			t.Errorf("%d lost, want the two after the end", l.Lost())
		}
	})
}

// TestEqual: what counts as a repetition, and what does not.
func TestEqual(t *testing.T) {
	type lines []func(l *slog.Logger)
	warn := func(args ...any) func(*slog.Logger) { return func(l *slog.Logger) { l.Warn("w", args...) } }
	reset := func(from, to int) error {
		return fmt.Errorf("read tcp 10.0.0.1:%d->[fe80::1]:%d: connection reset", from, to)
	}
	for name, c := range map[string]struct {
		same  bool
		lines lines
	}{
		"the same":        {true, lines{warn("a", 1), warn("a", 1)}},
		"times":           {true, lines{warn("at", time.Unix(1, 0)), warn("at", time.Unix(2, 0))}},
		"durations":       {true, lines{warn("for", time.Second), warn("for", time.Minute)}},
		"inside groups":   {true, lines{warn(slog.Group("g", "for", time.Second, "a", 1)), warn(slog.Group("g", "for", time.Minute, "a", 1))}},
		"equal errors":    {true, lines{warn("e", errors.New("no")), warn("e", errors.New("no"))}},
		"callers' ports":  {true, lines{warn("e", reset(1, 7)), warn("e", reset(2, 8))}},
		"callers":         {true, lines{warn("from", "10.0.0.1:1"), warn("from", "10.0.0.1:2")}},
		"bound the same":  {true, lines{func(l *slog.Logger) { l.With("p", 1).Error("w") }, func(l *slog.Logger) { l.With("p", 1).Error("w") }}},
		"groups the same": {true, lines{func(l *slog.Logger) { l.WithGroup("g").Error("w", "a", 1) }, func(l *slog.Logger) { l.WithGroup("g").Error("w", "a", 1) }}},

		"messages":        {false, lines{func(l *slog.Logger) { l.Warn("v") }, func(l *slog.Logger) { l.Warn("w") }}},
		"levels":          {false, lines{func(l *slog.Logger) { l.Warn("w") }, func(l *slog.Logger) { l.Error("w") }}},
		"values":          {false, lines{warn("a", 1), warn("a", 2)}},
		"keys":            {false, lines{warn("a", 1), warn("b", 1)}},
		"more attributes": {false, lines{warn("a", 1), warn("a", 1, "b", 2)}},
		"errors":          {false, lines{warn("e", errors.New("no")), warn("e", errors.New("never"))}},
		"addresses":       {false, lines{warn("addr", "10.0.0.1:1"), warn("addr", "10.0.0.1:2")}},
		"hosts of calls":  {false, lines{warn("from", "10.0.0.1:1"), warn("from", "10.0.0.2:1")}},
		"inner values":    {false, lines{warn(slog.Group("g", "a", 1)), warn(slog.Group("g", "a", 2))}},
		"cut differently": {false, lines{warn("a", "1\" \"b\"=\"2"), warn("a", "1", "b", "2")}},
		"bound":           {false, lines{func(l *slog.Logger) { l.With("p", 1).Warn("w") }, func(l *slog.Logger) { l.With("p", 2).Warn("w") }}},
		"groups":          {false, lines{func(l *slog.Logger) { l.WithGroup("g").Warn("w", "a", 1) }, func(l *slog.Logger) { l.Warn("w", "a", 1) }}},
		"what is no news": {false, lines{func(l *slog.Logger) { l.Info("w") }, func(l *slog.Logger) { l.Info("w") }}},
		"debugging":       {false, lines{func(l *slog.Logger) { l.Debug("w") }, func(l *slog.Logger) { l.Debug("w") }}},
		"long lines":      {false, lines{warn("a", strings.Repeat("x", maxKind)), warn("a", strings.Repeat("x", maxKind))}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := new(gate)
				l, err := Open(Config{Out: g, Level: slog.LevelDebug})
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				for _, log := range c.lines {
					log(l.Logger)
				}
				synctest.Wait()
				if n := len(g.lines()); n != 1 && c.same || n != 2 && !c.same {
					t.Errorf("%q", g.lines())
				}
			})
		})
	}
}

// TestRepeatedLine: the line that counts is the same one, wherever its attributes come from, and
// says what held when it was logged.
func TestRepeatedLine(t *testing.T) {
	faked(t, func(t *testing.T, l *Log, wrote func(want ...string)) {
		owned := map[string]int{"n": 1}
		log := l.With("p", 1, "m", owned).WithGroup("g").With("q", 2, "since", time.Second).WithGroup("h")
		for range 2 {
			log.Error("w", "a", owned, "err", errors.New("no"), "b", []byte("a text"), slog.Group("i", "x", 1))
		}
		owned["n"] = 2
		l.Close()
		line := `level=ERROR msg=w%s p=1 m=map[n:1] g.q=2 g.since=1s g.h.a=map[n:1] g.h.err=no g.h.b="a text" g.h.i.x=1`
		wrote(fmt.Sprintf(line, ""), fmt.Sprintf(line, " repeated=1"))
	})
}

// TestSiblings: loggers made from one logger keep apart, and what a caller passes stays his.
func TestSiblings(t *testing.T) {
	faked(t, func(t *testing.T, l *Log, wrote func(want ...string)) {
		parent := l.Logger
		for i := range 5 { // whatever the capacities of slices then are
			parent = parent.With("p", i)
			one, two := parent.With("x", 1), parent.With("y", 2)
			for range 2 {
				one.Warn("w")
				two.Warn("w")
			}
		}
		l.Close()
		var first, again []string
		bound := ""
		for i := range 5 {
			bound += fmt.Sprintf(" p=%d", i)
			first = append(first, "level=WARN msg=w"+bound+" x=1", "level=WARN msg=w"+bound+" y=2")
			again = append(again, "level=WARN msg=w repeated=1"+bound+" x=1", "level=WARN msg=w repeated=1"+bound+" y=2")
		}
		wrote(append(first, again...)...)

		group := slog.Group("g", "any", struct{}{})
		l.Warn("w", group)
		if kind := group.Value.Group()[0].Value.Kind(); kind != slog.KindAny {
			t.Errorf("the caller's value has become a %v", kind)
		}
	})
}

// TestManyKinds: beyond the bound lines are written as they come, and nobody is forgotten for them.
func TestManyKinds(t *testing.T) {
	faked(t, func(t *testing.T, l *Log, wrote func(want ...string)) {
		var want []string
		for i := range maxKinds {
			l.Warn("w", "i", i)
			want = append(want, fmt.Sprintf("level=WARN msg=w i=%d", i))
		}
		wrote(want...)
		l.Warn("more")
		l.Warn("more")
		l.Warn("w", "i", 0)
		wrote("level=WARN msg=more", "level=WARN msg=more")
		watched := func() int {
			l.repeats.mu.Lock()
			defer l.repeats.mu.Unlock()
			return max(len(l.repeats.kinds), len(l.repeats.open))
		}
		if n := watched(); n != maxKinds {
			t.Errorf("%d are watched", n)
		}
		time.Sleep(window)
		wrote("level=WARN msg=w repeated=1 i=0")
		l.Warn("more")
		l.Warn("more")
		wrote("level=WARN msg=more")
		time.Sleep(2 * window)
		wrote("level=WARN msg=more repeated=1")
		if n := watched(); n != 0 {
			t.Errorf("%d are watched long after the last line", n)
		}
	})
}

// TestEveryLineCounts: whatever many goroutines log, at whatever times, all of it is written or
// counted, and nothing waits for longer than a window.
func TestEveryLineCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := new(gate)
		l, err := Open(Config{Out: g, Format: JSON})
		if err != nil {
			t.Fatal(err)
		}
		const loggers, each, kinds = 8, 300, 5
		var wg sync.WaitGroup
		for i := range loggers {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(i), 1))
				log := l.With("process", "p")
				for range each {
					log.Warn("w", "kind", r.IntN(kinds), "for", time.Duration(r.IntN(1000)))
					time.Sleep(time.Duration(r.ExpFloat64() * float64(2*time.Second)))
				}
			})
		}
		wg.Wait()
		l.Close()
		sum, written := 0, 0
		for line := range strings.Lines(g.text.String()) {
			var said struct {
				Repeated int
				Kind     *int
			}
			if err := json.Unmarshal([]byte(line), &said); err != nil || said.Kind == nil {
				t.Fatalf("%s: %v", line, err)
			}
			sum += max(said.Repeated, 1)
			written++
		}
		if sum != loggers*each || written > loggers*each/4 {
			t.Errorf("%d lines speak of %d, want %d", written, sum, loggers*each)
		}
	})
}

// TestNoteInAValue: a value that logs when it is asked does not hang the log.
func TestNoteInAValue(t *testing.T) {
	faked(t, func(t *testing.T, l *Log, wrote func(want ...string)) {
		l.Warn("w", "v", chatty{l.Logger})
		l.Warn("w", "v", chatty{l.Logger})
		wrote("level=WARN msg=inner", "level=WARN msg=w v=value")
		l.Close()
		wrote("level=WARN msg=inner repeated=2", "level=WARN msg=w repeated=1 v=value")
	})
}

type chatty struct{ log *slog.Logger }

func (c chatty) LogValue() slog.Value {
	c.log.Warn("inner")
	return slog.StringValue("value")
}

// TestHandler: the log keeps what slog asks of handlers.
func TestHandler(t *testing.T) {
	var out bytes.Buffer
	var l *Log
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		out.Reset()
		l = open(t, Config{Out: &out, Format: JSON})
		return l.Handler()
	}, func(t *testing.T) map[string]any {
		l.Close()
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		return line
	})
}
