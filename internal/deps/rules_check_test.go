package deps

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	got := mustParse(t, `
		# A comment, with a < and a ; in it.
		a, example.org/m < b, c;
		d < b; NONE < e;
	`)
	want := rules{"b": {"a", "example.org/m", "d"}, "c": {"a", "example.org/m"}, "e": nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parse (-want +got):\n%s", diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, bad := range []string{"a", "a < b < c"} {
		if r, err := parse(bad); err == nil {
			t.Errorf("parse(%q) = %v, want an error", bad, r)
		}
	}
}

func TestMayImport(t *testing.T) {
	p := policy{
		product: mustParse(t, "a, example.org/m, os/exec < b; a < tree/...; NONE < a"),
		tests:   mustParse(t, "example.org/helper < ...; b < a"),
	}
	for _, tt := range []struct {
		importer, path    string
		inCode, inItsTest bool
	}{
		{"a", "fmt", true, true},
		{"a", "os/exec", false, true},
		{"b", "os/exec", true, true},
		{"b", "sockbridge/a", true, true},
		{"a", "sockbridge/b", false, true},
		{"a", "sockbridge/a", false, true}, // an external test imports its package
		{"a", "sockbridge/c", false, false},
		{"b", "example.org/m/sub", true, true},
		{"b", "example.org/m2", false, false},
		{"b", "example.org/helper", false, true},
		{"tree/deep/leaf", "sockbridge/a", true, true},
		{"treehouse", "sockbridge/a", false, false},
	} {
		if got := p.mayImport(tt.importer, tt.path); got != tt.inCode {
			t.Errorf("mayImport(%q, %q) = %t", tt.importer, tt.path, got)
		}
		if got := p.testMayImport(tt.importer, tt.path); got != tt.inItsTest {
			t.Errorf("testMayImport(%q, %q) = %t", tt.importer, tt.path, got)
		}
	}
}

func TestComplaintsSayWhereToChangeThePolicy(t *testing.T) {
	p := policy{product: mustParse(t, "NONE < a"), tests: rules{}}
	for _, tt := range []struct {
		pkg  listed
		want string
	}{
		{listed{ImportPath: "sockbridge/a", Imports: []string{"sockbridge/b"}}, `a must not import "b"`},
		{listed{ImportPath: "sockbridge/a", TestImports: []string{"sockbridge/b"}}, `the tests of a must not import "b"`},
		{listed{ImportPath: "sockbridge/a", Imports: []string{"os/exec"}}, "only internal/launch starts processes"},
		{listed{ImportPath: "sockbridge/new"}, `package "new" has no line`},
	} {
		got := p.complaints(tt.pkg)
		if len(got) != 1 || !strings.Contains(got[0], tt.want) || !strings.Contains(got[0], "policy_test.go") {
			t.Errorf("complaints(%+v) = %q, want one with %q", tt.pkg, got, tt.want)
		}
	}
}
