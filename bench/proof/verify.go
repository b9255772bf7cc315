package proof

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxLine bounds a line of input, in bytes; a record takes about 3,000.
const maxLine = 1 << 20

// Verify reads records, one JSON object per line, and writes what does not fit, then how many hands
// were checked. It returns an error if anything was wrong, or if there was nothing to check. With
// walls it also writes each wall, in drawing order.
func Verify(ctx context.Context, in io.Reader, out io.Writer, walls bool) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	n, bad := 0, 0
	for at := 1; lines.Scan(); at++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(lines.Bytes()) == 0 {
			continue
		}
		n++
		var r Record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			bad++
			fmt.Fprintf(out, "line %d: %v\n", at, err)
			continue
		}
		wall, problems := r.Check()
		for _, p := range problems {
			fmt.Fprintf(out, "line %d: table %d hand %d: %s\n", at, r.Table, r.Hand, p)
		}
		if len(problems) > 0 {
			bad++
		} else if walls && wall != nil {
			fmt.Fprintf(out, "table %d hand %d: %d\n", r.Table, r.Hand, wall)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d records checked, %d are not fair\n", n, bad)
	if n == 0 {
		return errors.New("there is no record in the file; bench swarm --proofs FILE writes them, for rounds that ended")
	}
	if bad > 0 {
		return errors.New("not fair")
	}
	return nil
}
