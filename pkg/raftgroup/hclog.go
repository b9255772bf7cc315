package raftgroup

import (
	"context"
	"io"
	"log"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// hclogAdapter is raft's logger. Raft reports every failed heartbeat of every group as an error, so its
// errors become warnings, and all lower levels become debug lines. This package logs the important
// events itself.
type hclogAdapter struct{ l *slog.Logger }

var _ hclog.Logger = hclogAdapter{}

func (a hclogAdapter) Log(level hclog.Level, msg string, args ...any) {
	to := slog.LevelDebug
	if level >= hclog.Error {
		to = slog.LevelWarn
	}
	if a.l.Enabled(context.Background(), to) {
		a.l.Log(context.Background(), to, msg, args...)
	}
}

func (a hclogAdapter) Trace(string, ...any)                                  {}
func (a hclogAdapter) Debug(msg string, args ...any)                         { a.Log(hclog.Debug, msg, args...) }
func (a hclogAdapter) Info(msg string, args ...any)                          { a.Log(hclog.Info, msg, args...) }
func (a hclogAdapter) Warn(msg string, args ...any)                          { a.Log(hclog.Warn, msg, args...) }
func (a hclogAdapter) Error(msg string, args ...any)                         { a.Log(hclog.Error, msg, args...) }
func (a hclogAdapter) IsTrace() bool                                         { return false }
func (a hclogAdapter) IsDebug() bool                                         { return a.l.Enabled(context.Background(), slog.LevelDebug) }
func (a hclogAdapter) IsInfo() bool                                          { return a.IsDebug() }
func (a hclogAdapter) IsWarn() bool                                          { return a.IsDebug() }
func (a hclogAdapter) IsError() bool                                         { return a.l.Enabled(context.Background(), slog.LevelWarn) }
func (a hclogAdapter) ImpliedArgs() []any                                    { return nil }
func (a hclogAdapter) With(args ...any) hclog.Logger                         { return hclogAdapter{a.l.With(args...)} }
func (a hclogAdapter) Name() string                                          { return "raft" }
func (a hclogAdapter) Named(string) hclog.Logger                             { return a }
func (a hclogAdapter) ResetNamed(string) hclog.Logger                        { return a }
func (a hclogAdapter) SetLevel(hclog.Level)                                  {}
func (a hclogAdapter) GetLevel() hclog.Level                                 { return hclog.Debug }
func (a hclogAdapter) StandardWriter(*hclog.StandardLoggerOptions) io.Writer { return io.Discard }
func (a hclogAdapter) StandardLogger(*hclog.StandardLoggerOptions) *log.Logger {
	return log.New(io.Discard, "", 0)
}
