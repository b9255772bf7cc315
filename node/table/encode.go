package table

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// encode marshals a message. That cannot fail, because all strings in it were decoded from messages or
// come from this program.
func encode(m proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

// Field numbers of the two kinds of events that make up nearly all of a stream. These are encoded by
// hand for speed, because every replica encodes each of them; a test compares the bytes with those of
// the generated code.
const (
	fieldEventGame     = 3 // TableEvent.game
	fieldEventPrompt   = 4 // TableEvent.prompt
	fieldPromptLimit   = 1 // Prompt.limit_ms
	fieldPromptGame    = 2 // Prompt.game
	fieldPromptReserve = 3 // Prompt.reserve_ms
)

// encodeGame encodes a TableEvent with a game's own event.
func encodeGame(payload []byte) []byte {
	b := make([]byte, 0, protowire.SizeTag(fieldEventGame)+protowire.SizeBytes(len(payload)))
	b = protowire.AppendTag(b, fieldEventGame, protowire.BytesType)
	return protowire.AppendBytes(b, payload)
}

// encodePrompt encodes a TableEvent with a Prompt.
func encodePrompt(limitMS, reserveMS uint32, payload []byte) []byte {
	size := 0
	if limitMS != 0 {
		size += protowire.SizeTag(fieldPromptLimit) + protowire.SizeVarint(uint64(limitMS))
	}
	if len(payload) != 0 {
		size += protowire.SizeTag(fieldPromptGame) + protowire.SizeBytes(len(payload))
	}
	if reserveMS != 0 {
		size += protowire.SizeTag(fieldPromptReserve) + protowire.SizeVarint(uint64(reserveMS))
	}
	b := make([]byte, 0, protowire.SizeTag(fieldEventPrompt)+protowire.SizeBytes(size))
	b = protowire.AppendTag(b, fieldEventPrompt, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	if limitMS != 0 {
		b = protowire.AppendTag(b, fieldPromptLimit, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(limitMS))
	}
	if len(payload) != 0 {
		b = protowire.AppendTag(b, fieldPromptGame, protowire.BytesType)
		b = protowire.AppendBytes(b, payload)
	}
	if reserveMS != 0 {
		b = protowire.AppendTag(b, fieldPromptReserve, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(reserveMS))
	}
	return b
}

// sameSlice reports whether a and b are the same slice in memory.
func sameSlice(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
