package main

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/vectors"
	"teahouse/pkg/wire/wirepb"
)

// held is what a field of bytes holds.
type held struct {
	field   string
	message proto.Message
	holds   []held
}

// frames makes frames.json.
func (p *protocol) frames() (*vectors.Frames, error) {
	limits, err := wire.Limits{}.WithDefaults()
	if err != nil {
		return nil, err
	}
	b := &builder{out: &vectors.Frames{MaxFrame: limits.MaxFrame}}
	for _, e := range connectionExamples() {
		b.add(bodyName(e), e)
	}
	p.calls(b)
	p.pushes(b)
	b.odd()
	b.reads()
	return b.out, b.err
}

// builder collects frames. After an error it does nothing.
type builder struct {
	out *vectors.Frames
	err error
	ids uint64
}

func (b *builder) add(name string, e *wirepb.Envelope, holds ...held) {
	if b.err != nil {
		return
	}
	var f vectors.Frame
	if f, b.err = frameOf(name, e, holds...); b.err == nil {
		b.out.Frames = append(b.out.Frames, f)
	}
}

func frameOf(name string, e *wirepb.Envelope, holds ...held) (f vectors.Frame, err error) {
	f.Name = name
	body, err := vectors.Encode(e)
	if err != nil {
		return f, err
	}
	f.Hex = framed(body)
	if f.Envelope, err = jsonOf(e); err != nil {
		return f, err
	}
	f.Holds, err = heldOf(holds)
	return f, err
}

func heldOf(holds []held) (all []vectors.Held, err error) {
	for _, h := range holds {
		v := vectors.Held{Field: h.field, Message: string(h.message.ProtoReflect().Descriptor().FullName())}
		if v.JSON, err = jsonOf(h.message); err != nil {
			return nil, err
		}
		if v.Holds, err = heldOf(h.holds); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// bodyName is the name of the body that is set, as in the definition.
func bodyName(m proto.Message) string {
	r := m.ProtoReflect()
	if f := r.WhichOneof(r.Descriptor().Oneofs().ByName("body")); f != nil {
		return string(f.Name())
	}
	return ""
}

// rote fills in a message of this type, or of a body choose of it.
func (b *builder) rote(d protoreflect.MessageDescriptor, choose protoreflect.FieldDescriptor) proto.Message {
	if b.err != nil {
		return nil
	}
	var m proto.Message
	if m, b.err = sample(d, small, choose); b.err != nil {
		return nil
	}
	return m
}

// calls adds a call, its answer, and perhaps a refusal, of every method.
func (p *protocol) calls(b *builder) {
	known := exchanges()
	for _, s := range p.services() {
		for i := range s.Methods().Len() {
			d := s.Methods().Get(i)
			name := proto.GetExtension(d.Options(), wirepb.E_Name).(string)
			x, ok := known[name]
			if !ok {
				x = exchange{request: b.rote(d.Input(), nil), reply: b.rote(d.Output(), nil)}
			}
			if b.err != nil {
				return
			}
			b.exchange(name, proto.GetExtension(d.Options(), wirepb.E_Scope) == wirepb.Scope_TABLE, x)
		}
	}
}

func (b *builder) exchange(name string, atTable bool, x exchange) {
	b.ids++
	call := &wirepb.Call{Id: b.ids, Method: name, Payload: must(x.request)}
	if atTable {
		call.Table = exampleTable
	}
	request := held{field: "call.payload", message: x.request}
	if x.move != nil {
		request.holds = []held{{field: "move", message: x.move}}
	}
	b.add("call "+name, &wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: call}}, request)
	reply := &wirepb.Reply{Id: b.ids, Payload: must(x.reply)}
	b.add("reply "+name, &wirepb.Envelope{Body: &wirepb.Envelope_Reply{Reply: reply}}, held{field: "reply.payload", message: x.reply})
	if x.refusal != nil {
		refusal := &wirepb.Reply{Id: b.ids, Code: x.refused, Payload: must(x.refusal)}
		b.add(fmt.Sprintf("reply %s %v", name, x.refused), &wirepb.Envelope{Body: &wirepb.Envelope_Reply{Reply: refusal}},
			held{field: "reply.payload", message: x.refusal})
	}
}

// pushes adds an event of every kind, a snapshot and a notice of every kind.
func (p *protocol) pushes(b *builder) {
	var number uint64
	push := func(name string, kind wirepb.Push_Kind, table uint64, m proto.Message, holds ...held) {
		message := &wirepb.Push{Kind: kind, Table: table, Payload: must(m)}
		if kind != wirepb.Push_NOTICE {
			number++
			message.Number, message.TimeMs = number, exampleTime
		}
		b.add(name, &wirepb.Envelope{Body: &wirepb.Envelope_Push{Push: message}}, held{field: "push.payload", message: m, holds: holds})
	}
	told := map[string]bool{}
	for _, e := range eventExamples() {
		body := bodyName(e.event)
		name := "event " + body
		for n := 2; told[name]; n++ {
			name = fmt.Sprintf("event %s %d", body, n)
		}
		told[name] = true
		push(name, wirepb.Push_EVENT, exampleTable, e.event, heldBy(body, e.game)...)
	}
	b.others(&wirepb.TableEvent{}, func(body string, m proto.Message) {
		if !told["event "+body] {
			push("event "+body, wirepb.Push_EVENT, exampleTable, m)
		}
	})
	view, game := viewExample()
	push("snapshot", wirepb.Push_SNAPSHOT, exampleTable, view, held{field: "game", message: game})
	for _, n := range noticeExamples() {
		name := "notice " + bodyName(n)
		told[name] = true
		push(name, wirepb.Push_NOTICE, 0, n)
	}
	b.others(&wirepb.Notice{}, func(body string, m proto.Message) {
		if !told["notice "+body] {
			push("notice "+body, wirepb.Push_NOTICE, 0, m)
		}
	})
}

// heldBy says where the body of an event has the game's message.
func heldBy(body string, game proto.Message) []held {
	switch {
	case game == nil:
		return nil
	case body == "game":
		return []held{{field: body, message: game}}
	}
	return []held{{field: body + ".game", message: game}}
}

// others calls add with one message of m's type for each choice of its body.
func (b *builder) others(m proto.Message, add func(body string, m proto.Message)) {
	t, err := protoregistry.GlobalTypes.FindMessageByName(m.ProtoReflect().Descriptor().FullName())
	if err != nil {
		b.err = err
		return
	}
	fields := t.Descriptor().Oneofs().ByName("body").Fields()
	for i := range fields.Len() {
		if r := b.rote(t.Descriptor(), fields.Get(i)); b.err == nil {
			add(string(fields.Get(i).Name()), r)
		}
	}
}
