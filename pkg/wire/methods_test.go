package wire

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"teahouse/pkg/wire/wirepb"
)

func TestMethods(t *testing.T) {
	methods := NewMethods()
	for name, want := range map[string]struct {
		scope wirepb.Scope
		login bool
		reply proto.Message
	}{
		"auth.guest":      {wirepb.Scope_CLUSTER, true, &wirepb.LoginReply{}},
		"auth.resume":     {wirepb.Scope_CLUSTER, true, &wirepb.LoginReply{}},
		"queue.join":      {wirepb.Scope_CLUSTER, false, &wirepb.JoinReply{}},
		"table.attach":    {wirepb.Scope_TABLE, false, &wirepb.AttachReply{}},
		"account.profile": {wirepb.Scope_SESSION, false, &wirepb.ProfileReply{}},
	} {
		m, ok := methods.Lookup(name)
		if !ok || m.Name != name || m.Scope != want.scope || m.Login != want.login ||
			m.Response != want.reply.ProtoReflect().Descriptor() {
			t.Errorf("%s: %+v, %v", name, m, ok)
		}
	}
	if _, ok := methods.Lookup("cluster.create"); ok {
		t.Error("a call between nodes is in the clients' table")
	}
	all := methods.All()
	for i, m := range all {
		if i > 0 && all[i-1].Name >= m.Name {
			t.Errorf("%q before %q", all[i-1].Name, m.Name)
		}
		if m.Login && m.Response.FullName() != (*wirepb.LoginReply)(nil).ProtoReflect().Descriptor().FullName() {
			t.Errorf("%s logs in but answers with %s", m.Name, m.Response.FullName())
		}
	}
}

// What the reference says of methods and codes: every method has its limits in words, and every code
// comes from somewhere, said once.
func TestTermsOfMethods(t *testing.T) {
	met := map[wirepb.Code]bool{wirepb.Code_OK: true}
	for _, m := range NewMethods().All() {
		if m.Limits == "" {
			t.Errorf("%s says nothing of its limits", m.Name)
		}
		for i, code := range m.Errors {
			met[code] = true
			if code == wirepb.Code_OK || slices.Contains(m.Errors[:i], code) {
				t.Errorf("%s lists %v, which is no refusal or is listed before", m.Name, code)
			}
			for _, w := range Wheres(code) {
				if w != wirepb.Where_IN_BYE && w != wirepb.Where_IN_PUSH {
					t.Errorf("%s lists %v, of which %v is said already", m.Name, code, w)
				}
			}
		}
	}
	for number := range wirepb.Code_name {
		code := wirepb.Code(number)
		where := Wheres(code)
		if len(where) == 0 && !met[code] {
			t.Errorf("nobody gives %v", code)
		}
		for i, w := range where {
			if w == wirepb.Where_WHERE_UNSPECIFIED || slices.Contains(where[:i], w) || w == wirepb.Where_BETWEEN_NODES && len(where) > 1 {
				t.Errorf("%v is met at %v", code, where)
			}
		}
	}
}

func TestMayAnswer(t *testing.T) {
	methods := NewMethods()
	for _, c := range []struct {
		method string
		code   wirepb.Code
		may    bool
	}{
		{"table.move", wirepb.Code_OK, true},
		{"table.move", wirepb.Code_PROMPT_GONE, true}, // its own
		{"table.leave", wirepb.Code_PROMPT_GONE, false},
		{"table.leave", wirepb.Code_OUTCOME_UNKNOWN, true}, // any call's
		{"table.leave", wirepb.Code_NOT_LOGGED_IN, true},
		{"auth.guest", wirepb.Code_NOT_LOGGED_IN, false},
		{"auth.guest", wirepb.Code_ALREADY_LOGGED_IN, true},
		{"queue.join", wirepb.Code_ALREADY_LOGGED_IN, false},
		{"queue.join", wirepb.Code_SESSION_FORGOTTEN, false}, // ends the connection instead
		{"queue.join", wirepb.Code_NOT_LEADER, false},
		{"queue.join", wirepb.Code(9999), false},
	} {
		m, _ := methods.Lookup(c.method)
		if m.MayAnswer(c.code) != c.may {
			t.Errorf("%s and %v: want %t", c.method, c.code, c.may)
		}
	}
}

// A definition without name or scope, or with a name twice, is refused.
func TestMethodsRefuseBadDefinition(t *testing.T) {
	good := func(method, name string) *descriptorpb.MethodDescriptorProto {
		options := &descriptorpb.MethodOptions{}
		proto.SetExtension(options, wirepb.E_Scope, wirepb.Scope_TABLE)
		if name != "" {
			proto.SetExtension(options, wirepb.E_Name, name)
		}
		return &descriptorpb.MethodDescriptorProto{
			Name: &method, InputType: proto.String(".t.M"), OutputType: proto.String(".t.M"), Options: options,
		}
	}
	noScope := good("B", "b")
	proto.ClearExtension(noScope.Options, wirepb.E_Scope)
	for want, methods := range map[string][]*descriptorpb.MethodDescriptorProto{
		"":           {good("A", "a"), good("B", "b")},
		"no name":    {good("A", "a"), good("B", "")},
		"no scope":   {good("A", "a"), noScope},
		"used twice": {good("A", "a"), good("B", "a")},
	} {
		file := build(t, &descriptorpb.FileDescriptorProto{
			Name: proto.String("t.proto"), Package: proto.String("t"), Syntax: proto.String("proto3"),
			MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("M")}},
			Service:     []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("S"), Method: methods}},
		})
		_, err := methodsOf(file.Services())
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func build(t *testing.T, f *descriptorpb.FileDescriptorProto) protoreflect.FileDescriptor {
	t.Helper()
	file, err := protodesc.NewFile(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Every code has exactly one meaning for the sender, and those that the rules for moves rely on
// have the right one.
func TestCodeMeanings(t *testing.T) {
	for number := range wirepb.Code_name {
		code := wirepb.Code(number)
		n := 0
		for _, is := range []bool{Definite(code), SendAgain(code), NoEffect(code)} {
			if is {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%v has %d meanings", code, n)
		}
	}
	for _, code := range []wirepb.Code{
		wirepb.Code_OK, wirepb.Code_PROMPT_GONE, wirepb.Code_SUPERSEDED, wirepb.Code_TABLE_GONE,
		wirepb.Code_PROMPT_UNKNOWN, wirepb.Code_NUMBER_GAP, wirepb.Code_NUMBER_REUSED, wirepb.Code_ALREADY_DECIDED,
		wirepb.Code(9999),
	} {
		if !Definite(code) {
			t.Errorf("%v is not definite", code)
		}
	}
	if !SendAgain(wirepb.Code_OUTCOME_UNKNOWN) || !NoEffect(wirepb.Code_NOT_SENT) || !NoEffect(wirepb.Code_NOT_LEADER) {
		t.Error("OUTCOME_UNKNOWN, NOT_SENT or NOT_LEADER has the wrong meaning")
	}
}

func TestLimits(t *testing.T) {
	l, err := Limits{}.WithDefaults()
	if err != nil || l.MaxFrame != 64<<10 {
		t.Fatalf("%+v, %v", l, err)
	}
	for name, bad := range map[string]Limits{
		"small frame": {MaxFrame: 10}, "huge frame": {MaxFrame: 1 << 30},
		"calls": {MaxCalls: -1}, "handshake": {Handshake: -1}, "idle": {Heartbeat: time.Minute},
	} {
		if _, err := bad.WithDefaults(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
