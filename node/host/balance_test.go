package host

import "testing"

func TestMissing(t *testing.T) {
	for _, c := range []struct {
		mine, theirs []string
		want         string
	}{
		{nil, nil, ""},
		{nil, []string{"a"}, ""},
		{[]string{"a", "b"}, []string{"b", "c", "a"}, ""},
		{[]string{"a", "b"}, []string{"a"}, "b"},
		{[]string{"a"}, nil, "a"},
	} {
		if got := missing(c.mine, c.theirs); got != c.want {
			t.Errorf("%v without %v: %q, want %q", c.mine, c.theirs, got, c.want)
		}
	}
}
