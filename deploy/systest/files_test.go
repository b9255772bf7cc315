package systest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// writers are the folders whose code has to do with data folders. What they write there themselves
// goes through pkg/durable: a file that is rewritten in place is neither old nor new after a crash.
var writers = []string{"node", "gateway", "registry", "pkg/raftgroup", "pkg/token", "pkg/link", "pkg/gormstore", "deploy/cluster"}

// writing are the functions of package os that make a file, or put one into another's place.
var writing = []string{"WriteFile", "Create", "OpenFile", "Rename", "Link", "Symlink", "Truncate"}

// inPlace is what may use them all the same: file and function, and why.
var inPlace = map[string]string{
	"deploy/cluster/child.go OpenFile": "logs are appended to",
	"deploy/cluster/keys.go OpenFile":  "a lock without content",
	"deploy/cluster/roles.go OpenFile": "a profile",
	"deploy/cluster/state.go Rename":   "the state file means nothing once the machine has stopped: it is put in place whole, but not synced",
	"pkg/gormstore/sqlite.go OpenFile": "SQLite's own files, which it only wants to find with their modes",
	"pkg/raftgroup/disk.go Rename":     "what counts as lost is set aside, name by name",
}

// writes reads every .go file of the writers below root, and lists who writes how.
func writes(t *testing.T, root string) (found []string) {
	t.Helper()
	for _, dir := range writers {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			name := osName(file)
			rel, err := filepath.Rel(root, path)
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && name != "" {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == name && slices.Contains(writing, s.Sel.Name) {
						if use := fmt.Sprintf("%s %s", filepath.ToSlash(rel), s.Sel.Name); !slices.Contains(found, use) {
							found = append(found, use)
						}
					}
				}
				return true
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// osName is how a file calls package os; "" = it does not.
func osName(file *ast.File) string {
	for _, spec := range file.Imports {
		if path, _ := strconv.Unquote(spec.Path.Value); path == "os" {
			if spec.Name != nil {
				return spec.Name.Name
			}
			return "os"
		}
	}
	return ""
}

func TestFilesArePutInPlace(t *testing.T) {
	found := writes(t, "../..")
	for _, use := range found {
		if inPlace[use] == "" {
			t.Errorf("%s: files of a data folder are written by pkg/durable; or say in this test why not", use)
		}
	}
	for use := range inPlace { // which also shows that the test finds what there is
		if !slices.Contains(found, use) {
			t.Errorf("%s is not there any more", use)
		}
	}
}
