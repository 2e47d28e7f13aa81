package deps

import (
	"fmt"
	"strings"
)

// A rules says which names each package may import: rules[importer] is the list of names.
type rules map[string][]string

// parse reads the lines of a policy; see product for their form.
func parse(policy string) (rules, error) {
	r := rules{}
	for statement := range strings.SplitSeq(withoutComments(policy), ";") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		imported, importers, found := strings.Cut(statement, "<")
		if !found || strings.Contains(importers, "<") {
			return nil, fmt.Errorf("cannot read %q: want `a, b < c, d`", strings.TrimSpace(statement))
		}
		for _, importer := range names(importers) {
			r[importer] = append(r[importer], names(imported)...)
		}
	}
	return r, nil
}

func withoutComments(policy string) string {
	var kept []string
	for line := range strings.Lines(policy) {
		before, _, _ := strings.Cut(line, "#")
		kept = append(kept, before)
	}
	return strings.Join(kept, "\n")
}

// names splits a list at commas; NONE adds nothing.
func names(list string) []string {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "NONE" {
			names = append(names, name)
		}
	}
	return names
}

// lists says whether the policy names the package as an importer, by itself or by a pattern.
func (r rules) lists(importer string) bool {
	for pattern := range r {
		if matches(pattern, importer) {
			return true
		}
	}
	return false
}

// allow says whether a line lets importer import the package.
func (r rules) allow(importer, imported string) bool {
	for pattern, allowed := range r {
		if !matches(pattern, importer) {
			continue
		}
		for _, name := range allowed {
			if covers(name, imported) {
				return true
			}
		}
	}
	return false
}

// matches says whether a name of the right-hand side means the package.
func matches(pattern, pkg string) bool {
	if parent, ok := strings.CutSuffix(pattern, "..."); ok {
		return strings.HasPrefix(pkg, parent)
	}
	return pattern == pkg
}

// covers says whether a name of the left-hand side means the package: another module's name means all its packages.
func covers(name, pkg string) bool {
	return name == pkg || isOutside(name) && strings.HasPrefix(pkg, name+"/")
}

// isOutside tells other modules, whose first element is a host name, from the standard library and our own packages.
func isOutside(path string) bool {
	host, _, _ := strings.Cut(path, "/")
	return strings.Contains(host, ".")
}
