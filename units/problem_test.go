package units

import (
	"strings"
	"testing"
)

func TestExcerpts(t *testing.T) {
	long := strings.Repeat("a", 300) + "FAULT" + strings.Repeat("b", 300)
	for _, c := range []struct {
		line         string
		start, width int
		want         string
	}{
		{"user = 'x'", 7, 3, "user = 'x'\n       ^^^"},
		{"\tuser = 'x'", 8, 3, "\tuser = 'x'\n\t       ^^^"},
		{"é = 'ü'", 5, 4, "é = 'ü'\n    ^^^"},
		{"", 0, 5, "\n^"},
		{"ab", 2, 1, "ab\n  ^"},
		{"ab", 1, 100, "ab\n ^"},
		{"a\x1b[31mb", 1, 1, "a?[31mb\n ^"},
		{long, 300, 5, "…" + strings.Repeat("a", 40) + "FAULT" + strings.Repeat("b", 115) + "…\n" + strings.Repeat(" ", 41) + "^^^^^"},
		{long, 0, 5, long[:160] + "…\n^^^^^"},
	} {
		e := cut(c.line, c.start, c.width)
		p := Problem{File: "f", Line: 1, Column: 1, Source: e.text, Width: e.width, caret: e.caret}
		if got := e.text + "\n" + p.indent() + p.carets(); got != c.want {
			t.Errorf("cut(%q, %d, %d):\n%s\nwant:\n%s", c.line, c.start, c.width, got, c.want)
		}
	}
}

func TestProblemsAreErrors(t *testing.T) {
	var err error = Problem{File: "x.toml", Line: 2, Column: 3, Severity: Warning, Msg: "m"}
	if got := err.Error(); got != "x.toml:2:3: warning: m" {
		t.Error(got)
	}
	if got := (Problem{File: "x.toml", Msg: "m"}).String(); got != "x.toml: error: m\n" {
		t.Error(got)
	}
}

func TestSummary(t *testing.T) {
	set := &Set{Files: 4, Problems: Problems{{}, {}, {}, {Severity: Warning}}}
	if got := set.Summary(); got != "4 files, 3 errors, 1 warning" {
		t.Error(got)
	}
	if got := (&Set{Files: 1}).Summary(); got != "1 file, 0 errors, 0 warnings" {
		t.Error(got)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"ab", "ba", 1}, {"kitten", "sitting", 3}, {"max_connection", "max_connectons", 2}, {"same", "same", 0}} {
		if got := distance(c.a, c.b); got != c.want || distance(c.b, c.a) != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
