package wire_test

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// FuzzAppendPush: written by hand, a push is what protobuf would write, field by field.
func FuzzAppendPush(f *testing.F) {
	f.Add([]byte("before"), int32(0), uint64(0), uint64(0), []byte(nil), uint64(0))
	f.Add([]byte(nil), int32(1), uint64(1)<<41, uint64(77), []byte("payload"), uint64(1_700_000_000_000))
	f.Add([]byte(nil), int32(3), ^uint64(0), ^uint64(0), make([]byte, 1<<15), ^uint64(0))
	f.Add([]byte(nil), int32(-1), uint64(127), uint64(128), make([]byte, 128), uint64(1))
	f.Fuzz(func(t *testing.T, before []byte, kind int32, table, number uint64, payload []byte, time uint64) {
		p := &wirepb.Push{Kind: wirepb.Push_Kind(kind), Table: table, Number: number, Payload: payload, TimeMs: time}
		got, err := wire.AppendPush(bytes.Clone(before), p)
		if err != nil {
			t.Fatal(err)
		}
		want, err := wire.AppendEnvelope(bytes.Clone(before), &wirepb.Envelope{Body: &wirepb.Envelope_Push{Push: p}})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%v is written as\n%x, not\n%x", p, got, want)
		}
	})
}

// A field that Push gets has to be added to what is written by hand.
func TestAppendPushKnowsAllFields(t *testing.T) {
	p := &wirepb.Push{Kind: wirepb.Push_EVENT, Table: 1, Number: 2, Payload: []byte{3}, TimeMs: 4}
	if fields, set := p.ProtoReflect().Descriptor().Fields(), 0; true {
		for i := range fields.Len() {
			if p.ProtoReflect().Has(fields.Get(i)) {
				set++
			}
		}
		if set != fields.Len() {
			t.Fatalf("%d of %d fields are tested", set, fields.Len())
		}
	}
	frame, err := wire.AppendPush(nil, p)
	if err != nil {
		t.Fatal(err)
	}
	e, err := wire.ParseEnvelope(frame[wire.HeaderLen:])
	if err != nil || !proto.Equal(e.GetPush(), p) {
		t.Fatalf("%v came back as %v, %v", p, e, err)
	}
}

func BenchmarkAppendPush(b *testing.B) {
	buf, payload := make([]byte, 0, 1024), make([]byte, 60)
	b.ReportAllocs()
	for b.Loop() {
		out, err := wire.AppendPush(buf, &wirepb.Push{
			Kind: wirepb.Push_EVENT, Table: 1 << 41, Number: 77, Payload: payload, TimeMs: 1_700_000_000_000,
		})
		if err != nil || len(out) == 0 {
			b.Fatal(err)
		}
	}
}
