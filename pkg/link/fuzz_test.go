package link

import (
	"bytes"
	"net"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire"
)

// FuzzSplitFrame: whatever the hand-written reader accepts, the generated code accepts too, as the
// same frame.
func FuzzSplitFrame(f *testing.F) {
	for _, frame := range []*linkpb.Frame{
		{Body: &linkpb.Frame_Push{Push: &linkpb.Push{Session: 1, Payload: []byte("x")}}},
		{Body: &linkpb.Frame_Announce{Announce: &linkpb.Announce{Group: 1, Term: 2}}},
		{},
	} {
		body, err := proto.Marshal(frame)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte{0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, body []byte) {
		kind, inner, err := splitFrame(body)
		if err != nil || kind != kindPush {
			return
		}
		push := new(linkpb.Push)
		err = proto.Unmarshal(inner, push)
		frame := new(linkpb.Frame)
		if err2 := proto.Unmarshal(body, frame); (err == nil) != (err2 == nil) || err == nil && !proto.Equal(frame.GetPush(), push) {
			t.Fatalf("%v, %v; generated code reads %v, %v", push, err, frame, err2)
		}
	})
}

// FuzzHandshake: no stranger gets through an acceptor, or crashes it.
func FuzzHandshake(f *testing.F) {
	challenge, err := wire.AppendFrame(nil, &linkpb.Frame{Body: &linkpb.Frame_Challenge{Challenge: &linkpb.Challenge{
		Version: 1, Cluster: "c1", Name: "x", Role: RoleNode, Nonce: make([]byte, nonceLen),
	}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(challenge)
	f.Add(append(bytes.Clone(challenge), 0, 0, 0, 4, 0x12, 2, 0x0a, 0))
	f.Fuzz(func(t *testing.T, said []byte) {
		c, err := accept(t.Context(), nodeConfig(), &script{in: bytes.NewReader(said)}, Handler{})
		if err == nil {
			c.Close()
			t.Fatal("a stranger got through")
		}
	})
}

// script is a connection whose peer says fixed bytes and reads nothing.
type script struct {
	net.Conn
	in *bytes.Reader
}

func (s *script) Read(p []byte) (int, error)  { return s.in.Read(p) }
func (s *script) Write(p []byte) (int, error) { return len(p), nil }
func (s *script) Close() error                { return nil }
func (s *script) SetDeadline(time.Time) error { return nil }
