package gormstore_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"teahouse/pkg/game"
	"teahouse/pkg/gormstore"
)

// childDSN makes this test binary settle hands instead of running tests.
const childDSN = "GORMSTORE_TEST_CHILD_DSN"

const childHands = 30

// settleAsChild is the main function of a child process; it returns the exit status.
func settleAsChild(dsn string) int {
	ctx := context.Background()
	s, err := gormstore.Open(ctx, gormstore.Config{DSN: dsn})
	if err == nil {
		defer s.Close()
		err = s.Migrate(ctx)
	}
	for hand := uint32(1); hand <= childHands && err == nil; hand++ {
		err = s.Settle(ctx, handOf(hand))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestProcesses has three processes create the schema in one file and settle the same hands: SQLite
// locks differently between processes than within one.
func TestProcesses(t *testing.T) {
	dsn := sqliteDSN(t)
	var children []*exec.Cmd
	for range 3 {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childDSN+"="+dsn)
		child.Stderr = os.Stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		children = append(children, child)
	}
	for _, child := range children {
		if err := child.Wait(); err != nil {
			t.Error(err)
		}
	}
	p, err := open(t, dsn).Profile(t.Context(), game.PlayerID(4))
	if err != nil || p.Hands != childHands || p.Score != 3*childHands {
		t.Errorf("profile %+v, %v; want %d hands", p, err, childHands)
	}
}
