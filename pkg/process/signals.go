package process

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// Interrupted is the exit status of a process that SIGINT has ended.
const Interrupted = 128 + int(syscall.SIGINT)

// Output is standard output of a program that lives for what it prints: once nobody reads
// that, as behind a pipe to head, a write ends the process, as SIGPIPE would.
type Output struct{}

func (Output) Write(p []byte) (int, error) {
	n, err := os.Stdout.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		os.Exit(128 + int(syscall.SIGPIPE))
	}
	return n, err
}

// Run runs f with a context that the first SIGINT or SIGTERM ends. A second one ends the
// process at once, with status 128 and its number. SIGHUP calls hangup, which may be nil, and
// ends nothing; nor does a closed standard output or standard error, for which Go would end
// the process: the writes fail.
func Run(ctx context.Context, hangup func(), f func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	done := make(chan struct{})
	listening := make(chan struct{})
	defer func() { signal.Stop(signals); close(done); <-listening }()
	go func() { // ends with f
		defer close(listening)
		asked := false
		for {
			select {
			case <-done:
				return
			case s := <-signals:
				switch s {
				case syscall.SIGPIPE: // the writer has its error
				case syscall.SIGHUP:
					if hangup != nil {
						hangup()
					}
				default:
					if asked {
						os.Exit(128 + int(s.(syscall.Signal)))
					}
					asked = true
					cancel()
				}
			}
		}
	}()
	return f(ctx)
}
