package logging

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// stream is a target that is there from the beginning, such as standard error.
type stream struct{ io.Writer }

func (s stream) write(line []byte) error {
	_, err := s.Write(line)
	return err
}

func (stream) reopen() error { return nil }
func (stream) close()        {}

// file is a target with a name. Others may take the name away, cut the file or fill the
// disk at any time.
type file struct {
	path string
	open *os.File // nil = could not be opened
	torn bool     // the last write left half a line
}

func (f *file) write(line []byte) error {
	if !f.named() {
		if err := f.reopen(); err != nil {
			return err
		}
	}
	if f.torn {
		line = append([]byte{'\n'}, line...)
	}
	n, err := f.open.Write(line)
	if n > 0 {
		f.torn = n < len(line)
	}
	return err
}

// named reports whether the open file is still the one that has the path. It is asked before
// each line: a line into a file that was deleted would be lost without a trace, and the look
// costs far less than the write. A file that was cut needs no look, since all writes append.
func (f *file) named() bool {
	if f.open == nil {
		return false
	}
	there, err := os.Stat(f.path)
	if err != nil {
		return false
	}
	mine, err := f.open.Stat()
	return err == nil && os.SameFile(there, mine)
}

func (f *file) reopen() error {
	f.close()
	// Not to block: a named pipe that nobody reads is an error, not a wait.
	open, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return fmt.Errorf("logging: %w", err)
	}
	f.open, f.torn = open, false
	return nil
}

func (f *file) close() {
	if f.open != nil {
		f.open.Close()
		f.open = nil
	}
}
