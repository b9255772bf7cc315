// Package process is what Teahouse's programs have in common: how they are asked to end, what
// they log to, what --version says and how the garbage collector is set.
//
//	func main() { process.Main(command) }
//
//	func command(p *process.Process) *cobra.Command {
//		return &cobra.Command{Use: "node", Args: process.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
//			return host.Run(cmd.Context(), host.Config{Logger: p.Logger()})
//		}}
//	}
//
// It knows no role. Only mains, and what assembles processes, import it.
package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"teahouse/pkg/logging"
)

// Process is one run of a program.
type Process struct {
	// Log is what the command may preset before Main reads the flags.
	Log logging.Config
	// Renamed tells what a flag of an earlier release is called now: "secret": "secret-file".
	Renamed map[string]string

	log atomic.Pointer[logging.Log] // nil before the flags are read; SIGHUP may come at any time
}

// Logger is for the command's run functions: before them the flags are not known.
func (p *Process) Logger() *slog.Logger { return p.log.Load().Logger }

// Exit ends the process at once because of an error, which goes to standard error behind the
// log's last lines.
func (p *Process) Exit(status int, why error) { Exit(p.log.Load(), status, why) }

// Exit is Process.Exit for a program that opened its log by itself.
func Exit(log *logging.Log, status int, why error) {
	if log != nil {
		log.Close()
	}
	fmt.Fprintln(os.Stderr, "error:", why)
	os.Exit(status)
}

// Main is a program: it reads the flags, runs the command and ends the process. The exit
// status is 0 for success, 1 for an error, 2 for a command line that it does not understand,
// and 128 and the signal's number where a second signal has ended it.
func Main(command func(*Process) *cobra.Command) {
	// As long as there is a process: the log's last lines come after Run.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	os.Exit(run(command, os.Args))
}

func run(command func(*Process) *cobra.Command, args []string) int {
	p := &Process{}
	root := command(p)
	p.prepare(root, filepath.Base(args[0]))
	root.SetArgs(args[1:])
	err := Run(context.Background(), p.reopen, root.ExecuteContext)
	if log := p.log.Load(); log != nil {
		log.Close()
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "error:", err)
	if errors.As(err, new(usageError)) {
		return 2
	}
	return 1
}

// prepare gives root what all programs have.
func (p *Process) prepare(root *cobra.Command, name string) {
	_, rest, _ := strings.Cut(root.Use, " ")
	root.Use = strings.TrimSpace(name + " " + rest)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.Version = Version()
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetFlagErrorFunc(p.explain)
	p.Log.AddFlags(root.PersistentFlags())
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		log, err := logging.Open(p.Log)
		if err == nil {
			p.log.Store(log)
		}
		return err
	}
}

func (p *Process) reopen() {
	if log := p.log.Load(); log != nil {
		log.Reopen()
	}
}

// usageError is a command line that the program does not understand.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// NoArgs is a cobra.Command's Args: the command has flags only.
func NoArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasAvailableSubCommands() {
		hint := "see: " + cmd.CommandPath() + " --help"
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			hint = "did you mean " + near[0] + "?"
		}
		return usageError{fmt.Errorf("unknown command %q; %s", args[0], hint)}
	}
	return usageError{fmt.Errorf("unexpected argument %q; all of %s's settings are flags, see: %[2]s --help", args[0], cmd.CommandPath())}
}

// explain adds to an error of the flags what to type instead.
func (p *Process) explain(cmd *cobra.Command, err error) error {
	hint := "see: " + cmd.CommandPath() + " --help"
	if missing, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := missing.GetSpecifiedName()
		if group := missing.GetSpecifiedShortnames(); group != "" {
			name, _, _ = strings.Cut(group, "=") // -name, as Go's own flags are written
		}
		if now := p.Renamed[name]; now != "" {
			hint = "it is called --" + now + " now"
		} else if len(name) > 1 && cmd.Flags().Lookup(name) != nil {
			hint = "write --" + name
		}
	}
	return usageError{fmt.Errorf("%w; %s", err, hint)}
}
