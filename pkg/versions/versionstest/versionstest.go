// Package versionstest makes messages of builds that do not exist yet: with a field, or a
// value of an enum, that this one does not know, in every place where there can be one. For
// tests only.
package versionstest

import (
	"fmt"
	"iter"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// field is one that no message has.
var field = protowire.AppendVarint(protowire.AppendTag(nil, 536_870_000, protowire.VarintType), 1)

// maxDepth is how deep messages are filled: a message may hold itself.
const maxDepth = 6

// Newer yields messages of m's type with one unknown thing each, and where it is. What
// leads there is filled in; all else is as in m, which is not changed.
func Newer(m proto.Message) iter.Seq2[string, proto.Message] {
	return func(yield func(string, proto.Message) bool) {
		newer(m.ProtoReflect().Descriptor(), "", 0, func(where string, plant func(protoreflect.Message)) bool {
			c := proto.Clone(m)
			plant(c.ProtoReflect())
			return yield(where, c)
		})
	}
}

// newer yields the ways to plant something into a message of type d.
func newer(d protoreflect.MessageDescriptor, path string, depth int, yield func(string, func(protoreflect.Message)) bool) bool {
	if !yield(fmt.Sprintf("%s: a field of %s", path, d.Name()), func(m protoreflect.Message) {
		m.SetUnknown(append(protoreflect.RawFields(nil), field...))
	}) || depth == maxDepth {
		return depth == maxDepth
	}
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		at := path + "." + string(f.Name())
		switch {
		case f.Enum() != nil:
			if !yield(at+": a value", func(m protoreflect.Message) {
				v := protoreflect.ValueOfEnum(9999)
				if f.IsList() {
					m.Mutable(f).List().Append(v)
				} else {
					m.Set(f, v)
				}
			}) {
				return false
			}
		case f.Message() != nil && !f.IsMap():
			if !newer(f.Message(), at, depth+1, func(where string, plant func(protoreflect.Message)) bool {
				return yield(where, func(m protoreflect.Message) {
					if f.IsList() {
						plant(m.Mutable(f).List().AppendMutable().Message())
					} else {
						plant(m.Mutable(f).Message())
					}
				})
			}) {
				return false
			}
		}
	}
	return true
}
