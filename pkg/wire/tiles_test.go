package wire

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"teahouse/pkg/wire/wirepb"
)

// tileField is one field of the test's message, with the option unless it is 0.
func tileField(name string, number int32, typ descriptorpb.FieldDescriptorProto_Type, repeated bool, tile wirepb.TileField) *descriptorpb.FieldDescriptorProto {
	f := &descriptorpb.FieldDescriptorProto{Name: &name, Number: &number, Type: &typ}
	f.Label = descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()
	if repeated {
		f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
	}
	if typ == descriptorpb.FieldDescriptorProto_TYPE_MESSAGE {
		f.TypeName = proto.String(".t.M")
	}
	f.Options = &descriptorpb.FieldOptions{}
	if tile != wirepb.TileField_NO_TILE {
		proto.SetExtension(f.Options, wirepb.E_Tile, tile)
	}
	return f
}

func TestTiles(t *testing.T) {
	const (
		u32   = descriptorpb.FieldDescriptorProto_TYPE_UINT32
		i64   = descriptorpb.FieldDescriptorProto_TYPE_INT64
		raw   = descriptorpb.FieldDescriptorProto_TYPE_BYTES
		inner = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
	)
	file := build(t, &descriptorpb.FileDescriptorProto{
		Name: proto.String("t.proto"), Package: proto.String("t"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{
			Name: proto.String("M"),
			Field: []*descriptorpb.FieldDescriptorProto{
				tileField("seat", 1, u32, false, wirepb.TileField_NO_TILE),
				tileField("tile", 2, u32, false, wirepb.TileField_TILE_ID),
				tileField("hand", 3, u32, true, wirepb.TileField_TILE_ID),
				tileField("void", 4, i64, false, wirepb.TileField_TILE_KIND),
				tileField("wall", 5, raw, false, wirepb.TileField_TILE_ID),
				tileField("one", 6, inner, false, wirepb.TileField_NO_TILE),
				tileField("many", 7, inner, true, wirepb.TileField_NO_TILE),
			},
		}},
	})
	descriptor := file.Messages().Get(0)
	field := func(name string) protoreflect.FieldDescriptor {
		return descriptor.Fields().ByName(protoreflect.Name(name))
	}
	message := func(fill func(m *dynamicpb.Message)) *dynamicpb.Message {
		m := dynamicpb.NewMessage(descriptor)
		fill(m)
		return m
	}
	leaf := func(tile uint32) protoreflect.Value {
		return protoreflect.ValueOfMessage(message(func(m *dynamicpb.Message) {
			m.Set(field("tile"), protoreflect.ValueOfUint32(tile))
		}))
	}
	root := message(func(m *dynamicpb.Message) {
		m.Set(field("seat"), protoreflect.ValueOfUint32(99)) // not a tile
		m.Set(field("tile"), protoreflect.ValueOfUint32(1))
		hand := m.Mutable(field("hand")).List()
		hand.Append(protoreflect.ValueOfUint32(0)) // in a list, 0 is visible
		hand.Append(protoreflect.ValueOfUint32(2))
		m.Set(field("void"), protoreflect.ValueOfInt64(26))
		m.Set(field("wall"), protoreflect.ValueOfBytes([]byte{3, 107}))
		m.Set(field("one"), leaf(4))
		many := m.Mutable(field("many")).List()
		many.Append(leaf(5))
		many.Append(leaf(6))
	})

	var ids, kinds []uint32
	Tiles(root, func(_ protoreflect.FieldDescriptor, kind wirepb.TileField, v uint32) {
		if kind == wirepb.TileField_TILE_ID {
			ids = append(ids, v)
		} else {
			kinds = append(kinds, v)
		}
	})
	slices.Sort(ids)
	if want := []uint32{0, 1, 2, 3, 4, 5, 6, 107}; !slices.Equal(ids, want) {
		t.Errorf("ids %v, want %v", ids, want)
	}
	if want := []uint32{26}; !slices.Equal(kinds, want) {
		t.Errorf("kinds %v, want %v", kinds, want)
	}
}
