package client

import (
	"context"
	"errors"
	"testing"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// A message that no gateway would accept fails at once, and the session goes on.
func TestWhatNoGatewayWouldTake(t *testing.T) {
	g := startGateway(t)
	c, _ := g.dial(nil)
	long := &wirepb.MoveRequest{Move: make([]byte, 64<<10)}
	for name, test := range map[string]struct {
		call func() error
		want wirepb.Code
	}{
		"a method that is no text": {func() error {
			return c.Call(testContext(t), "queue.\xff", 0, &wirepb.JoinRequest{}, nil)
		}, wirepb.Code_BAD_REQUEST},
		"the same, repeated": {func() error {
			return c.Repeat(testContext(t), "queue.\xff", 0, &wirepb.JoinRequest{}, nil)
		}, wirepb.Code_BAD_REQUEST},
		"a frame that is too long": {func() error {
			return c.Call(testContext(t), "table.move", table, long, nil)
		}, wirepb.Code_FRAME_TOO_LONG},
	} {
		if err := test.call(); game.CodeOf(err, 0) != test.want {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	got := async(func() (int, error) {
		return 0, c.Call(testContext(t), "queue.binding", 0, &wirepb.BindingRequest{}, nil)
	})
	g.next("queue.binding", &wirepb.BindingRequest{}).answer(wirepb.Code_OK, nil)
	if r := receive(t, got); r.err != nil || c.Stats().Disconnects != 0 {
		t.Errorf("the next call: %v, %+v", r.err, c.Stats())
	}
	for _, cfg := range []Config{{Name: "\xff"}, {Token: "\xff"}, {Program: "\xff"}} {
		cfg.Addr = g.ln.Addr().String()
		if _, err := Dial(testContext(t), cfg); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}
