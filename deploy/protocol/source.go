package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
)

// source is what the documentation of pkg/wire says, which is the home of the framing.
type source struct {
	sections map[string]string // Markdown, by heading
	limits   string            // Markdown
}

// section must be there; readSource has checked it.
func (s *source) section(name string) string { return s.sections[name] }

func readSource(root string) (*source, error) {
	dir := filepath.Join(root, "pkg/wire")
	s := &source{sections: map[string]string{}}
	file, err := parse(filepath.Join(dir, "doc.go"))
	if err != nil {
		return nil, err
	}
	doc := new(comment.Parser).Parse(file.Doc.Text())
	printer := &comment.Printer{}
	var name string
	for _, block := range doc.Content {
		if h, ok := block.(*comment.Heading); ok {
			name = strings.TrimSpace(string(printer.Text(&comment.Doc{Content: []comment.Block{&comment.Paragraph{Text: h.Text}}})))
			continue
		}
		s.sections[name] += string(printer.Markdown(&comment.Doc{Content: []comment.Block{block}})) + "\n"
	}
	for _, want := range []string{"Frame", "Flow", "Time", "Outcomes", "Versions"} {
		if s.sections[want] == "" {
			return nil, fmt.Errorf("pkg/wire/doc.go has no section %q", want)
		}
	}
	s.limits, err = readLimits(filepath.Join(dir, "limits.go"))
	return s, err
}

func parse(path string) (*ast.File, error) {
	return parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
}

// readLimits lists the fields of wire.Limits with their comments.
func readLimits(path string) (string, error) {
	file, err := parse(path)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Limits" {
			return true
		}
		for _, f := range spec.Type.(*ast.StructType).Fields.List {
			name := f.Names[0].Name
			text := strings.TrimPrefix(strings.Join(strings.Fields(f.Doc.Text()), " "), name+" is ")
			fmt.Fprintf(&out, "- **%s**: %s\n", name, text)
		}
		return false
	})
	if out.Len() == 0 {
		return "", errors.New("pkg/wire/limits.go has no Limits")
	}
	return out.String() + "\n", nil
}
