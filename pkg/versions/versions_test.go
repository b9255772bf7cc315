package versions

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"pgregory.net/rapid"
)

func TestCommon(t *testing.T) {
	side := rapid.Custom(func(t *rapid.T) Range {
		return Range{rapid.Uint32Range(0, 6).Draw(t, "min"), rapid.Uint32Range(0, 6).Draw(t, "max")}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := side.Draw(t, "a"), side.Draw(t, "b")
		v, ok := Common(a, b)
		w, also := Common(b, a)
		if v != w && ok || ok != also {
			t.Fatalf("%v with %v is %d %v, the other way round %d %v", a, b, v, ok, w, also)
		}
		if ok && !(a.Holds(v) && b.Holds(v)) {
			t.Fatalf("%v and %v have not %d in common", a, b, v)
		}
		for higher := uint32(1); higher <= 6; higher++ {
			if a.Valid() && b.Valid() && a.Holds(higher) && b.Holds(higher) && (!ok || higher > v) {
				t.Fatalf("%v and %v have %d in common, not %d %v", a, b, higher, v, ok)
			}
		}
	})
}

func TestBuildsRanges(t *testing.T) {
	for name, r := range map[string]Range{"levels": Levels(), "link": Link(), "raft": Raft()} {
		if !r.Valid() {
			t.Errorf("%s: %v", name, r)
		}
	}
	if got := (Range{}).Or(Range{1, 2}); got != (Range{1, 2}) {
		t.Error(got)
	}
	if got := (Range{2, 3}).Or(Range{1, 2}); got != (Range{2, 3}) || got.String() != "2 to 3" || (Range{2, 2}).String() != "2" {
		t.Error(got)
	}
}

// A message with a list of messages, messages in messages and enums.
func sample() *descriptorpb.FileDescriptorProto {
	label := descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL
	return &descriptorpb.FileDescriptorProto{
		Name: proto.String("x"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("m"), Field: []*descriptorpb.FieldDescriptorProto{
			{Name: proto.String("f"), Label: &label, Options: &descriptorpb.FieldOptions{Targets: []descriptorpb.FieldOptions_OptionTargetType{1, 2}}},
		}}},
	}
}

func TestUnknown(t *testing.T) {
	if what := Unknown(sample()); what != "" {
		t.Fatalf("a message that is known: %s", what)
	}
	foreign := protowire.AppendVarint(protowire.AppendTag(nil, 9999, protowire.VarintType), 1)
	for name, plant := range map[string]func(*descriptorpb.FileDescriptorProto){
		"field at the top": func(m *descriptorpb.FileDescriptorProto) { m.ProtoReflect().SetUnknown(foreign) },
		"field in a list":  func(m *descriptorpb.FileDescriptorProto) { m.MessageType[0].ProtoReflect().SetUnknown(foreign) },
		"field deep below": func(m *descriptorpb.FileDescriptorProto) {
			m.MessageType[0].Field[0].Options.ProtoReflect().SetUnknown(foreign)
		},
		"value of an enum": func(m *descriptorpb.FileDescriptorProto) { *m.MessageType[0].Field[0].Label = 77 },
		"value in a list":  func(m *descriptorpb.FileDescriptorProto) { m.MessageType[0].Field[0].Options.Targets[1] = 77 },
		"field in a 2nd entry": func(m *descriptorpb.FileDescriptorProto) {
			d := &descriptorpb.DescriptorProto{}
			d.ProtoReflect().SetUnknown(foreign)
			m.MessageType = append(m.MessageType, d)
		},
	} {
		m := sample()
		plant(m)
		if Unknown(m) == "" {
			t.Errorf("unknown %s is not found", name)
		}
	}
}
