package systest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestByHand does what deploy/BYHAND.md says, command by command, in a folder and on ports of
// its own: the page's variables keep what the environment says.
func TestByHand(t *testing.T) {
	slow(t)
	const root = "../.."
	page, err := os.ReadFile(filepath.Join(root, "deploy", "BYHAND.md"))
	if err != nil {
		t.Fatal(err)
	}
	commands := fenced(string(page), "bash")
	if len(commands) < 4 {
		t.Fatalf("the page has %d blocks of commands, want its four parts", len(commands))
	}
	dir := filepath.Join(t.TempDir(), "teahouse")
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", strings.Join(commands, "\n"))
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "DIR="+dir, "REGISTRY="+freeAddress(t), "CLIENTS="+freeAddress(t), "DB=sqlite:"+dir+"/teahouse.db")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with all that it starts
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	timer := time.NewTimer(5 * time.Minute)
	defer timer.Stop()
	select {
	case err = <-ended:
	case <-timer.C:
		err = fmt.Errorf("not done after five minutes")
	}
	left := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) == nil
	if err != nil {
		logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
		for _, log := range logs {
			text, _ := os.ReadFile(log)
			t.Logf("%s:\n%s", filepath.Base(log), text[max(0, len(text)-4000):])
		}
		t.Fatalf("%v\n%s", err, &out)
	}
	if left {
		t.Error("processes were left behind")
	}
	if !regexp.MustCompile(`(?m)^audit +clean$`).Match(out.Bytes()) {
		t.Errorf("no clean audit:\n%s", &out)
	}
	for _, log := range []string{"node-1", "node-2", "node-3"} {
		text, err := os.ReadFile(filepath.Join(dir, log+".log"))
		if err != nil || !strings.Contains(string(text), "msg=listening") {
			t.Errorf("%s does not log where it listens: %v", log, err)
		}
	}
}

// fenced are the blocks of a page in Markdown that are marked with the language.
func fenced(page, language string) []string {
	var blocks []string
	for rest := page; ; {
		_, after, found := strings.Cut(rest, "```"+language+"\n")
		if !found {
			return blocks
		}
		var block string
		block, rest, _ = strings.Cut(after, "```")
		blocks = append(blocks, block)
	}
}
