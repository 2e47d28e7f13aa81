package units

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of what is handed to the TOML library, which recurses for every level and keeps the whole path of every key:
// without them a file of 1 MiB takes gigabytes, or the stack. No unit comes near them.
const (
	maxDepth    = 32    // tables and arrays within each other
	maxPath     = 512   // bytes of a key with the tables that it is in
	maxKeys     = 8192  // of a file
	maxElements = 32768 // of all arrays of a file
)

// A span is a piece of a text, in byte offsets.
type span struct{ start, end int }

// A node is a value of a TOML text: where its key stands, where its value stands, and what is in it.
type node struct {
	key   span // empty for an element of an array
	value span // of a table its header
	kids  map[string]*node
	elems []*node // of an array, and of an array of tables
	size  int     // of the path down to the node in bytes
	depth int
}

// kid returns what the table n holds under name; nil if nothing. Of an array of tables it is the last table that holds.
func (n *node) kid(name string) *node {
	if n = n.table(); n == nil {
		return nil
	}
	return n.kids[name]
}

// table returns the table that a header or a dotted key which names n means.
func (n *node) table() *node {
	for n != nil && len(n.elems) > 0 {
		n = n.elems[len(n.elems)-1]
	}
	return n
}

// A scanError is a text that the scanner cannot follow, or that goes beyond a bound.
type scanError struct {
	at    span
	msg   string
	bound bool // the text may be TOML, and must not be handed on
}

func (e *scanError) Error() string { return e.msg }

// A scanner finds the places of keys and values, which the TOML library does not tell. It follows every text that is
// TOML; what else it follows does not matter, since the library refuses that.
type scanner struct {
	text           string
	pos            int
	keys, elements int
}

// scan returns the tree of the text's places. Where it fails the tree holds what came before.
func scan(text string) (*node, *scanError) {
	root := &node{}
	s := &scanner{text: text}
	for table := root; ; {
		s.skipLines()
		if s.pos >= len(s.text) {
			return root, nil
		}
		var err *scanError
		if s.text[s.pos] == '[' {
			table, err = s.header(root)
		} else {
			err = s.assignment(table)
		}
		if err != nil {
			return root, err
		}
	}
}

// header reads [a.b] or [[a.b]] and returns the table that follows.
func (s *scanner) header(root *node) (*node, *scanError) {
	start := s.pos
	brackets := 1
	if strings.HasPrefix(s.text[s.pos:], "[[") {
		brackets = 2
	}
	s.pos += brackets
	n, err := s.path(root)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(s.text[s.pos:], "]]"[:brackets]) {
		return nil, s.unexpected()
	}
	s.pos += brackets
	whole := span{start, s.pos}
	if brackets == 1 {
		n.key, n.value = whole, whole
		return n, nil
	}
	if n.value == (span{}) {
		n.key, n.value = whole, whole
	}
	table := &node{key: whole, value: whole, size: n.size, depth: n.depth}
	return table, s.add(n, table)
}

// assignment reads a.b = value in a table.
func (s *scanner) assignment(table *node) *scanError {
	s.skipBlanks()
	start := s.pos
	n, err := s.path(table)
	if err != nil {
		return err
	}
	n.key = span{start, s.trimmed(start)}
	if !s.accept('=') {
		return s.unexpected()
	}
	s.skipBlanks()
	return s.value(n)
}

// path reads a.b.c and returns its node in the table, made where it is missing.
func (s *scanner) path(n *node) (*node, *scanError) {
	for {
		s.skipBlanks()
		start := s.pos
		name, err := s.name()
		if err != nil {
			return nil, err
		}
		if n, err = s.enter(n.table(), name, span{start, s.pos}); err != nil {
			return nil, err
		}
		s.skipBlanks()
		if !s.accept('.') {
			return n, nil
		}
	}
}

// enter returns the node of a name in a table, made where it is missing.
func (s *scanner) enter(table *node, name string, at span) (*node, *scanError) {
	if s.keys++; s.keys > maxKeys {
		return nil, tooMuch(at, "more than %d keys", maxKeys)
	}
	kid := table.kids[name]
	if kid == nil {
		kid = &node{key: at, size: table.size + 1 + len(name), depth: table.depth + 1}
		if table.kids == nil {
			table.kids = make(map[string]*node)
		}
		table.kids[name] = kid
	}
	if kid.size > maxPath {
		return nil, tooMuch(at, "a key longer than %d bytes", maxPath)
	}
	if kid.depth > maxDepth {
		return nil, tooMuch(at, "tables and arrays deeper than %d", maxDepth)
	}
	return kid, nil
}

// add appends an element to an array.
func (s *scanner) add(array, elem *node) *scanError {
	if s.elements++; s.elements > maxElements {
		return tooMuch(elem.value, "more than %d elements in arrays", maxElements)
	}
	if elem.depth > maxDepth {
		return tooMuch(elem.value, "tables and arrays deeper than %d", maxDepth)
	}
	array.elems = append(array.elems, elem)
	return nil
}

func tooMuch(at span, format string, bound int) *scanError {
	return &scanError{at: at, msg: fmt.Sprintf(format, bound), bound: true}
}

func (s *scanner) unexpected() *scanError {
	return &scanError{at: span{s.pos, s.pos + 1}, msg: "is not TOML"}
}

// name reads one part of a key: bare, or quoted either way.
func (s *scanner) name() (string, *scanError) {
	start := s.pos
	if s.pos < len(s.text) && (s.text[s.pos] == '"' || s.text[s.pos] == '\'') {
		if err := s.quoted(); err != nil {
			return "", err
		}
		inner := s.text[start+1 : s.pos-1]
		if s.text[start] == '"' {
			inner = unescape(inner)
		}
		return inner, nil
	}
	for s.pos < len(s.text) && bareKey(s.text[s.pos]) {
		s.pos++
	}
	if s.pos == start {
		return "", s.unexpected()
	}
	return s.text[start:s.pos], nil
}

func bareKey(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// unescape returns what a basic string means. Bad escapes are kept: the library refuses them.
func unescape(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i+1 == len(s) {
			return b.String() + s
		}
		b.WriteString(s[:i])
		r, size := escaped(s[i:])
		b.WriteString(r)
		s = s[i+size:]
	}
}

// escaped returns what the escape at the start of s means, and its length.
func escaped(s string) (string, int) {
	if i := strings.IndexByte(`btnfre"\`, s[1]); i >= 0 {
		return "\b\t\n\f\r\x1b\"\\"[i : i+1], 2
	}
	size := map[byte]int{'x': 4, 'u': 6, 'U': 10}[s[1]]
	if size > 0 && len(s) >= size {
		if r, err := strconv.ParseUint(s[2:size], 16, 32); err == nil && utf8.ValidRune(rune(r)) {
			return string(rune(r)), size
		}
	}
	return s[:2], 2
}
