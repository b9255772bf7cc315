// Package wiretest has what tests of those who answer calls have in common.
//
//	s.Handle("gw", req, func(r *linkpb.Response) { wiretest.Answered(t, req.Method, r.Code) })
//
// Only tests import it.
package wiretest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// Answered fails the test if the protocol's definition does not list code among the answers to method:
// the (terms) in methods.proto, the (where) of the code. A node may also answer what its gateway keeps
// from the client, and SESSION_FORGOTTEN, which that turns into a Bye. Calls between nodes are not looked at.
func Answered(t testing.TB, method string, code wirepb.Code) {
	t.Helper()
	if code == wirepb.Code_OK {
		return
	}
	m, known := wire.NewMethods().Lookup(method)
	if !known || m.MayAnswer(code) || slices.Contains(wire.Wheres(code), wirepb.Where_BETWEEN_NODES) ||
		code == wirepb.Code_SESSION_FORGOTTEN {
		return
	}
	t.Errorf("%s is answered %v, which methods.proto does not list", method, code)
}

// Bounded fails the test if the limits of a method, which are words, do not name these bounds. Whoever
// has a bound in its code tests it with this, so that the words stay true.
func Bounded(t testing.TB, method string, bounds ...int64) {
	t.Helper()
	m, known := wire.NewMethods().Lookup(method)
	if !known {
		t.Fatalf("no method is called %q", method)
	}
	var named []int64
	number := regexp.MustCompile(`\d[\d,]*`)
	for _, digits := range number.FindAllString(m.Limits, -1) {
		n, err := strconv.ParseInt(strings.ReplaceAll(digits, ",", ""), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		named = append(named, n)
	}
	for _, b := range bounds {
		if !slices.Contains(named, b) {
			t.Errorf("the limits of %s do not name %d: %s", method, b, m.Limits)
		}
	}
}
