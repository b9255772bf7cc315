package main

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/vectors"
	"teahouse/pkg/wire/wirepb"
)

// shortName is short for a full name.
func (p *protocol) shortName(full string) string {
	d, err := p.files.FindDescriptorByName(protoreflect.FullName(full))
	if err != nil {
		return full
	}
	return p.short(d)
}

// messages describes these and what they are made of, unless that has been done. Whatever has a place
// of its own further down is left for it.
func (d *document) messages(names ...string) {
	for _, name := range names {
		m, err := d.p.message(name)
		if err != nil {
			d.fail("%w", err)
			return
		}
		for _, t := range d.parts(m) {
			d.describe(t)
		}
	}
}

// parts lists a type and what it is made of as far as it has not been described; the parts of an
// envelope and the codes have places of their own.
func (d *document) parts(m protoreflect.Descriptor) []protoreflect.Descriptor {
	seen := map[protoreflect.FullName]bool{}
	for name := range d.described {
		seen[name] = true
	}
	all := reachable(m, seen)
	if m.Name() == "Envelope" {
		return all[:1]
	}
	return slices.DeleteFunc(all, func(t protoreflect.Descriptor) bool { return t.Name() == "Code" })
}

func (d *document) describe(t protoreflect.Descriptor) {
	d.described[t.FullName()] = true
	d.printf("%s %s\n\n", d.level, d.p.short(t))
	if text := said(t); text != "" {
		d.printf("%s\n\n", text)
	}
	switch t := t.(type) {
	case protoreflect.MessageDescriptor:
		d.fields(t)
	case protoreflect.EnumDescriptor:
		d.values(t)
	}
}

func (d *document) fields(m protoreflect.MessageDescriptor) {
	if m.Fields().Len() == 0 {
		d.printf("No fields.\n\n")
		return
	}
	d.printf("| # | field | type | |\n|--:|---|---|---|\n")
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		d.printf("| %d | `%s` | %s | %s |\n", f.Number(), f.Name(), d.kind(f), cell(said(f)))
	}
	d.printf("\n")
	for i := range m.Oneofs().Len() {
		o := m.Oneofs().Get(i)
		if o.IsSynthetic() {
			continue
		}
		var names []string
		for j := range o.Fields().Len() {
			names = append(names, "`"+string(o.Fields().Get(j).Name())+"`")
		}
		d.printf("At most one of %s is set.\n\n", strings.Join(names, ", "))
	}
}

// kind is a field's type, with what it adds to the plain one.
func (d *document) kind(f protoreflect.FieldDescriptor) string {
	text := f.Kind().String()
	switch f.Kind() {
	case protoreflect.MessageKind:
		text = d.typeLink(f.Message())
	case protoreflect.EnumKind:
		text = d.typeLink(f.Enum())
	}
	switch proto.GetExtension(f.Options(), wirepb.E_Tile).(wirepb.TileField) {
	case wirepb.TileField_TILE_KIND:
		text += ", a tile"
	case wirepb.TileField_TILE_ID:
		text += ", an id of a tile"
	}
	switch {
	case f.IsList():
		text = "repeated " + text
	case f.HasOptionalKeyword():
		text = "optional " + text
	}
	return text
}

func (d *document) typeLink(t protoreflect.Descriptor) string {
	name := d.p.short(t)
	if name == "Code" {
		return "[Code](#codes)"
	}
	return fmt.Sprintf("[%s](#%s)", name, anchor(name))
}

func (d *document) values(e protoreflect.EnumDescriptor) {
	d.printf("| # | value | |\n|--:|---|---|\n")
	for i := range e.Values().Len() {
		v := e.Values().Get(i)
		d.printf("| %d | `%s` | %s |\n", v.Number(), v.Name(), cell(said(v)))
	}
	d.printf("\n")
}

// cell makes a text fit into a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "|", `\|`), "\n\n", "<br>")
}

// pushes describes what tables tell.
func (d *document) pushes() {
	d.messages("Push", "TableEvent")
	for _, f := range d.ordered("event ") {
		d.example(f)
	}
	d.messages("TableView")
	d.example("snapshot")
	d.messages("Notice")
	for _, f := range d.ordered("notice ") {
		d.example(f)
	}
}

