package gametest

import (
	"bytes"
	"math/rand/v2"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// spoilt is bytes with something wrong in them, or other bytes altogether.
func spoilt(from []byte, rng *rand.Rand) []byte {
	b := bytes.Clone(from)
	switch rng.IntN(16) {
	case 0:
		return b[:rng.IntN(len(b)+1)]
	case 1:
		return append(b, randomBytes(1+rng.IntN(8), rng)...)
	case 2:
		return randomBytes(rng.IntN(40), rng)
	case 3:
		return slices.Insert(b, rng.IntN(len(b)+1), randomBytes(1+rng.IntN(3), rng)...)
	case 4:
		at := rng.IntN(len(b) + 1)
		return slices.Delete(b, at, min(len(b), at+1+rng.IntN(4)))
	case 5, 6, 7, 8, 9, 10:
		if fields := fieldsOf(b); fields != nil {
			return reshaped(fields, rng)
		}
	}
	for range 1 + rng.IntN(3) {
		if len(b) > 0 {
			b[rng.IntN(len(b))] ^= byte(1 << rng.IntN(8))
		}
	}
	return b
}

func randomBytes(n int, rng *rand.Rand) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// wireField is a field of a protobuf message.
type wireField struct {
	number protowire.Number
	kind   protowire.Type
	value  []byte // as it is written; of bytes and messages without the length
}

// fieldsOf splits a protobuf message; nil if it is none, or empty.
func fieldsOf(b []byte) (fields []wireField) {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
			return nil
		}
		value := b[:n]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(b)
		}
		fields, b = append(fields, wireField{number, kind, value}), b[n:]
	}
	return fields
}

// reshaped is a protobuf message again, of which a field somewhere inside is gone, there twice, elsewhere or another one: it is read
// to its end, as flipped bits rarely are.
func reshaped(fields []wireField, rng *rand.Rand) (b []byte) {
	fields = slices.Clone(fields)
	at := rng.IntN(len(fields))
	f := &fields[at]
	inner := fieldsOf(f.value)
	switch n := rng.IntN(8); {
	case f.kind == protowire.BytesType && inner != nil && n < 5:
		f.value = reshaped(inner, rng)
	case f.kind == protowire.VarintType && n < 5:
		values := []uint64{0, 1, uint64(rng.IntN(8)), uint64(rng.IntN(200)), rng.Uint64(), 1<<63 - 1, 1<<31 - 1}
		f.value = protowire.AppendVarint(nil, values[rng.IntN(len(values))])
	case f.kind == protowire.BytesType && len(f.value) > 0 && n < 5: // text, or a packed list
		f.value = bytes.Clone(f.value)
		f.value[rng.IntN(len(f.value))] = byte(rng.IntN(256))
		if rng.IntN(2) == 0 {
			f.value = f.value[rng.IntN(len(f.value)):]
		}
	case n < 6:
		fields = slices.Delete(fields, at, at+1)
	case n < 7:
		fields = slices.Insert(fields, rng.IntN(len(fields)+1), *f)
	default:
		f.number = protowire.Number(1 + rng.IntN(16))
	}
	for _, f := range fields {
		if b = protowire.AppendTag(b, f.number, f.kind); f.kind == protowire.BytesType {
			b = protowire.AppendBytes(b, f.value)
			continue
		}
		b = append(b, f.value...)
	}
	return b
}
