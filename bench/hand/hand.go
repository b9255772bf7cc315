// Package hand reads recorded hands of mahjong, runs them through the rules engine and writes the
// results, line by line, for comparison with other engines:
//
//	err := hand.Verify(ctx, os.Stdin, os.Stdout)
//
// It contains no rules of its own. The bench tool imports it.
package hand

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxLine bounds a line of input, in bytes; a complete game takes about 15,000. A longer line gets
// an error.
const maxLine = 1 << 20

// Hands reads single hands (kinds in hand, melds, void suit, situation) and writes for each whether
// it wins, its waits and its score. An invalid line yields {"id", "error"}, the rest continues, and
// Hands returns an error at the end. Empty lines are skipped.
func Hands(ctx context.Context, r io.Reader, w io.Writer) error {
	return eachLine(ctx, r, w, answerHand)
}

// Verify does the same for complete games: it replays the recorded inputs and writes what was
// offered at each, and how the hand ended.
func Verify(ctx context.Context, r io.Reader, w io.Writer) error {
	return eachLine(ctx, r, w, answerGame)
}

var errTooLong = errors.New("the line is too long")

// eachLine streams: it writes an answer before it waits for the next line.
func eachLine(ctx context.Context, r io.Reader, w io.Writer, answer func([]byte) (any, error)) error {
	in, out := bufio.NewReaderSize(r, 1<<16), bufio.NewWriter(w)
	bad, n := 0, 0
	for {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, out.Flush())
		}
		line, readErr := readLine(in)
		if readErr != nil && readErr != io.EOF && readErr != errTooLong {
			return errors.Join(readErr, out.Flush())
		}
		if len(line) > 0 || readErr == errTooLong {
			n++
			reply, err := any(nil), readErr
			if err != errTooLong {
				reply, err = answer(line)
			}
			if err != nil {
				bad++
				reply = failure{ID: idOf(line), Error: err.Error()}
			}
			if err := writeLine(out, reply); err != nil {
				return err
			}
		}
		if readErr == io.EOF {
			break
		}
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if n == 0 {
		return errors.New("nothing was recorded on standard input: one JSON object a line is expected")
	}
	if bad > 0 {
		return fmt.Errorf("%d lines could not be answered", bad)
	}
	return nil
}

// readLine reads one line without its end and surrounding blanks. It skips all of a line beyond
// maxLine.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := in.ReadSlice('\n')
		if long = long || len(line)+len(part) > maxLine; !long {
			line = append(line, part...)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case long && (err == nil || err == io.EOF):
			return nil, errTooLong // the next call finds the end of input
		}
		return bytes.TrimSpace(line), err
	}
}

func writeLine(out *bufio.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = out.Write(append(data, '\n'))
	return err
}

type failure struct {
	ID    json.RawMessage `json:"id"`
	Error string          `json:"error"`
}

// idOf finds the id of an otherwise invalid line; null if there is none.
func idOf(line []byte) json.RawMessage {
	var v struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(line, &v) != nil || len(v.ID) == 0 {
		return json.RawMessage("null")
	}
	return v.ID
}