// games describes what each game says.
func (d *document) games() {
	d.level = "####"
	defer func() { d.level = "###" }()
	for _, g := range d.p.games {
		d.printf("### The game %s\n\n", g.name)
		first, err := d.p.files.FindDescriptorByName(g.pkg + ".Move")
		if err != nil {
			d.fail("%w", err)
			return
		}
		d.printf("%s\n\n", fileComment(first.ParentFile()))
		if text := "text/" + g.name + ".md"; hasText(text) {
			d.text(g.name + ".md")
		}
		for _, m := range gameMessages {
			name := string(g.pkg) + "." + m.name
			if !d.p.has(protoreflect.FullName(name)) {
				continue
			}
			d.messages(name)
		}
		d.gameExamples(g)
	}
}

func (d *document) gameExamples(g gameProtocol) {
	examples := gameExamples()[g.name]
	if len(examples) == 0 {
		return
	}
	d.printf("#### Examples of %s\n\n```\n", g.name)
	for _, m := range examples {
		raw, err := vectors.Encode(m)
		if err != nil {
			d.fail("%w", err)
			return
		}
		text, err := jsonOf(m)
		if err != nil {
			d.fail("%w", err)
			return
		}
		d.printf("%-14s %s\n", d.p.short(m.ProtoReflect().Descriptor()), text)
		d.printf("%-14s %s\n", "", orNothing(raw))
	}
	d.printf("```\n\n")
}

func orNothing(raw []byte) string {
	if len(raw) == 0 {
		return "(no bytes)"
	}
	return fmt.Sprintf("%x", raw)
}

// fileComment is what stands at the top of a .proto file.
func fileComment(f protoreflect.FileDescriptor) string {
	// The syntax line, by its path in the file's descriptor.
	loc := f.SourceLocations().ByPath(protoreflect.SourcePath{12})
	return paragraphs(loc.LeadingComments)
}

// codes lists every code with where it is met.
func (d *document) codes() {
	e, err := d.p.files.FindDescriptorByName(d.p.wire + ".Code")
	if err != nil {
		d.fail("%w", err)
		return
	}
	d.described[e.FullName()] = true
	d.printf("%s\n\n| # | code | | outcome | where |\n|--:|---|---|---|---|\n", said(e))
	values := e.(protoreflect.EnumDescriptor).Values()
	for i := range values.Len() {
		v := values.Get(i)
		if said(v) == "" {
			d.fail("%s has no comment", v.FullName())
		}
		code := wirepb.Code(v.Number())
		d.printf("| %d | `%s` | %s | %s | %s |\n", v.Number(), v.Name(), cell(said(v)), d.outcome(code), cell(d.where(code)))
	}
	d.printf("\n")
}

// outcome is what a reply with the code says of the call; "" for a code that no reply has.
func (d *document) outcome(code wirepb.Code) string {
	switch {
	case !slices.ContainsFunc(d.methodList(), func(m method) bool { return m.MayAnswer(code) }):
		return ""
	case code == wirepb.Code_OK, code == wirepb.Code_RESUME_INVALID:
		return "done"
	case wire.SendAgain(code):
		return "unknown"
	case wire.NoEffect(code):
		return "no effect"
	}
	return "refused"
}

// where lists the places at which a client meets a code.
func (d *document) where(code wirepb.Code) string {
	var all []string
	for _, w := range wire.Wheres(code) {
		all = append(all, map[wirepb.Where]string{
			wirepb.Where_IN_BYE: "Bye", wirepb.Where_IN_REPLY: "any call", wirepb.Where_IN_LOGIN: "any login",
			wirepb.Where_IN_SESSION: "any call but logins", wirepb.Where_IN_PUSH: "pushes", wirepb.Where_BETWEEN_NODES: "no client",
		}[w])
	}
	if code == wirepb.Code_OK {
		all = append(all, "any call")
	}
	for _, m := range d.methodList() {
		if slices.Contains(m.Errors, code) {
			all = append(all, fmt.Sprintf("[%s](#%s)", m.Name, anchor(m.Name)))
		}
	}
	return strings.Join(all, ", ")
}

// again says what becomes of the same call sent twice.
func again(d protoreflect.MethodDescriptor) string {
	switch d.Options().(*descriptorpb.MethodOptions).GetIdempotencyLevel() {
	case descriptorpb.MethodOptions_NO_SIDE_EFFECTS:
		return "It changes nothing, so it may be repeated at will."
	case descriptorpb.MethodOptions_IDEMPOTENT:
		return "The same call once more has no further effect."
	}
	return ""
}
