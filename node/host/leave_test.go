package host

import (
	"slices"
	"testing"
)

// A node that can serve at once comes before the preferred leader, and the others share.
func TestBetter(t *testing.T) {
	// best first
	want := []target{
		{name: "f", ready: true, preferred: true, given: 3},
		{name: "e", ready: true, matched: 9},
		{name: "d", ready: true, matched: 8},
		{name: "g", ready: true, matched: 8},
		{name: "c", ready: true, given: 1, matched: 9},
		{name: "b", preferred: true},
		{name: "a", matched: 9},
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, better)
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}
