package coordinator

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/versions/versionstest"
)

// A replica that meets an unknown part in an entry, from a newer build, halts before any part of the
// entry takes effect.
func TestUnknownHalts(t *testing.T) {
	c := &Coordinator{cfg: Config{OnView: func(View) {}, Now: time.Now}, state: newState(), in: newInbox(1)}
	state := func() []byte {
		w, err := c.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := w.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	before := state()
	tried := 0
	apply := func(where string, data []byte) {
		tried++
		if h, is := c.Apply(raftgroup.Entry{Index: 1, Data: data}).(raftgroup.Halt); !is || h.Reason == "" {
			t.Errorf("%s does not halt", where)
		}
		if !bytes.Equal(state(), before) {
			t.Fatalf("%s had an effect", where)
		}
	}
	known := []*coordpb.Command{{Body: &coordpb.Command_TookOver{TookOver: &coordpb.TookOver{Settings: &coordpb.Settings{Seats: 4}}}}}
	for where, m := range versionstest.Newer(&coordpb.Batch{AdvanceMs: 5, Commands: known}) {
		data, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		apply(where, data)
	}
	if tried < 20 {
		t.Errorf("only %d places", tried)
	}
	data, _ := proto.Marshal(&coordpb.Batch{Commands: append(known, &coordpb.Command{})})
	apply("a command without a body", data)
	apply("what is no batch", []byte{0xff})
	if _, halts := c.Apply(raftgroup.Entry{Index: 1, Data: must(proto.Marshal(&coordpb.Batch{Commands: known}))}).(raftgroup.Halt); halts || bytes.Equal(state(), before) {
		t.Error("what is known has no effect")
	}
}

func TestUnknownInSnapshot(t *testing.T) {
	w := newWorld(t, nil)
	good := w.bytes()
	in := &coordpb.Snapshot{}
	if err := proto.Unmarshal(good, in); err != nil {
		t.Fatal(err)
	}
	for where, m := range versionstest.Newer(in) {
		if _, err := restore(must(proto.Marshal(m))); !errors.As(err, new(raftgroup.Halt)) {
			t.Errorf("%s: %v", where, err)
		}
	}
	in.Version++
	_, err := restore(must(proto.Marshal(in)))
	var h raftgroup.Halt
	if !errors.As(err, &h) || !strings.Contains(h.Reason, "version 2") {
		t.Errorf("a newer version: %v", err)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
