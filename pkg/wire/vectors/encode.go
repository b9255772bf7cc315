package vectors

import (
	"cmp"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Encode encodes a message in the one way that the vectors have: fields in the order of their numbers,
// what is zero or empty left out, numbers in as few bytes as possible, lists of numbers packed. Go's own
// encoder does the same but for the order of some fields.
func Encode(m proto.Message) ([]byte, error) {
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	return ordered(raw, m.ProtoReflect().Descriptor())
}

// ordered puts the fields of an encoded message into the order of their numbers.
func ordered(raw []byte, d protoreflect.MessageDescriptor) ([]byte, error) {
	type field struct {
		number protowire.Number
		raw    []byte
	}
	var all []field
	for rest := raw; len(rest) > 0; {
		number, kind, n := protowire.ConsumeField(rest)
		if n < 0 {
			return nil, fmt.Errorf("%s: %w", d.FullName(), protowire.ParseError(n))
		}
		f := field{number, rest[:n:n]}
		if known := d.Fields().ByNumber(number); known != nil && known.Message() != nil && kind == protowire.BytesType {
			_, _, tag := protowire.ConsumeTag(rest)
			contents, _ := protowire.ConsumeBytes(rest[tag:])
			inner, err := ordered(contents, known.Message())
			if err != nil {
				return nil, err
			}
			f.raw = protowire.AppendBytes(rest[:tag:tag], inner)
		}
		all, rest = append(all, f), rest[n:]
	}
	slices.SortStableFunc(all, func(a, b field) int { return cmp.Compare(a.number, b.number) })
	out := make([]byte, 0, len(raw))
	for _, f := range all {
		out = append(out, f.raw...)
	}
	return out, nil
}
