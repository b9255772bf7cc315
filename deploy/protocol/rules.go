package main

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"teahouse/pkg/wire/vectors"
)

// rule is the beginning of a rule in client.md, and what it says.
var rule = regexp.MustCompile(`(?ms)^- \*\*([^*]+)\*\*: (.*?)(?:^$|^- |\z)`)

// noScript stands in a rule that no script can show.
var noScript = regexp.MustCompile(`\(No script\.\)`)

// scripts lists the scripts by the rules that they show. Each rule has one or says that it has none.
func (d *document) scripts(all []vectors.Script) {
	text, err := fs.ReadFile(texts, "text/client.md")
	if err != nil {
		d.fail("%w", err)
		return
	}
	var rules []string
	for rest := text; ; {
		m := rule.FindSubmatchIndex(rest)
		if m == nil {
			break
		}
		name, says := string(rest[m[2]:m[3]]), rest[m[4]:m[5]]
		rules, rest = append(rules, name), rest[m[5]:]
		var shown []string
		for _, s := range all {
			if slices.Contains(s.Rules, name) {
				shown = append(shown, fmt.Sprintf("%s (%s)", s.Name, strings.TrimSuffix(s.File(), ".json")))
			}
		}
		if len(shown) > 0 {
			d.printf("- **%s**: %s\n", name, strings.Join(shown, "; "))
		}
		if (len(shown) > 0) == noScript.Match(says) {
			d.fail("the rule %q has a script and denies it, or has none and does not say so", name)
		}
	}
	for _, s := range all {
		for _, r := range s.Rules {
			if !slices.Contains(rules, r) {
				d.fail("the script %q is about the rule %q, which is none", s.Name, r)
			}
		}
	}
	d.printf("\n")
}
