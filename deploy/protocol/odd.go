package main

import (
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/vectors"
	"teahouse/pkg/wire/wirepb"
)

// Field numbers that no version of the protocol has used.
const unusedField protowire.Number = 1999

func pingOf(nonce uint64) *wirepb.Envelope {
	return &wirepb.Envelope{Body: &wirepb.Envelope_Ping{Ping: &wirepb.Ping{Nonce: nonce}}}
}

// framed puts the length in front of a body.
func framed(body []byte) vectors.Hex {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// field is one field with a length.
func field(n protowire.Number, contents ...byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), contents)
}

// odd adds frames that nobody would encode like this, and that have to be understood all the same; and
// those that end a connection.
func (b *builder) odd() {
	const hello, ping, call = 1, 3, 5 // bodies of an Envelope
	unknown := field(unusedField, 1, 2, 3)
	event := &wirepb.TableEvent{}
	push := &wirepb.Push{Kind: wirepb.Push_EVENT, Table: exampleTable, Number: 19, Payload: field(unusedField, 1, 2, 3)}
	b.decodeOnly("an unknown field beside the body", slices.Concat(must(pingOf(300)), unknown), pingOf(300))
	b.decodeOnly("an unknown field within the body", field(ping, slices.Concat([]byte{0x08, 0xac, 0x02}, unknown)...), pingOf(300))
	b.decodeOnly("a number in more bytes than it needs", field(ping, 0x08, 0xac, 0x82, 0x00), pingOf(300))
	b.decodeOnly("a zero that is written", field(ping, 0x08, 0x00), pingOf(0))
	b.decodeOnly("fields in another order", field(call, slices.Concat(field(2, []byte("queue.list")...), []byte{0x08, 0x09})...),
		&wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{Id: 9, Method: "queue.list"}}})
	b.decodeOnly("two bodies: the last one counts", slices.Concat(field(hello, 0x08, 0x02), must(pingOf(300))), pingOf(300))
	b.decodeOnly("one body in two parts", slices.Concat(field(call, 0x08, 0x09), field(call, field(2, []byte("queue.list")...)...)),
		&wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{Id: 9, Method: "queue.list"}}})
	b.add("event with a body of a later version: its number counts", &wirepb.Envelope{Body: &wirepb.Envelope_Push{Push: push}})
	b.lastHolds(held{field: "push.payload", message: event})

	tooLong := binary.BigEndian.AppendUint32(nil, uint32(b.out.MaxFrame)+1)
	b.refuse("a length of one byte too many, and nothing else yet", wirepb.Code_FRAME_TOO_LONG, tooLong)
	b.refuse("the longest length", wirepb.Code_FRAME_TOO_LONG, []byte{0xff, 0xff, 0xff, 0xff})
	b.refuse("another protocol", wirepb.Code_FRAME_TOO_LONG, []byte("GET / HTTP/1.1\r\n\r\n"))
	whole := must(&wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{Id: 9, Method: "queue.list"}}})
	for _, r := range []struct {
		name string
		body []byte
	}{
		{"an empty body", nil},
		{"an Envelope without a body that this version knows", field(unusedField, 1)},
		{"a body whose end is missing", whole[:len(whole)-3]},
		{"a body of the wrong kind", []byte{call<<3 | byte(protowire.VarintType), 1}},
		{"a text that is not UTF-8", field(call, field(2, 0xff)...)},
		{"a number that never ends", slices.Repeat([]byte{0xff}, 16)},
		{"a field of number zero", []byte{0x00, 0x00}},
		{"bytes that are no message", []byte("\x07teahouse")},
	} {
		b.refuse(r.name, wirepb.Code_BAD_FRAME, framed(r.body))
	}
}

// decodeOnly adds a frame with this body, which says e.
func (b *builder) decodeOnly(name string, body []byte, e *wirepb.Envelope) {
	b.add(name, e)
	if b.err == nil {
		last := &b.out.Frames[len(b.out.Frames)-1]
		last.Hex, last.DecodeOnly = framed(body), true
	}
}

// lastHolds says what the last frame holds, which is decoded and not encoded.
func (b *builder) lastHolds(h held) {
	if b.err != nil {
		return
	}
	last := &b.out.Frames[len(b.out.Frames)-1]
	last.Holds, b.err = heldOf([]held{h})
	last.DecodeOnly = true
}

func (b *builder) refuse(name string, code wirepb.Code, raw []byte) {
	b.out.Refused = append(b.out.Refused, vectors.Refused{Name: name, Hex: raw, Code: code.String()})
}

// reads adds streams that are cut anywhere, and beginnings of frames.
func (b *builder) reads() {
	if b.err != nil {
		return
	}
	list := &wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{Id: 9, Method: "queue.list"}}}
	one, two := framed(must(pingOf(300))), framed(must(list))
	stream, first := slices.Concat(one, two), len(one)
	all := vectors.Read{}
	for _, m := range []proto.Message{pingOf(300), list} {
		text, err := jsonOf(m)
		if err != nil {
			b.err = err
			return
		}
		all.Envelopes = append(all.Envelopes, text)
	}
	var everywhere []int
	for i := 1; i < len(stream); i++ {
		everywhere = append(everywhere, i)
	}
	for _, r := range []struct {
		name string
		cuts []int
	}{
		{"two frames in one read", nil},
		{"a read for each frame", []int{first}},
		{"cut within the lengths", []int{2, first + 3}},
		{"cut behind the lengths", []int{wire.HeaderLen, first + wire.HeaderLen}},
		{"cut within the bodies", []int{first - 1, first + wire.HeaderLen + 1}},
		{"a read for each byte", everywhere},
	} {
		v := vectors.Read{Name: r.name, Envelopes: all.Envelopes}
		from := 0
		for _, to := range append(r.cuts, len(stream)) {
			v.Reads, from = append(v.Reads, vectors.Hex(stream[from:to])), to
		}
		b.out.Reads = append(b.out.Reads, v)
	}
	b.out.Unfinished = []vectors.Unfinished{
		{Name: "nothing", Hex: vectors.Hex{}},
		{Name: "part of a length", Hex: one[:3]},
		{Name: "a length alone", Hex: one[:wire.HeaderLen]},
		{Name: "all but the last byte", Hex: one[:first-1]},
		{Name: "the longest length that is allowed", Hex: binary.BigEndian.AppendUint32(nil, uint32(b.out.MaxFrame))},
	}
}
