package main

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// method is one method, with its comment and the rest of its definition.
type method struct {
	wire.Method
	def protoreflect.MethodDescriptor
}

// methodList is all methods, in the order of the definition.
func (d *document) methodList() (all []method) {
	known := wire.NewMethods()
	for _, s := range d.p.services() {
		for i := range s.Methods().Len() {
			m := method{def: s.Methods().Get(i)}
			name := proto.GetExtension(m.def.Options(), wirepb.E_Name).(string)
			var ok bool
			if m.Method, ok = known.Lookup(name); !ok || m.Limits == "" || said(m.def) == "" {
				d.fail("%s lacks limits or a comment, or this program was built from another definition", m.def.FullName())
			}
			all = append(all, m)
		}
	}
	return all
}

// methodTable is the summary of the methods.
func (d *document) methodTable() {
	d.printf("| method | scope | request | reply |\n|---|---|---|---|\n")
	for _, m := range d.methodList() {
		d.printf("| [%s](#%s) | %s | %s | %s |\n", m.Name, anchor(m.Name), m.Scope, d.typeLink(m.def.Input()), d.typeLink(m.def.Output()))
	}
	scope, err := d.p.files.FindDescriptorByName(d.p.wire + ".Scope")
	if err != nil {
		d.fail("%w", err)
		return
	}
	d.printf("\n%s\n\n", said(scope))
	values := scope.(protoreflect.EnumDescriptor).Values()
	for i := 1; i < values.Len(); i++ {
		d.printf("- **%s**: %s\n", values.Get(i).Name(), said(values.Get(i)))
	}
	d.printf("\n")
}

// methods describes each method with the messages that no earlier one has.
func (d *document) methods() {
	d.level = "####"
	defer func() { d.level = "###" }()
	for _, m := range d.methodList() {
		d.printf("### %s\n\n%s", m.Name, said(m.def))
		if text := again(m.def); text != "" {
			d.printf(" %s", text)
		}
		d.printf("\n\n- scope: %s", m.Scope)
		if m.Scope == wirepb.Scope_TABLE {
			d.printf("; `Call.table` names the table")
		}
		if m.Login {
			d.printf("\n- allowed once a connection, before anything else")
		}
		d.printf("\n- request: %s, reply: %s\n- errors: %s\n- limits: %s\n\n", d.typeLink(m.def.Input()), d.typeLink(m.def.Output()), d.errors(m), m.Limits)
		d.example("call " + m.Name)
		d.example("reply " + m.Name)
		for _, code := range m.Errors {
			if name := fmt.Sprintf("reply %s %v", m.Name, code); d.frames[name].Name != "" {
				d.example(name)
			}
		}
		for _, t := range slices.Concat(d.parts(m.def.Input()), d.parts(m.def.Output())) {
			if !d.described[t.FullName()] {
				d.describe(t)
			}
		}
	}
}

// errors lists a method's own refusals.
func (d *document) errors(m method) string {
	var names []string
	for _, code := range m.Errors {
		names = append(names, "`"+code.String()+"`")
	}
	names = append(names, "and [those of any call](#errors-of-any-call)")
	return strings.Join(names, ", ")
}

// anyCall lists the refusals that every call may get.
func (d *document) anyCall() {
	d.printf("### Errors of any call\n\n")
	values, err := d.p.codes()
	if err != nil {
		d.fail("%w", err)
		return
	}
	for _, v := range values {
		where := proto.GetExtension(v.Options(), wirepb.E_Where).([]wirepb.Where)
		for _, w := range []struct {
			at  wirepb.Where
			who string
		}{{wirepb.Where_IN_REPLY, ""}, {wirepb.Where_IN_LOGIN, " (logins only)"}, {wirepb.Where_IN_SESSION, " (not logins)"}} {
			if slices.Contains(where, w.at) {
				d.printf("- `%s`%s: %s\n", v.Name(), w.who, said(v))
			}
		}
	}
	d.printf("\n")
}

// ordered lists the frames whose names begin like this, in the vectors' order.
func (d *document) ordered(prefix string) (names []string) {
	for _, name := range d.order {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names
}
