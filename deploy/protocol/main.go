// Program protocol writes the protocol's reference and its test vectors for whoever writes a client in
// any language:
//
//	buf build --config deploy/tools/buf.yaml -o protocol.binpb
//	go run ./deploy/protocol --descriptors protocol.binpb
//
// What it writes follows from the .proto files (structure, options, comments), from the documentation
// of pkg/wire (framing, flow, limits, versions), from the texts beside this file (what a client must
// do) and from the examples in it, which are encoded as a client would. It writes pkg/wire/PROTOCOL.md,
// frames.json, messages.json and fair.json in pkg/wire/vectors below --root, and nothing else; the clients' scripts
// in pkg/wire/vectors/client are written by hand. deploy/tools/generate.sh runs it.
//
// A definition that lacks what the reference has to say is refused, with the place.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"teahouse/pkg/wire/vectors"
)

func main() {
	root := flag.String("root", ".", "top of the source tree")
	descriptors := flag.String("descriptors", "", "FileDescriptorSet with source info, as `buf build -o` writes it")
	flag.Parse()
	if err := run(*root, *descriptors); err != nil {
		fmt.Fprintln(os.Stderr, "protocol:", err)
		os.Exit(1)
	}
}

func run(root, descriptors string) error {
	raw, err := os.ReadFile(descriptors)
	if err != nil {
		return err
	}
	p, err := readProtocol(raw)
	if err != nil {
		return err
	}
	frames, err := p.frames()
	if err != nil {
		return err
	}
	messages, err := p.samples()
	if err != nil {
		return err
	}
	scripts, err := vectors.ReadScripts(filepath.Join(root, "pkg/wire/vectors/client"))
	if err != nil {
		return err
	}
	text, err := p.reference(root, frames, scripts)
	if err != nil {
		return err
	}
	dir := filepath.Join(root, "pkg/wire")
	if err := os.WriteFile(filepath.Join(dir, "PROTOCOL.md"), text, 0o644); err != nil {
		return err
	}
	if err := vectors.Write(filepath.Join(dir, "vectors/frames.json"), frames); err != nil {
		return err
	}
	if err := vectors.Write(filepath.Join(dir, "vectors/messages.json"), messages); err != nil {
		return err
	}
	return vectors.Write(filepath.Join(dir, "vectors/fair.json"), fairHands())
}
