package wire_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"teahouse/pkg/game"
	_ "teahouse/pkg/gomoku/gomokupb" // whose messages the vectors hold
	_ "teahouse/pkg/mahjong/tablegame/mahjongpb"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/vectors"
	"teahouse/pkg/wire/wirepb"
)

const envelope = "teahouse.v1.Envelope"

func readFrames(t *testing.T) *vectors.Frames {
	t.Helper()
	f, err := vectors.ReadFrames("vectors/frames.json")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Each frame says what its vector says, and is what this package writes unless nobody would.
func TestFrameVectors(t *testing.T) {
	all := readFrames(t)
	for _, f := range all.Frames {
		body, rest, err := wire.Split(f.Hex, all.MaxFrame)
		if err != nil || len(rest) != 0 {
			t.Errorf("%s: %v, %d bytes are left", f.Name, err, len(rest))
			continue
		}
		got, err := wire.ParseEnvelope(body)
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
			continue
		}
		same(t, f.Name, envelope, got, body, f.Envelope, f.DecodeOnly)
		for _, h := range f.Holds {
			checkHeld(t, f.Name, got, h, f.DecodeOnly)
		}
		if f.DecodeOnly {
			continue
		}
		again, err := wire.AppendEnvelope(nil, got)
		if err != nil || !bytes.Equal(again[:wire.HeaderLen], f.Hex[:wire.HeaderLen]) || len(again) != len(f.Hex) {
			t.Errorf("%s: written as %x, %v", f.Name, again, err)
		}
	}
}

// checkHeld looks at the message that a field of bytes in m holds.
func checkHeld(t *testing.T, name string, m proto.Message, h vectors.Held, decodeOnly bool) {
	t.Helper()
	name += ", " + h.Field
	at := m.ProtoReflect()
	path := strings.Split(h.Field, ".")
	for i, step := range path {
		field := at.Descriptor().Fields().ByName(protoreflect.Name(step))
		if field == nil || (field.Kind() == protoreflect.BytesKind) != (i == len(path)-1) {
			t.Errorf("%s leads nowhere", name)
			return
		}
		if i < len(path)-1 {
			at = at.Get(field).Message()
			continue
		}
		raw := at.Get(field).Bytes()
		got, err := vectors.Decode(h.Message, raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		same(t, name, h.Message, got, raw, h.JSON, decodeOnly)
		for _, inner := range h.Holds {
			checkHeld(t, name, got, inner, decodeOnly)
		}
	}
}

// same compares a decoded message and its bytes with its JSON, in both directions.
func same(t *testing.T, name, message string, got proto.Message, raw []byte, text []byte, decodeOnly bool) {
	t.Helper()
	want, err := vectors.Parse(message, text)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	known := proto.Clone(got)
	forget(known.ProtoReflect())
	if !proto.Equal(known, want) {
		t.Errorf("%s: it says %v, want %v", name, got, want)
	}
	if decodeOnly {
		return
	}
	if again, err := vectors.Encode(want); err != nil || !bytes.Equal(again, raw) {
		t.Errorf("%s: encoded as %x, %v, want %x", name, again, err, raw)
	}
}

// forget drops the fields that this version does not know.
func forget(m protoreflect.Message) {
	m.SetUnknown(nil)
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil:
		case f.IsList():
			for i := range v.List().Len() {
				forget(v.List().Get(i).Message())
			}
		default:
			forget(v.Message())
		}
		return true
	})
}

// However a stream arrives, the same messages come out of it.
func TestReadVectors(t *testing.T) {
	all := readFrames(t)
	for _, r := range all.Reads {
		var buf []byte
		var got []*wirepb.Envelope
		for _, piece := range r.Reads {
			buf = append(buf, piece...)
			for {
				body, rest, err := wire.Split(buf, all.MaxFrame)
				if errors.Is(err, wire.ErrPartial) {
					break
				}
				if err != nil {
					t.Fatalf("%s: %v", r.Name, err)
				}
				e, err := wire.ParseEnvelope(body)
				if err != nil {
					t.Fatalf("%s: %v", r.Name, err)
				}
				got, buf = append(got, e), rest
			}
		}
		if len(got) != len(r.Envelopes) || len(buf) != 0 {
			t.Errorf("%s: %d messages and %d bytes", r.Name, len(got), len(buf))
			continue
		}
		for i, text := range r.Envelopes {
			if want, err := vectors.Parse(envelope, text); err != nil || !proto.Equal(got[i], want) {
				t.Errorf("%s: %v, want %v, %v", r.Name, got[i], want, err)
			}
		}
	}
}

func TestRefusedVectors(t *testing.T) {
	all := readFrames(t)
	for _, r := range all.Refused {
		body, _, err := wire.Split(r.Hex, all.MaxFrame)
		if err == nil {
			_, err = wire.ParseEnvelope(body)
		}
		if code := game.CodeOf(err, wirepb.Code_OK); code.String() != r.Code {
			t.Errorf("%s: %v, want %s", r.Name, err, r.Code)
		}
	}
	for _, u := range all.Unfinished {
		if body, rest, err := wire.Split(u.Hex, all.MaxFrame); !errors.Is(err, wire.ErrPartial) || body != nil || len(rest) != len(u.Hex) {
			t.Errorf("%s: %x, %v", u.Name, body, err)
		}
	}
}

func TestMessageVectors(t *testing.T) {
	all, err := vectors.ReadMessages("vectors/messages.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all.Messages {
		got, err := vectors.Decode(m.Message, m.Hex)
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		same(t, m.Message+", "+m.Name, m.Message, got, m.Hex, m.JSON, false)
	}
}

// Whatever can be said has a vector: each body, each method with an answer, each event and notice.
func TestVectorsAreComplete(t *testing.T) {
	all := readFrames(t)
	var names []string
	for _, f := range all.Frames {
		if slices.Contains(names, f.Name) {
			t.Errorf("two frames are called %q", f.Name)
		}
		names = append(names, f.Name)
	}
	var want []string
	bodies := func(m proto.Message, prefix string, except ...string) {
		fields := m.ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
		for i := range fields.Len() {
			if name := string(fields.Get(i).Name()); !slices.Contains(except, name) {
				want = append(want, prefix+name)
			}
		}
	}
	bodies(&wirepb.Envelope{}, "", "call", "reply", "push")
	bodies(&wirepb.TableEvent{}, "event ")
	bodies(&wirepb.Notice{}, "notice ")
	for _, m := range wire.NewMethods().All() {
		want = append(want, "call "+m.Name, "reply "+m.Name)
	}
	for _, name := range append(want, "snapshot") {
		if !slices.Contains(names, name) {
			t.Errorf("no frame is called %q", name)
		}
	}
}
