package wire

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"teahouse/pkg/wire/wirepb"
)

// Method is what the protocol definition says about one method.
type Method struct {
	Name     string       // as in Call.method
	Scope    wirepb.Scope // who executes it
	Login    bool         // answers with a LoginReply; allowed before login only
	Request  protoreflect.MessageDescriptor
	Response protoreflect.MessageDescriptor
	Errors   []wirepb.Code // refusals, beside those that any call may get
	Limits   string        // what bounds its use, in words
}

// MayAnswer reports whether a client may get a reply with this code, OK included.
func (m Method) MayAnswer(code wirepb.Code) bool {
	if code == wirepb.Code_OK || slices.Contains(m.Errors, code) {
		return true
	}
	return slices.ContainsFunc(Wheres(code), func(w wirepb.Where) bool {
		return w == wirepb.Where_IN_REPLY || w == wirepb.Where_IN_LOGIN && m.Login || w == wirepb.Where_IN_SESSION && !m.Login
	})
}

// Wheres lists where clients meet a code, beside the replies of the methods that list it in their Errors;
// nil for one that this version does not know.
func Wheres(code wirepb.Code) []wirepb.Where {
	d := code.Descriptor().Values().ByNumber(code.Number())
	if d == nil {
		return nil
	}
	return proto.GetExtension(d.Options(), wirepb.E_Where).([]wirepb.Where)
}

// Methods is the table of all methods. It is immutable.
type Methods struct {
	byName map[string]Method
}

// NewMethods reads the table from the compiled protocol definition. It panics on a definition that
// lacks a name or a scope: a fault of the build, not of the caller.
func NewMethods() *Methods {
	m, err := methodsOf(wirepb.File_pkg_wire_wirepb_methods_proto.Services())
	if err != nil {
		panic(err)
	}
	return m
}

// Lookup finds a method by its name.
func (m *Methods) Lookup(name string) (Method, bool) {
	method, ok := m.byName[name]
	return method, ok
}

// All lists the methods by name.
func (m *Methods) All() []Method {
	return slices.SortedFunc(maps.Values(m.byName), func(a, b Method) int {
		return strings.Compare(a.Name, b.Name)
	})
}

func methodsOf(services protoreflect.ServiceDescriptors) (*Methods, error) {
	table := &Methods{byName: make(map[string]Method)}
	for i := range services.Len() {
		methods := services.Get(i).Methods()
		for j := range methods.Len() {
			if err := table.add(methods.Get(j)); err != nil {
				return nil, err
			}
		}
	}
	return table, nil
}

func (m *Methods) add(d protoreflect.MethodDescriptor) error {
	options := d.Options()
	terms := proto.GetExtension(options, wirepb.E_Terms).(*wirepb.Terms)
	method := Method{
		Name:     proto.GetExtension(options, wirepb.E_Name).(string),
		Scope:    proto.GetExtension(options, wirepb.E_Scope).(wirepb.Scope),
		Login:    proto.GetExtension(options, wirepb.E_Login).(bool),
		Request:  d.Input(),
		Response: d.Output(),
		Errors:   terms.GetErrors(),
		Limits:   terms.GetLimits(),
	}
	if method.Name == "" || method.Scope == wirepb.Scope_SCOPE_UNSPECIFIED {
		return fmt.Errorf("wire: method %s has no name or no scope", d.FullName())
	}
	if _, taken := m.byName[method.Name]; taken {
		return fmt.Errorf("wire: method name %q is used twice", method.Name)
	}
	m.byName[method.Name] = method
	return nil
}
