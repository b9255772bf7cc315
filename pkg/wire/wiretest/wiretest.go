// Package wiretest has what tests of those who answer calls have in common.
//
//	s.Handle("gw", req, func(r *linkpb.Response) { wiretest.Answered(t, req.Method, r.Code) })
//
// Only tests import it.
package wiretest

import (
	"slices"
	"testing"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// Answered fails the test if the protocol's definition does not list code among the answers to method:
// the (terms) in methods.proto, the (where) of the code. A node may also answer what its gateway keeps
// from the client, and SESSION_FORGOTTEN, which that turns into a Bye. Calls between nodes are not looked at.
func Answered(t testing.TB, method string, code wirepb.Code) {
	t.Helper()
	m, known := wire.NewMethods().Lookup(method)
	if !known || m.MayAnswer(code) || slices.Contains(wire.Wheres(code), wirepb.Where_BETWEEN_NODES) ||
		code == wirepb.Code_SESSION_FORGOTTEN {
		return
	}
	t.Errorf("%s is answered %v, which methods.proto does not list", method, code)
}
