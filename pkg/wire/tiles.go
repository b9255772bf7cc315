package wire

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"teahouse/pkg/wire/wirepb"
)

// TileVisitor gets one tile: the field that shows it, and whether value is an id or a kind.
type TileVisitor func(field protoreflect.FieldDescriptor, kind wirepb.TileField, value uint32)

// Tiles calls visit for every tile that m shows: each value of each field with the option (tile),
// in m and in the messages within it. A bytes field holds one tile per byte. A single number
// without presence is not visited when it is 0, because that cannot be told from an absent one:
// declare such fields optional. Payloads that are opaque bytes are not entered; decode and walk
// them separately. The order of visits is undefined.
func Tiles(m proto.Message, visit TileVisitor) {
	walkTiles(m.ProtoReflect(), visit)
}

func walkTiles(m protoreflect.Message, visit TileVisitor) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		each := func(v protoreflect.Value) { tilesOf(field, v, visit) }
		switch {
		case field.IsList():
			for i := range value.List().Len() {
				each(value.List().Get(i))
			}
		case field.IsMap():
			// Only messages: the keys and values of a map cannot carry the option.
			if field.MapValue().Message() != nil {
				value.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
					walkTiles(v.Message(), visit)
					return true
				})
			}
		default:
			each(value)
		}
		return true
	})
}

// tilesOf visits one value of field that is not a list or a map.
func tilesOf(field protoreflect.FieldDescriptor, value protoreflect.Value, visit TileVisitor) {
	if field.Message() != nil {
		walkTiles(value.Message(), visit)
		return
	}
	kind := proto.GetExtension(field.Options(), wirepb.E_Tile).(wirepb.TileField)
	if kind == wirepb.TileField_NO_TILE {
		return
	}
	switch v := value.Interface().(type) {
	case uint32:
		visit(field, kind, v)
	case uint64:
		visit(field, kind, uint32(v))
	case int32:
		visit(field, kind, uint32(v))
	case int64:
		visit(field, kind, uint32(v))
	case protoreflect.EnumNumber:
		visit(field, kind, uint32(v))
	case []byte:
		for _, b := range v {
			visit(field, kind, uint32(b))
		}
	}
}
