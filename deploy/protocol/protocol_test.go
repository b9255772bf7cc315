package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/vectors"
	"teahouse/pkg/wire/wirepb"
)

const root = "../.."

// The vectors in the tree are those that this program would write: they follow from what it links.
func TestVectorsAreFresh(t *testing.T) {
	p := newProtocol(protoregistry.GlobalFiles)
	frames, err := p.frames()
	if err != nil {
		t.Fatal(err)
	}
	messages, err := p.samples()
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{"frames.json": frames, "messages.json": messages, "fair.json": fairHands()} {
		path := filepath.Join(t.TempDir(), name)
		if err := vectors.Write(path, v); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(root, "pkg/wire/vectors", name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is stale, %v: run deploy/tools/generate.sh", name, err)
		}
	}
}

// The reference in the tree names all that the definition has. Its texts come from the comments, which
// no program links, so only CI knows whether they are fresh.
func TestReferenceIsComplete(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(root, "pkg/wire/PROTOCOL.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	has := func(want string) {
		t.Helper()
		if !strings.Contains(text, want) {
			t.Errorf("PROTOCOL.md does not have %q: run deploy/tools/generate.sh", want)
		}
	}
	for _, m := range wire.NewMethods().All() {
		has("\n### " + m.Name + "\n")
		has("- limits: " + m.Limits + "\n")
	}
	for number, name := range wirepb.Code_name {
		has(fmt.Sprintf("\n| %d | `%s` | ", number, name))
	}
	p := newProtocol(protoregistry.GlobalFiles)
	roots, err := p.roots()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[protoreflect.FullName]bool{}
	for _, r := range roots {
		for _, d := range reachable(r, seen) {
			if d.Name() != "Code" {
				has("# " + p.short(d) + "\n")
			}
			if m, ok := d.(protoreflect.MessageDescriptor); ok {
				for i := range m.Fields().Len() {
					has(fmt.Sprintf("\n| %d | `%s` | ", m.Fields().Get(i).Number(), m.Fields().Get(i).Name()))
				}
			}
		}
	}
}

// setOf is a descriptor set of all that this program links, without comments.
func setOf(t *testing.T) *descriptorpb.FileDescriptorSet {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		set.File = append(set.File, protodesc.ToFileDescriptorProto(f))
		return true
	})
	return set
}

func TestASetWithoutComments(t *testing.T) {
	raw, err := proto.Marshal(setOf(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readProtocol(raw); err == nil || !strings.Contains(err.Error(), "no source info") {
		t.Errorf("a set without comments: %v", err)
	}
	if _, err := readProtocol([]byte("no set")); err == nil {
		t.Error("bytes that are no set are read")
	}
	p := newProtocol(protoregistry.GlobalFiles) // without comments
	frames, err := p.frames()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.reference(root, frames, nil); err == nil || !strings.Contains(err.Error(), "lacks limits or a comment") {
		t.Errorf("a reference without comments: %v", err)
	}
}

func TestFinish(t *testing.T) {
	for text, want := range map[string]string{
		"## Contents\n\n@contents@\n\n## A b\n\n### c.d\n\n[x](#cd) [y](#a-b)\n": "## Contents\n\n- [A b](#a-b)\n\n\n## A b\n\n### c.d\n\n[x](#cd) [y](#a-b)\n",
		"## A\n\n[x](#b)\n": `a link to "b", which is no heading`,
		"## A.\n\n### a\n":  `two headings are called "a"`,
	} {
		got, err := finish([]byte(text))
		if err != nil {
			got = []byte(err.Error())
		}
		if string(got) != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

// A field that is zero and differs from absent is filled in as zero; each choice of a oneof has its turn.
func TestSamples(t *testing.T) {
	out := &vectors.Messages{}
	if err := sampleAll(out, (&wirepb.TableEvent{}).ProtoReflect().Descriptor()); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range out.Messages {
		names = append(names, m.Name)
	}
	for _, want := range []string{"every field", "the longest numbers", "every field, released", "every field, hand_ended"} {
		if !strings.Contains(strings.Join(names, ";")+";", want+";") {
			t.Errorf("no %q among %q", want, names)
		}
	}
}

// Each rule is shown by a script or says that none can; each script is about rules that there are.
func TestRulesAndScripts(t *testing.T) {
	scripts, err := vectors.ReadScripts(filepath.Join(root, "pkg/wire/vectors/client"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		scripts []vectors.Script
		want    string
	}{
		"as they are":    {scripts, ""},
		"without any":    {nil, `the rule "hello" has a script and denies it, or has none`},
		"an unknown one": {append(scripts[:len(scripts):len(scripts)], vectors.Script{Name: "s", Rules: []string{"hallo"}}), `about the rule "hallo"`},
		"one too many":   {append(scripts[:len(scripts):len(scripts)], vectors.Script{Name: "s", Rules: []string{"time"}}), `the rule "time" has a script`},
	} {
		d := &document{}
		if d.scripts(c.scripts); (d.err == nil) != (c.want == "") || d.err != nil && !strings.Contains(d.err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, d.err, c.want)
		}
		if c.want == "" && !strings.Contains(d.out.String(), "- **again**: ") {
			t.Errorf("%s: %s", name, &d.out)
		}
	}
}
