package main

import (
	"bytes"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/vectors"
)

// document is the reference while it is written. After an error it does nothing.
type document struct {
	p         *protocol
	out       bytes.Buffer
	level     string // of the headings of types
	err       error
	described map[protoreflect.FullName]bool
	frames    map[string]vectors.Frame
	order     []string // of the frames
}

// reference writes PROTOCOL.md.
func (p *protocol) reference(root string, frames *vectors.Frames, scripts []vectors.Script) ([]byte, error) {
	d := &document{p: p, level: "###", described: map[protoreflect.FullName]bool{}, frames: map[string]vectors.Frame{}}
	for _, f := range frames.Frames {
		d.frames[f.Name] = f
		d.order = append(d.order, f.Name)
	}
	source, err := readSource(root)
	if err != nil {
		return nil, err
	}
	d.printf("# The protocol, version %d\n\n", wire.Version)
	d.printf("<!-- Written by deploy/protocol from the .proto files, pkg/wire and deploy/protocol/text: change those. -->\n\n")
	d.text("start.md")
	d.printf("## Contents\n\n@contents@\n")
	d.printf("## Frames\n\n%s", source.section("Frame"))
	d.printf("## Connection\n\n%s", source.section("Flow"))
	d.messages("Envelope", "Hello", "Welcome", "Ping", "Pong", "GoingAway", "Bye")
	for _, body := range []string{"hello", "welcome", "ping", "pong", "going_away", "bye"} {
		d.example(body)
	}
	d.printf("### Time\n\n%s", source.section("Time"))
	d.printf("### Limits\n\nWhat a gateway bounds; `Welcome` tells those that clients need.\n\n%s", source.limits)
	d.printf("## Calls\n\n")
	d.messages("Call", "Reply")
	d.printf("### Outcomes\n\n%s", source.section("Outcomes"))
	d.anyCall()
	d.printf("## Methods\n\n")
	d.methodTable()
	d.methods()
	d.printf("## Pushes\n\n")
	d.pushes()
	d.printf("## Fair deals\n\n")
	d.text("fair.md")
	d.printf("## Games\n\n")
	d.text("games.md")
	d.games()
	d.printf("## Records\n\n")
	d.messages("HandArchive")
	d.printf("## Codes\n\n")
	d.codes()
	d.printf("## What a client must do\n\n")
	d.text("client.md")
	d.printf("## Vectors\n\n")
	d.text("vectors.md")
	d.scripts(scripts)
	d.printf("## Versions\n\n%s", source.section("Versions"))
	if d.err == nil {
		d.complete()
	}
	if d.err != nil {
		return nil, d.err
	}
	return finish(d.out.Bytes())
}

func (d *document) printf(format string, args ...any) { fmt.Fprintf(&d.out, format, args...) }

func (d *document) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

//go:embed text
var texts embed.FS

// text copies one of the texts that are written by hand.
func (d *document) text(name string) {
	raw, err := fs.ReadFile(texts, "text/"+name)
	if err != nil {
		d.fail("%w", err)
	}
	d.printf("%s\n\n", bytes.TrimRight(raw, "\n"))
}

func hasText(name string) bool {
	_, err := fs.Stat(texts, name)
	return err == nil
}

// complete checks that nothing that a client may meet is left out.
func (d *document) complete() {
	roots, err := d.p.roots()
	if err != nil {
		d.err = err
		return
	}
	seen := map[protoreflect.FullName]bool{}
	for _, root := range roots {
		for _, t := range reachable(root, seen) {
			if !d.described[t.FullName()] {
				d.fail("%s is described nowhere", t.FullName())
			}
		}
	}
}

// example shows a frame of the vectors.
func (d *document) example(name string) {
	f, ok := d.frames[name]
	if !ok {
		d.fail("no frame is called %q", name)
		return
	}
	d.printf("```\n%s\n", f.Envelope)
	d.holds(f.Holds, "  ")
	text := hex.EncodeToString(f.Hex)
	d.printf("%s %s\n```\n\n", text[:2*wire.HeaderLen], text[2*wire.HeaderLen:])
}

func (d *document) holds(all []vectors.Held, indent string) {
	for _, h := range all {
		d.printf("%s%s = %s %s\n", indent, h.Field, d.p.shortName(h.Message), h.JSON)
		d.holds(h.Holds, indent+"  ")
	}
}

var (
	heading = regexp.MustCompile(`(?m)^(##+) (.*)$`)
	link    = regexp.MustCompile(`\]\(#([^)]*)\)`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N}\- _]`)
)

// anchor is what a heading is called in a link, as GitHub makes it.
func anchor(heading string) string {
	return strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// finish puts in the contents, and checks that each link within the document has one goal.
func finish(text []byte) ([]byte, error) {
	goals := map[string]bool{}
	var contents strings.Builder
	for _, m := range heading.FindAllSubmatch(text, -1) {
		title := string(m[2])
		a := anchor(title)
		if goals[a] {
			return nil, fmt.Errorf("two headings are called %q", title)
		}
		goals[a] = true
		if len(m[1]) == 2 && title != "Contents" {
			fmt.Fprintf(&contents, "- [%s](#%s)\n", title, a)
		}
	}
	text = bytes.Replace(text, []byte("@contents@"), []byte(contents.String()), 1)
	for _, m := range link.FindAllSubmatch(text, -1) {
		if !goals[string(m[1])] {
			return nil, fmt.Errorf("a link to %q, which is no heading", m[1])
		}
	}
	return append(bytes.TrimRight(text, "\n"), '\n'), nil
}
