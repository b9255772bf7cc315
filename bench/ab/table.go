package ab

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"text/tabwriter"
)

// Print writes the tables as people read them.
func (r Result) Print(out io.Writer) error {
	fmt.Fprintf(out, "A %v\nB %v\n", r.A, r.B)
	for _, t := range r.Tables {
		if err := t.print(out); err != nil {
			return err
		}
	}
	return nil
}

func (t Table) print(out io.Writer) error {
	fmt.Fprintf(out, "\n%d players, %d pairs: median (least–most)\n", t.Players, t.Pairs)
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "\t\tA\tB\tB/A\tB's is")
	for i, row := range t.Rows {
		f := figures[i]
		fmt.Fprintf(w, "%s\t%s\t%v\t%v\t%v\t%s\n", f.label, f.unit, row.A, row.B, row.Ratio, row.verdict())
	}
	return w.Flush()
}

// String is "–" for nil.
func (s *Spread) String() string {
	if s == nil {
		return "–"
	}
	return fmt.Sprintf("%s (%s–%s)", number(s.Median), number(s.Min), number(s.Max))
}

// verdict says in how many pairs B's figure was the lower or the higher one.
func (r Row) verdict() string {
	if r.Ratio == nil {
		return ""
	}
	switch {
	case r.Lower > r.Higher:
		return fmt.Sprintf("lower in %d of %d", r.Lower, r.Ratio.N)
	case r.Higher > r.Lower:
		return fmt.Sprintf("higher in %d of %d", r.Higher, r.Ratio.N)
	}
	return "neither"
}

// number shows three digits, and all of a larger whole number.
func number(v float64) string {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	whole := int(math.Floor(math.Log10(math.Abs(v)))) + 1
	return strconv.FormatFloat(v, 'f', min(max(0, 3-whole), 6), 64)
}
