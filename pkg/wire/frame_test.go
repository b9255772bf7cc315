package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"teahouse/pkg/game"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

const maxFrame = 64 << 10

func call(id uint64, payload []byte) *wirepb.Envelope {
	return &wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{Id: id, Method: "table.move", Payload: payload}}}
}

func frame(t testing.TB, e *wirepb.Envelope) []byte {
	t.Helper()
	out, err := wire.AppendEnvelope(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFrameLayout(t *testing.T) {
	prefix := []byte("before")
	out, err := wire.AppendEnvelope(prefix, call(7, []byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	body, err := proto.Marshal(call(7, []byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	want := append(binary.BigEndian.AppendUint32([]byte("before"), uint32(len(body))), body...)
	if !bytes.Equal(out, want) {
		t.Fatalf("frame is %x, want %x", out, want)
	}
}

func TestAppendLeavesDstOnError(t *testing.T) {
	dst := []byte("before")
	bad := &wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{Method: "\xff"}}} // not UTF-8
	out, err := wire.AppendEnvelope(dst, bad)
	if err == nil || !bytes.Equal(out, dst) {
		t.Fatalf("got %q, %v; want %q and an error", out, err, dst)
	}
}

func TestSplitTooLong(t *testing.T) {
	for _, announced := range []uint32{1025, 1 << 31, 1<<32 - 1} {
		header := binary.BigEndian.AppendUint32(nil, announced)
		_, rest, err := wire.Split(header, 1024)
		var tooLong *wire.FrameTooLong
		if !errors.As(err, &tooLong) || tooLong.Announced != announced || tooLong.Max != 1024 {
			t.Fatalf("announced %d: error %v", announced, err)
		}
		if len(rest) != len(header) {
			t.Fatalf("announced %d: %d bytes unread, want all", announced, len(rest))
		}
		if code := game.CodeOf(err, wirepb.Code_OK); code != wirepb.Code_FRAME_TOO_LONG {
			t.Fatalf("announced %d: code %v", announced, code)
		}
	}
}

func TestReaderRefusesBeforeAllocating(t *testing.T) {
	r := wire.NewReader(bytes.NewReader(binary.BigEndian.AppendUint32(nil, 1<<30)), maxFrame, 0)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := r.Next()
	runtime.ReadMemStats(&after)
	var tooLong *wire.FrameTooLong
	if !errors.As(err, &tooLong) {
		t.Fatalf("error %v", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > maxFrame {
		t.Fatalf("%d bytes allocated for a refused frame", n)
	}
}

// However the stream is split, Split and Reader return the same frames.
func TestFramesSurviveAnyCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payloads := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 3000), 1, 8).Draw(t, "payloads")
		var stream []byte
		var want [][]byte
		for i, p := range payloads {
			body, err := proto.Marshal(call(uint64(i), p))
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, body)
			if stream, err = wire.AppendEnvelope(stream, call(uint64(i), p)); err != nil {
				t.Fatal(err)
			}
		}
		compare := func(how string, got [][]byte) {
			if len(got) != len(want) {
				t.Fatalf("%s: %d frames, want %d", how, len(got), len(want))
			}
			for i := range got {
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("%s: frame %d differs", how, i)
				}
			}
		}

		var buf []byte
		var split [][]byte
		for rest := stream; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			buf, rest = append(buf, rest[:n]...), rest[n:]
			for {
				body, tail, err := wire.Split(buf, maxFrame)
				if errors.Is(err, wire.ErrPartial) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				split, buf = append(split, bytes.Clone(body)), tail
			}
		}
		compare("Split", split)

		var read [][]byte
		r := wire.NewReader(iotest.HalfReader(bytes.NewReader(stream)), maxFrame, rapid.IntRange(0, 4096).Draw(t, "buffer"))
		for {
			body, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			read = append(read, bytes.Clone(body))
		}
		compare("Reader", read)
	})
}

func TestReaderErrors(t *testing.T) {
	whole := frame(t, call(1, []byte("payload")))
	for name, test := range map[string]struct {
		src  io.Reader
		want error
	}{
		"between two frames": {bytes.NewReader(whole), io.EOF},
		"within a header":    {bytes.NewReader(append(bytes.Clone(whole), 0, 0)), io.ErrUnexpectedEOF},
		"within a body":      {bytes.NewReader(append(bytes.Clone(whole), whole[:9]...)), io.ErrUnexpectedEOF},
		"source fails":       {io.MultiReader(bytes.NewReader(whole), iotest.ErrReader(io.ErrClosedPipe)), io.ErrClosedPipe},
	} {
		t.Run(name, func(t *testing.T) {
			r := wire.NewReader(test.src, maxFrame, 0)
			if _, err := r.Next(); err != nil {
				t.Fatalf("whole frame: %v", err)
			}
			if _, err := r.Next(); err != test.want {
				t.Fatalf("error %v, want %v", err, test.want)
			}
		})
	}
}

