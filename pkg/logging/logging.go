// Package logging makes the log of a process:
//
//	log, err := logging.Open(logging.Config{Level: slog.LevelInfo, File: "/var/log/teahouse/node-1.log"})
//	log.Info("cluster", "id", id)
//	defer log.Close()
//
// A line goes into a bounded queue and from there, by one goroutine, to the file or to
// standard error. So whoever logs never waits: not for a slow disk, a full one, a pipe that
// nobody reads or one that is closed. Lines that could not be queued or written are counted,
// and the count is a line of its own once writing works again.
//
// A log file may be renamed, truncated or deleted at any time; the next line goes to the
// file that then has the name. Reopen does the same at once.
//
// A warning or an error that is repeated is written once at once; what is equal to it within the
// next 10 s is counted, and then one line says how often it came, with the values that it had last:
//
//	level=WARN msg="failed to heartbeat to" repeated=31 group=4 peer=node-2 "backoff time"=250ms error="connection refused"
//
// Equal means the same level, message and attributes; times, durations and the ports of callers (of
// the attribute from, and in errors of connections) may differ. At most 256 different lines are
// watched at a time, beyond that all are written. Close writes the counts; a process that is killed
// loses those of its last 10 s.
//
// It keeps nothing between processes, rotates nothing and ships nothing. The programs, and
// what assembles processes, import it; everybody else gets a *slog.Logger.
package logging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/pflag"
)

// Formats of a line.
const (
	Text = "text" // key=value, slog's own
	JSON = "json"
)

// Config says what is logged, and where to. The zero value logs Info and above as text to
// standard error.
type Config struct {
	Level  slog.Level
	Format string    // Text or JSON; default Text
	File   string    // is appended to, made with mode 0600; empty = Out
	Out    io.Writer // default: standard error
}

// AddFlags adds --log-level, --log-format and --log-file; what c holds is the default.
func (c *Config) AddFlags(f *pflag.FlagSet) {
	if c.Format == "" {
		c.Format = Text
	}
	f.TextVar(&c.Level, "log-level", c.Level, "least `LEVEL` of a log line: debug, info, warn or error")
	f.StringVar(&c.Format, "log-format", c.Format, "`FORMAT` of log lines: text or json")
	f.StringVar(&c.File, "log-file", c.File, "`FILE` that log lines are appended to; it may be renamed, truncated or deleted meanwhile (default: standard error)")
}

// Log is a logger and what it writes to.
type Log struct {
	*slog.Logger
	queue   *queue
	repeats *repeats
}

// Open begins a log. The error says that Format is unknown or that File cannot be written.
func Open(cfg Config) (*Log, error) {
	var to target
	switch {
	case cfg.File != "":
		f := &file{path: cfg.File}
		if err := f.reopen(); err != nil {
			return nil, fmt.Errorf("logging: log file %s cannot be written (is its folder there, and yours?): %w", cfg.File, errors.Unwrap(err))
		}
		to = f
	case cfg.Out != nil:
		to = stream{cfg.Out}
	default:
		to = stream{os.Stderr}
	}
	var handler func(io.Writer) slog.Handler
	options := &slog.HandlerOptions{Level: cfg.Level}
	switch cfg.Format {
	case Text, "":
		handler = func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, options) }
	case JSON:
		handler = func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, options) }
	default:
		to.close()
		return nil, fmt.Errorf("logging: format %q: want %s or %s", cfg.Format, Text, JSON)
	}
	q := newQueue(to, func(lost uint64) []byte {
		var line bytes.Buffer
		// Past the level: what is missing must be known even where only errors are wanted.
		r := slog.NewRecord(time.Now(), slog.LevelWarn, "log lines were lost", 0)
		r.AddAttrs(slog.Uint64("lines", lost))
		handler(&line).Handle(context.Background(), r)
		return line.Bytes()
	})
	r, root := newRepeats(), handler(q)
	return &Log{Logger: slog.New(&collapse{next: root, root: root, repeats: r}), queue: q, repeats: r}, nil
}

// Reopen opens the log file anew before the next line; operators ask for it with SIGHUP.
func (l *Log) Reopen() {
	select {
	case l.queue.reopen <- struct{}{}:
	default: // one is on its way
	}
}

// Lost counts the lines that were not written.
func (l *Log) Lost() uint64 { return l.queue.lost.Load() }

// Close writes what is queued, for at most a second, and ends the log. What is logged later
// is lost.
func (l *Log) Close() {
	l.repeats.close()
	l.queue.close(time.Second)
}
