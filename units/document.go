package units

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// A document is the content of one TOML file: its values, and where each of them stands.
type document struct {
	path  string // as the user named its folder
	text  string
	data  map[string]any
	root  *node
	rank  int   // among the files of a unit: the defaults of the host, the unit's file, its drop-ins
	lines []int // offsets of the lines, made when the first is asked for
}

// parse reads the text of a file. A text that is not TOML is a document without values and one problem.
func parse(path, text string) (*document, Problems) {
	d := &document{path: path, text: text, root: &node{}}
	if p, bad := d.forbidden(); bad {
		return d, Problems{p}
	}
	root, err := scan(text)
	if err != nil && err.bound {
		return d, Problems{d.problem(err.at, Error, "the file has "+err.msg)}
	}
	data, perr := decode(text)
	if perr != nil {
		return d, Problems{d.syntaxProblem(perr)}
	}
	if err != nil { // the library follows where the scanner does not: without places nothing can be told
		return d, Problems{d.problem(err.at, Error, "cannot find the keys of this text")}
	}
	d.data, d.root = data, root
	return d, nil
}

// forbidden finds what no unit file may hold, with a clearer word than a parser has for it.
func (d *document) forbidden() (Problem, bool) {
	if slices.ContainsFunc([]string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"}, func(mark string) bool { return strings.HasPrefix(d.text, mark) }) {
		return Problem{File: d.path, Line: 1, Column: 1, Msg: "the file begins with a byte order mark; save it as plain UTF-8"}, true
	}
	if i := strings.IndexByte(d.text, 0); i >= 0 {
		return d.problem(span{i, i + 1}, Error, "the file holds a NUL byte"), true
	}
	if i := invalidUTF8(d.text); i >= 0 {
		return d.problem(span{i, i + 1}, Error, "the file is not UTF-8"), true
	}
	return Problem{}, false
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, -1 if there is none.
func invalidUTF8(s string) int {
	if utf8.ValidString(s) {
		return -1
	}
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return -1
}

// decode hands the text to the library, which panics where it finds a fault in itself; a file must not end the manager.
func decode(text string) (data map[string]any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cannot be read: %v", r)
		}
	}()
	_, err = toml.Decode(text, &data)
	return data, err
}

func (d *document) syntaxProblem(err error) Problem {
	perr, ok := errors.AsType[toml.ParseError](err)
	if !ok {
		return d.problem(span{}, Error, err.Error())
	}
	start := max(0, min(perr.Position.Start, len(d.text)))
	return d.problem(span{start, start + max(1, perr.Position.Len)}, Error, "not TOML: "+printable(perr.Message)) // which quotes the text as it is
}

// problem returns a problem with the text at a span.
func (d *document) problem(at span, s Severity, msg string) Problem {
	line, column := d.position(at.start)
	text := d.line(line)
	e := cut(text, column-1, at.end-at.start)
	return Problem{
		File: d.path, Line: line, Column: column, Severity: s, Msg: msg,
		Source: e.text, Width: e.width, caret: e.caret,
	}
}

// position returns the line and the column of an offset, both from 1.
func (d *document) position(offset int) (line, column int) {
	if d.lines == nil {
		d.lines = lineStarts(d.text)
	}
	line = sort.SearchInts(d.lines, offset+1)
	return line, offset - d.lines[line-1] + 1
}

// line returns a line without its end.
func (d *document) line(n int) string {
	start, end := d.lines[n-1], len(d.text)
	if n < len(d.lines) {
		end = d.lines[n] - 1
	}
	return strings.TrimSuffix(d.text[start:end], "\r")
}

func (d *document) origin(at span) Origin {
	line, column := d.position(at.start)
	return Origin{File: d.path, Line: line, Column: column}
}

func lineStarts(text string) []int {
	starts := make([]int, 1, 1+strings.Count(text, "\n"))
	for i := range len(text) {
		if text[i] == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// wordAt returns the key or the string of one line that stands at an origin.
func (d *document) wordAt(at Origin) span {
	if d.lines == nil {
		d.lines = lineStarts(d.text)
	}
	if at.Line > len(d.lines) {
		return span{}
	}
	start := d.lines[at.Line-1] + at.Column - 1
	rest := d.text[min(start, len(d.text)):]
	end := strings.IndexAny(rest, " \t\r\n=,]")
	if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
		end = 2 + strings.IndexByte(rest[1:], rest[0])
	}
	if end <= 0 {
		end = 1
	}
	return span{start, start + end}
}
