package link

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// victim turns the test binary into a process that only accepts links, until it is killed.
const victim = "TEAHOUSE_LINK_TEST_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(victim) != "" {
		runVictim()
	}
	goleak.VerifyTestMain(m)
}

// runVictim prints its address and serves until its standard input ends.
func runVictim() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(ln.Addr())
	go func() {
		bufio.NewReader(os.Stdin).ReadByte()
		os.Exit(0)
	}()
	fmt.Fprintln(os.Stderr, Serve(context.Background(), ln, nodeConfig(), Handler{}))
	os.Exit(1)
}

// A killed process is distinguished from a broken connection: the failover hint relies on it.
func TestPoolReportsKilledProcess(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victim+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan string, 16)
	p := startPool(t, impatient(events))
	p.SetTargets(map[string]string{"node-1": strings.TrimSpace(addr)})
	expect(t, events, "up node-1")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	expect(t, events, "down node-1", "lost node-1 refused")
}