func TestReaderSetMaxFrame(t *testing.T) {
	long := frame(t, call(1, make([]byte, 8000)))
	r := wire.NewReader(bytes.NewReader(long), 1024, 0)
	var tooLong *wire.FrameTooLong
	if _, err := r.Next(); !errors.As(err, &tooLong) {
		t.Fatalf("error %v, want too long", err)
	}
	r.SetMaxFrame(maxFrame)
	if body, err := r.Next(); err != nil || len(body) != len(long)-wire.HeaderLen {
		t.Fatalf("%d bytes, %v", len(body), err)
	}
}

func TestParseEnvelope(t *testing.T) {
	for name, body := range map[string][]byte{
		"empty":          {},
		"garbage":        []byte("GET / HTTP/1.1\r\n\r\n"),
		"cut":            frame(t, call(1, []byte("payload")))[wire.HeaderLen : wire.HeaderLen+5],
		"unknown kind":   {0xfa, 0x01, 0x00}, // field 31
		"wrong type":     {0x28, 0x01},       // call as a varint
		"not UTF-8":      {0x2a, 0x03, 0x12, 0x01, 0xff},
		"endless varint": bytes.Repeat([]byte{0xff}, 32),
	} {
		if e, err := wire.ParseEnvelope(body); game.CodeOf(err, wirepb.Code_OK) != wirepb.Code_BAD_FRAME {
			t.Errorf("%s: %v, %v; want BAD_FRAME", name, e, err)
		}
	}
	body := frame(t, call(9, []byte("payload")))[wire.HeaderLen:]
	e, err := wire.ParseEnvelope(body)
	if err != nil || e.GetCall().GetId() != 9 {
		t.Fatalf("%v, %v", e, err)
	}
	clear(body)
	if string(e.GetCall().GetPayload()) != "payload" {
		t.Fatal("the envelope shares memory with the buffer")
	}
}

func FuzzSplit(f *testing.F) {
	f.Add(frame(f, call(1, []byte("payload"))), 1024)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1}, 1024)
	f.Add([]byte{0, 0, 0}, 0)
	f.Fuzz(func(t *testing.T, buf []byte, limit int) {
		limit = min(max(limit, 0), 1<<20)
		body, rest, err := wire.Split(buf, limit)
		var tooLong *wire.FrameTooLong
		switch {
		case err == nil:
			if len(body) > limit || wire.HeaderLen+len(body)+len(rest) != len(buf) {
				t.Fatalf("%d of %d bytes, %d left", len(body), len(buf), len(rest))
			}
		case errors.Is(err, wire.ErrPartial), errors.As(err, &tooLong):
			if body != nil || len(rest) != len(buf) {
				t.Fatal("bytes are lost")
			}
		default:
			t.Fatal(err)
		}
		got, err2 := wire.NewReader(bytes.NewReader(buf), limit, 0).Next()
		if (err == nil) != (err2 == nil) || !bytes.Equal(got, body) {
			t.Fatalf("Reader gives %x, %v; Split %x, %v", got, err2, body, err)
		}
	})
}

func FuzzParseEnvelope(f *testing.F) {
	f.Add(frame(f, call(1, []byte("payload")))[wire.HeaderLen:])
	f.Add(frame(f, &wirepb.Envelope{Body: &wirepb.Envelope_Bye{Bye: &wirepb.Bye{Detail: "x"}}})[wire.HeaderLen:])
	f.Add([]byte{0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := wire.ParseEnvelope(body)
		if err != nil {
			if game.CodeOf(err, wirepb.Code_OK) != wirepb.Code_BAD_FRAME {
				t.Fatalf("error %v has the wrong code", err)
			}
			return
		}
		again, err := wire.ParseEnvelope(frame(t, e)[wire.HeaderLen:])
		if err != nil || !proto.Equal(e, again) {
			t.Fatalf("%v came back as %v, %v", e, again, err)
		}
	})
}

func BenchmarkAppendEnvelope(b *testing.B) {
	e := &wirepb.Envelope{Body: &wirepb.Envelope_Push{Push: &wirepb.Push{
		Kind: wirepb.Push_EVENT, Table: 1 << 41, Number: 77, Payload: make([]byte, 60),
	}}}
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		out, err := wire.AppendEnvelope(buf, e)
		if err != nil || len(out) == 0 {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseEnvelope(b *testing.B) {
	body := frame(b, call(1, make([]byte, 16)))[wire.HeaderLen:]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.ParseEnvelope(body); err != nil {
			b.Fatal(err)
		}
	}
}
