package versions

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Unknown names the first thing in a message, however deep, that this build does not
// know: a field without a name here, or a value that its enum does not have. "" = it
// knows all of it. A kind of command that is unknown shows as a field.
//
// What is inside of bytes it cannot see.
func Unknown(m proto.Message) string { return unknown(m.ProtoReflect()) }

func unknown(m protoreflect.Message) (what string) {
	if raw := m.GetUnknown(); len(raw) > 0 {
		return fmt.Sprintf("%s with an unknown field (%d bytes)", m.Descriptor().FullName(), len(raw))
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap(): // no stored message has one; add them here with the first
			what = fmt.Sprintf("%s, a map", f.FullName())
		case f.Message() != nil && f.IsList():
			for list, i := v.List(), 0; i < list.Len() && what == ""; i++ {
				what = unknown(list.Get(i).Message())
			}
		case f.Message() != nil:
			what = unknown(v.Message())
		case f.Enum() != nil && f.IsList():
			for list, i := v.List(), 0; i < list.Len() && what == ""; i++ {
				what = unknownValue(f, list.Get(i).Enum())
			}
		case f.Enum() != nil:
			what = unknownValue(f, v.Enum())
		}
		return what == ""
	})
	return what
}

func unknownValue(f protoreflect.FieldDescriptor, n protoreflect.EnumNumber) string {
	if f.Enum().Values().ByNumber(n) == nil {
		return fmt.Sprintf("%s with the unknown value %d", f.FullName(), n)
	}
	return ""
}
