package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	// What the set's options mean, and the messages that examples are made of.
	"teahouse/pkg/gomoku/gomokupb"
	"teahouse/pkg/mahjong/tablegame/mahjongpb"
	"teahouse/pkg/wire/wirepb"
)

// protocol is the definition that clients see.
type protocol struct {
	files *protoregistry.Files
	wire  protoreflect.FullName // the package of envelope.proto
	games []gameProtocol
}

// gameProtocol is what one game says in the bytes that tables pass on.
type gameProtocol struct {
	name string // as in Opened.game
	pkg  protoreflect.FullName
}

// A game's messages by what a table uses them for, with the place where they come.
var gameMessages = []struct{ name, place string }{
	{"Move", "`MoveRequest.move`"},
	{"Event", "`TableEvent.game`"},
	{"Prompt", "`Prompt.game`"},
	{"View", "`TableView.game`"},
	{"Summary", "`HandEnded.game`"},
}

func readProtocol(raw []byte) (*protocol, error) {
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(raw, set); err != nil {
		return nil, fmt.Errorf("not a FileDescriptorSet: %w", err)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, err
	}
	p := newProtocol(files)
	if d, err := p.message("Envelope"); err != nil {
		return nil, err
	} else if loc := d.ParentFile().SourceLocations().ByDescriptor(d); loc.LeadingComments == "" {
		return nil, errors.New("the set has no source info, or Envelope no comment")
	}
	return p, nil
}

func newProtocol(files *protoregistry.Files) *protocol {
	return &protocol{
		files: files, wire: (&wirepb.Envelope{}).ProtoReflect().Descriptor().FullName().Parent(),
		games: []gameProtocol{
			{"mahjong", (&mahjongpb.Move{}).ProtoReflect().Descriptor().FullName().Parent()},
			{"gomoku", (&gomokupb.Move{}).ProtoReflect().Descriptor().FullName().Parent()},
		},
	}
}

// message finds one by its name without the wire package, or by its full name.
func (p *protocol) message(name string) (protoreflect.MessageDescriptor, error) {
	full := protoreflect.FullName(name)
	if !strings.Contains(name, ".v1.") {
		full = p.wire + "." + full
	}
	d, err := p.files.FindDescriptorByName(full)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", full, err)
	}
	m, ok := d.(protoreflect.MessageDescriptor)
	if !ok {
		return nil, fmt.Errorf("%s is no message", full)
	}
	return m, nil
}

// codes are the values of Code in order.
func (p *protocol) codes() ([]protoreflect.EnumValueDescriptor, error) {
	d, err := p.files.FindDescriptorByName(p.wire + ".Code")
	if err != nil {
		return nil, err
	}
	values := d.(protoreflect.EnumDescriptor).Values()
	var all []protoreflect.EnumValueDescriptor
	for i := range values.Len() {
		all = append(all, values.Get(i))
	}
	return all, nil
}

// services are those that clients call, in order.
func (p *protocol) services() []protoreflect.ServiceDescriptor {
	var all []protoreflect.ServiceDescriptor
	p.files.RangeFilesByPackage(p.wire, func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			all = append(all, f.Services().Get(i))
		}
		return true
	})
	slices.SortFunc(all, func(a, b protoreflect.ServiceDescriptor) int {
		if a.ParentFile() != b.ParentFile() {
			return strings.Compare(a.ParentFile().Path(), b.ParentFile().Path())
		}
		return a.Index() - b.Index()
	})
	return all
}

// roots are the messages that everything else is part of: the envelope, what opaque bytes hold.
func (p *protocol) roots() ([]protoreflect.MessageDescriptor, error) {
	names := []string{"Envelope", "TableEvent", "TableView", "Notice", "HandArchive"}
	for _, g := range p.games {
		for _, m := range gameMessages {
			if full := g.pkg + "." + protoreflect.FullName(m.name); p.has(full) {
				names = append(names, string(full))
			}
		}
	}
	var all []protoreflect.MessageDescriptor
	for _, name := range names {
		d, err := p.message(name)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	for _, s := range p.services() {
		for i := range s.Methods().Len() {
			all = append(all, s.Methods().Get(i).Input(), s.Methods().Get(i).Output())
		}
	}
	return all, nil
}

func (p *protocol) has(name protoreflect.FullName) bool {
	_, err := p.files.FindDescriptorByName(name)
	return err == nil
}

// reachable lists the types that d is made of, d first, each once, those already in seen left out.
func reachable(d protoreflect.Descriptor, seen map[protoreflect.FullName]bool) []protoreflect.Descriptor {
	if seen[d.FullName()] {
		return nil
	}
	seen[d.FullName()] = true
	all := []protoreflect.Descriptor{d}
	m, ok := d.(protoreflect.MessageDescriptor)
	if !ok {
		return all
	}
	for i := range m.Fields().Len() {
		switch f := m.Fields().Get(i); f.Kind() {
		case protoreflect.MessageKind:
			all = append(all, reachable(f.Message(), seen)...)
		case protoreflect.EnumKind:
			all = append(all, reachable(f.Enum(), seen)...)
		}
	}
	return all
}

// short is a type's name as the reference says it: without the wire package, and with a game's name
// instead of its package.
func (p *protocol) short(d protoreflect.Descriptor) string {
	name := string(d.FullName())
	for _, g := range p.games {
		if rest, ok := strings.CutPrefix(name, string(g.pkg)+"."); ok {
			return g.name + "." + rest
		}
	}
	return strings.TrimPrefix(name, string(p.wire)+".")
}

// said is what the definition says behind d and above it, as running text. A blank line stays one.
func said(d protoreflect.Descriptor) string {
	loc := d.ParentFile().SourceLocations().ByDescriptor(d)
	behind, above := paragraphs(loc.TrailingComments), paragraphs(loc.LeadingComments)
	if behind != "" && above != "" {
		return behind + ". " + above
	}
	return behind + above
}

// paragraphs joins the lines of each paragraph of a comment.
func paragraphs(text string) string {
	var all []string
	for _, paragraph := range strings.Split(text, "\n\n") {
		if words := strings.Fields(paragraph); len(words) > 0 {
			all = append(all, strings.Join(words, " "))
		}
	}
	return strings.Join(all, "\n\n")
}
