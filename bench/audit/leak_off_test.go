//go:build !leak

package audit

import (
	"os"
	"os/exec"
	"testing"
)

// TestLeakBuild builds the leak and checks that the audit finds it. It compiles much of the module,
// so it runs only with the slow checks.
func TestLeakBuild(t *testing.T) {
	if os.Getenv("TEAHOUSE_SLOW") == "" {
		t.Skip("TEAHOUSE_SLOW is not set; by hand: go test -tags leak -run Leak ./bench/audit")
	}
	out, err := exec.Command("go", "test", "-tags", "leak", "-run", "^TestLeakIsCaught$", "-v", "-count=1", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
