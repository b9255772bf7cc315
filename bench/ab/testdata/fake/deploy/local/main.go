// A stand-in for the cluster of another revision: one process that says it is a node and a
// gateway. While it runs there is a file named "runs" in the checkout.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
)

func main() {
	if comesUp != "" {
		fmt.Fprintln(os.Stderr, comesUp)
		os.Exit(1)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	var looks atomic.Int64
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := looks.Add(1)
		fmt.Fprintf(w, `{"groups": 1, "replicas": [{"group": 0, "serving": true, "applied": %d}], "process": {"mallocs": %d}}`, 50*n, 1000*n)
	}))
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM) // before the file shows that it runs
	runs, err := os.Create("runs")
	if err != nil {
		panic(err)
	}
	defer os.Remove(runs.Name())
	type process struct {
		Name      string            `json:"name"`
		Role      string            `json:"role"`
		PID       int               `json:"pid"`
		Addresses map[string]string `json:"addresses"`
	}
	at := map[string]string{"status": l.Addr().String()}
	text, _ := json.Marshal(map[string]any{"processes": []process{
		{"node-1", "node", os.Getpid(), at}, {"gateway-1", "gateway", os.Getpid(), at},
	}})
	file := os.Args[slices.Index(os.Args, "--state")+1]
	if err := os.WriteFile(file, text, 0o600); err != nil {
		panic(err)
	}
	<-told
}
