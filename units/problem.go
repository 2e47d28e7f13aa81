package units

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Severity says what a [Problem] means for the unit.
type Severity int

// The severities of problems.
const (
	Error   Severity = iota // the unit is left out
	Warning                 // the unit is used
)

func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// A Problem is one thing wrong with one file.
type Problem struct { //nolint:errname // most problems are shown, few are returned
	File         string
	Line, Column int // from 1, columns in bytes; Line 0 is the file as a whole
	Severity     Severity
	Msg          string
	Unit, Key    string // what it is about, "socket.backlog"; "" for what belongs to none
	Source       string // the line, without control characters, cut where it is long; "" where it explains nothing
	Width        int    // of the text at fault, in bytes, at least 1 where Source is set

	caret int // where the text at fault starts in Source
}

// Error returns the first line of the problem's printed form.
func (p Problem) Error() string {
	return fmt.Sprintf("%s: %s: %s", p.place(), p.Severity, p.Msg)
}

func (p Problem) place() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// String returns the printed form: what is wrong, and the line with carets under the text at fault.
func (p Problem) String() string {
	if p.Source == "" {
		return p.Error() + "\n"
	}
	return fmt.Sprintf("%s\n%7d | %s\n        | %s%s\n", p.Error(), p.Line, p.Source, p.indent(), p.carets())
}

// indent keeps tabs, so that the carets stand below the text whatever width a terminal gives a tab.
func (p Problem) indent() string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, p.Source[:p.caret])
}

func (p Problem) carets() string {
	end := min(p.caret+p.Width, len(p.Source))
	return strings.Repeat("^", max(1, utf8.RuneCountInString(p.Source[p.caret:end])))
}

// Problems are problems in the order of files and lines.
type Problems []Problem

// Count returns the number of problems of a severity.
func (ps Problems) Count(s Severity) int {
	n := 0
	for _, p := range ps {
		if p.Severity == s {
			n++
		}
	}
	return n
}

// String returns the printed form of all problems.
func (ps Problems) String() string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(p.String())
	}
	return b.String()
}

// sorted returns the problems in order, each once: a bad default is found again in every unit that inherits it.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column), cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Msg, b.Msg))
	})
	return slices.CompactFunc(ps, func(a, b Problem) bool {
		return a.File == b.File && a.Line == b.Line && a.Column == b.Column && a.Msg == b.Msg
	})
}
