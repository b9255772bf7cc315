package gormstore_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"teahouse/pkg/daemon"
	"teahouse/pkg/storetest"
)

func TestMySQL(t *testing.T) {
	server, err := daemon.StartMariaDB(t.Context(), t.TempDir())
	if errors.Is(err, daemon.ErrNotInstalled) {
		t.Skipf("SKIPPED: MySQL is NOT tested: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	var databases atomic.Int32
	fresh := func(t *testing.T) string {
		name := fmt.Sprintf("teahouse%d", databases.Add(1))
		if err := server.CreateDatabase(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		return server.DSN(name)
	}
	storetest.Run(t, func(t *testing.T) storetest.Opener { return opener(t, fresh(t)) })
	t.Run("MigrateAtOnce", func(t *testing.T) { testMigrateAtOnce(t, fresh(t)) })
	t.Run("Settlements", func(t *testing.T) { testSettlements(t, fresh(t)) })
	t.Run("Shared", func(t *testing.T) {
		if !open(t, fresh(t)).Shared() {
			t.Error("a server is reported as not shared")
		}
	})
}
