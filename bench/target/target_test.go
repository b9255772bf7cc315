package target

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"
)

// Whoever answers nothing, or is no gateway, is told of soon, with what to do.
func TestProbeOfNobody(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := Probe(ctx, addr); err == nil || !strings.Contains(err.Error(), "--addr") || !strings.Contains(err.Error(), addr) {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	for _, bad := range []Target{{}, {Addr: "here"}, {DB: "sqlite:x"}} {
		if bad.Check("swarm") == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	for _, good := range []Target{{State: "x"}, {Addr: "h:1"}, {Addr: "[::1]:7700"}} {
		if err := good.Check("swarm"); err != nil {
			t.Error(err)
		}
	}
	if addr, db, err := (Target{Addr: "h:1", DB: "d"}).Find(); addr != "h:1" || db != "d" || err != nil {
		t.Error(addr, db, err)
	}
}
