package ab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Side names one of the two revisions.
type Side string

const (
	A Side = "A"
	B Side = "B"
)

// Checkout is what stands on one side.
type Checkout struct {
	Dir      string `json:"dir"`
	Revision string `json:"revision"` // of Git; "" = unknown
	Changed  bool   `json:"changed"`  // it has changes that are not committed

	local, bench string // the programs, once built
}

// String names folder and revision.
func (c Checkout) String() string {
	switch {
	case c.Revision == "":
		return c.Dir
	case c.Changed:
		return fmt.Sprintf("%s (%s and changes)", c.Dir, c.Revision)
	}
	return fmt.Sprintf("%s (%s)", c.Dir, c.Revision)
}

// commands are the programs of a checkout that are needed.
var commands = []string{"deploy/local", "bench"}

// open looks whether the folder is a checkout of Teahouse.
func (c *Checkout) open(ctx context.Context) error {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return err
	}
	c.Dir = dir
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", dir)
	}
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return fmt.Errorf("%s is no checkout of Teahouse: %w", dir, err)
	}
	if first, _, _ := strings.Cut(string(text), "\n"); strings.TrimSpace(first) != "module teahouse" {
		return fmt.Errorf("%s is no checkout of Teahouse: its go.mod begins with %q", dir, first)
	}
	for _, command := range commands {
		if _, err := os.Stat(filepath.Join(dir, command)); err != nil {
			return fmt.Errorf("%s is no whole checkout of Teahouse: %w", dir, err)
		}
	}
	// Who has no Git, or an archive, can measure too.
	if revision, err := git(ctx, dir, "rev-parse", "--short", "HEAD"); err == nil {
		changes, err := git(ctx, dir, "status", "--porcelain", "--", ".")
		c.Revision, c.Changed = revision, err != nil || changes != ""
	}
	return nil
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).Output()
	return strings.TrimSpace(string(out)), err
}

// build makes the programs, in the new folder to.
func (c *Checkout) build(ctx context.Context, to string) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, command := range commands {
		file := filepath.Join(to, filepath.Base(command))
		p, err := start(process{name: "go", args: []string{"build", "-o", file, "./" + command}, dir: c.Dir, log: file + ".log"})
		if err == nil {
			err = p.wait(ctx)
		}
		if err != nil {
			return fmt.Errorf("go build ./%s: %w", command, err)
		}
	}
	c.local, c.bench = filepath.Join(to, "local"), filepath.Join(to, "bench")
	return nil
}
