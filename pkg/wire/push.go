package wire

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"teahouse/pkg/wire/wirepb"
)

// Field numbers of Envelope and Push. A gateway writes more pushes than anything else, and writes
// them by hand: that takes a quarter of the time and no memory.
const (
	envelopePush protowire.Number = 7

	pushKind    protowire.Number = 1
	pushTable   protowire.Number = 2
	pushNumber  protowire.Number = 3
	pushPayload protowire.Number = 4
	pushTime    protowire.Number = 5
)

// AppendPush is AppendEnvelope for a push, which it does not keep. It appends the same bytes.
func AppendPush(dst []byte, p *wirepb.Push) ([]byte, error) {
	inner := sizeUint(pushKind, uint64(p.Kind)) + sizeUint(pushTable, p.Table) + sizeUint(pushNumber, p.Number) + sizeUint(pushTime, p.TimeMs)
	if n := len(p.Payload); n > 0 {
		inner += protowire.SizeTag(pushPayload) + protowire.SizeBytes(n)
	}
	body := protowire.SizeTag(envelopePush) + protowire.SizeBytes(inner)
	if uint64(body) > math.MaxUint32 {
		return dst, &FrameTooLong{Announced: math.MaxUint32, Max: math.MaxUint32}
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(body))
	dst = protowire.AppendTag(dst, envelopePush, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(inner))
	dst = appendUint(dst, pushKind, uint64(p.Kind))
	dst = appendUint(dst, pushTable, p.Table)
	dst = appendUint(dst, pushNumber, p.Number)
	if len(p.Payload) > 0 {
		dst = protowire.AppendTag(dst, pushPayload, protowire.BytesType)
		dst = protowire.AppendBytes(dst, p.Payload)
	}
	return appendUint(dst, pushTime, p.TimeMs), nil
}

func sizeUint(field protowire.Number, v uint64) int {
	if v == 0 {
		return 0
	}
	return protowire.SizeTag(field) + protowire.SizeVarint(v)
}

func appendUint(dst []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return protowire.AppendVarint(protowire.AppendTag(dst, field, protowire.VarintType), v)
}
