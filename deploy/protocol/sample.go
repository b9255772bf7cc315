package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"teahouse/pkg/wire/vectors"
	"teahouse/pkg/wire/wirepb"
)

// How a message is filled in by rote, so that no field is ever without a vector.
type filling string

const (
	small    filling = "every field"
	extremes filling = "the longest numbers"
	zeros    filling = "zero where it differs from absent"
)

// samples fills in every message that a client may meet.
func (p *protocol) samples() (*vectors.Messages, error) {
	roots, err := p.roots()
	if err != nil {
		return nil, err
	}
	out := &vectors.Messages{}
	seen := map[protoreflect.FullName]bool{}
	for _, root := range roots {
		for _, d := range reachable(root, seen) {
			m, ok := d.(protoreflect.MessageDescriptor)
			if !ok {
				continue
			}
			if err := sampleAll(out, m); err != nil {
				return nil, err
			}
		}
	}
	slices.SortStableFunc(out.Messages, func(a, b vectors.Message) int { return strings.Compare(a.Message, b.Message) })
	return out, nil
}

// sampleAll adds one vector for each filling that differs, and for each choice of a oneof.
func sampleAll(out *vectors.Messages, d protoreflect.MessageDescriptor) error {
	var before []string
	add := func(f filling, choose protoreflect.FieldDescriptor) error {
		m, err := sample(d, f, choose)
		if err != nil {
			return err
		}
		name := string(f)
		if choose != nil {
			name = fmt.Sprintf("%s, %s", f, choose.Name())
		}
		raw, err := vectors.Encode(m)
		if err != nil {
			return err
		}
		if slices.Contains(before, string(raw)) {
			return nil
		}
		before = append(before, string(raw))
		text, err := jsonOf(m)
		out.Messages = append(out.Messages, vectors.Message{Message: string(d.FullName()), Name: name, Hex: raw, JSON: text})
		return err
	}
	for _, f := range []filling{small, extremes, zeros} {
		if err := add(f, nil); err != nil {
			return err
		}
	}
	for i := range d.Fields().Len() {
		field := d.Fields().Get(i)
		if o := field.ContainingOneof(); o == nil || o.IsSynthetic() {
			continue
		}
		if err := add(small, field); err != nil {
			return err
		}
	}
	return nil
}

// sample fills in a message; of a oneof it sets choose, or the first member.
func sample(d protoreflect.MessageDescriptor, f filling, choose protoreflect.FieldDescriptor) (proto.Message, error) {
	t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		return nil, err
	}
	m := t.New()
	fields := m.Descriptor().Fields() // of the generated type, which the set describes too
	for i := range fields.Len() {
		field := fields.Get(i)
		if o := field.ContainingOneof(); o != nil && !o.IsSynthetic() {
			if chosen := choose != nil && choose.ContainingOneof().Name() == o.Name(); chosen && field.Name() != choose.Name() || !chosen && m.WhichOneof(o) != nil {
				continue
			}
		}
		if f == zeros && field.Message() == nil && !field.HasPresence() {
			continue
		}
		if !field.IsList() {
			v, err := sampleValue(field, f, 0)
			if err != nil {
				return nil, err
			}
			m.Set(field, v)
			continue
		}
		list := m.Mutable(field).List()
		for n := range 2 {
			v, err := sampleValue(field, f, n)
			if err != nil {
				return nil, err
			}
			list.Append(v)
		}
	}
	return m.Interface(), nil
}

// sampleValue is a value for the field; n counts within a list.
func sampleValue(field protoreflect.FieldDescriptor, f filling, n int) (v protoreflect.Value, err error) {
	small := uint64(field.Number())*10 + uint64(n)
	if proto.GetExtension(field.Options(), wirepb.E_Tile) == wirepb.TileField_TILE_KIND {
		small = uint64(int(field.Number())+n) % 27
	}
	pick := func(small, extreme any) any {
		switch f {
		case extremes:
			return extreme
		case zeros:
			return nil
		}
		return small
	}
	switch field.Kind() {
	case protoreflect.MessageKind:
		m, err := sample(field.Message(), f, nil)
		if err != nil {
			return v, err
		}
		return protoreflect.ValueOfMessage(m.ProtoReflect()), nil
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(f != zeros), nil
	case protoreflect.StringKind:
		text, _ := pick(fmt.Sprintf("%s-%d", field.Name(), n), "茶馆 🀄 \"\\\n").(string)
		return protoreflect.ValueOfString(text), nil
	case protoreflect.BytesKind:
		raw, _ := pick([]byte{byte(field.Number()), byte(n)}, []byte{0, 0x7f, 0x80, 0xff}).([]byte)
		return protoreflect.ValueOfBytes(raw), nil
	case protoreflect.EnumKind:
		values := field.Enum().Values()
		first, last := values.Get(min(1, values.Len()-1)).Number(), values.Get(values.Len()-1).Number()
		number, _ := pick(first, last).(protoreflect.EnumNumber)
		return protoreflect.ValueOfEnum(number), nil
	case protoreflect.Uint32Kind:
		number, _ := pick(uint32(small), uint32(math.MaxUint32)).(uint32)
		return protoreflect.ValueOfUint32(number), nil
	case protoreflect.Int32Kind:
		number, _ := pick(int32(small), int32(math.MinInt32)).(int32)
		return protoreflect.ValueOfInt32(number), nil
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		number, _ := pick(small, uint64(math.MaxUint64)).(uint64)
		return protoreflect.ValueOfUint64(number), nil
	case protoreflect.Int64Kind:
		number, _ := pick(-int64(small), int64(math.MinInt64)).(int64)
		return protoreflect.ValueOfInt64(number), nil
	}
	return v, fmt.Errorf("%s: no sample of the kind %v", field.FullName(), field.Kind())
}

// jsonOf is a message's ProtoJSON without the spaces that Go's encoder puts in at random.
func jsonOf(m proto.Message) (json.RawMessage, error) {
	raw, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	return vectors.Compact(raw)
}
