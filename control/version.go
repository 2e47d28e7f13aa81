package control

import (
	"slices"
	"strings"
)

// A Version is a version of the protocol. A session begins with the first.
type Version int

const (
	// Version1 is daemonproxy's: nothing is escaped, so a field holds neither TAB nor line feed.
	Version1 Version = 1
	// Version2 escapes \t, \n, \\ and \xHH in fields; id and seq exist.
	Version2 Version = 2
)

// Split returns the fields of a line, which is given without its line feed. An empty line has one empty field. The strings
// are copies. The error, for a bad escape of version 2, is an *[Error]; the fields before the bad one are returned with it.
func (v Version) Split(line []byte) ([]string, error) { return v.split(nil, string(line)) }

// split appends the fields to a slice; where nothing is escaped they are parts of the line.
func (v Version) split(fields []string, line string) ([]string, error) {
	fields = slices.Grow(fields, strings.Count(line, "\t")+1)
	for more := true; more; {
		var field string
		field, line, more = strings.Cut(line, "\t")
		if v >= Version2 && strings.IndexByte(field, '\\') >= 0 {
			var err error
			if field, err = unescape(field); err != nil {
				return fields, err
			}
		}
		fields = append(fields, field)
	}
	return fields, nil
}

// Append appends a line with its line feed. [Version.Split] returns the same fields, but that version 1 has a blank for each
// TAB and line feed in a field, and that no field at all reads as an empty one.
func (v Version) Append(dst []byte, fields ...string) []byte {
	for i, field := range fields {
		if i > 0 {
			dst = append(dst, '\t')
		}
		dst = v.appendField(dst, field)
	}
	return append(dst, '\n')
}

func (v Version) appendField(dst []byte, field string) []byte {
	if v >= Version2 {
		return appendEscaped(dst, field)
	}
	begin := len(dst)
	dst = append(dst, field...)
	for i, b := range dst[begin:] {
		if b == '\t' || b == '\n' {
			dst[begin+i] = ' '
		}
	}
	return dst
}
