package units

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// An entry is a value as it was written, with its place.
type entry struct {
	key       *Key
	name      string // of a member of a table; else ""
	value     any
	node      *node
	doc       *document
	inherited bool // from the defaults of the host: says nothing about this unit in particular
}

// entries are the values of one table by the names of their keys.
type entries map[string]entry

// text returns the value as it stands in the file.
func (e entry) text() string { return e.doc.text[e.node.value.start:e.node.value.end] }

// origin returns where the value was written: where its key stands, or for an element the element.
func (e entry) origin() Origin {
	if e.node.key == (span{}) {
		return e.doc.origin(e.node.value)
	}
	return e.doc.origin(e.node.key)
}

// list returns the elements of a list.
func (e entry) list() ([]entry, error) {
	values, ok := e.value.([]any)
	if !ok {
		return nil, e.wrong("a list")
	}
	elems := make([]entry, len(values))
	for i, v := range values {
		elems[i] = entry{key: e.key, value: v, node: e.node.elems[i], doc: e.doc, inherited: e.inherited}
	}
	return elems, nil
}

// str returns the value where it is a string that a C program can be given.
func (e entry) str() (string, error) {
	s, ok := e.value.(string)
	if !ok {
		return "", e.wrong("a string")
	}
	return s, text(s)
}

// wrong is the error of a value of another type.
func (e entry) wrong(wanted string) error {
	if _, isString := e.value.(string); isString && wanted == "a list" {
		return fmt.Errorf("must be a list, not a string: [%s]", excerptOf(e.text()))
	}
	return fmt.Errorf("must be %s, not %s", wanted, kindOf(e.value))
}

func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int64:
		return "an integer"
	case float64:
		return "a number with a point"
	case bool:
		return "a boolean"
	case []any, []map[string]any:
		return "a list"
	case map[string]any:
		return "a table"
	case time.Time:
		return "a date"
	default:
		return "nothing"
	}
}

// quoteShort quotes what a user wrote for a message, cut where it is long.
func quoteShort(s string) string {
	const most = 80
	if len(s) > most {
		return fmt.Sprintf("%q…", s[:runeStart(s, most)])
	}
	return fmt.Sprintf("%q", s)
}

// excerptOf cuts what is shown as it was written.
func excerptOf(s string) string {
	const most = 80
	if len(s) > most {
		return printable(s[:runeStart(s, most)]) + "…"
	}
	return printable(s)
}

// within returns n where the key takes it.
func (k *Key) within(n int64, written string) (int64, error) {
	if (k.Min != 0 || k.Max != 0) && (n < k.Min || n > k.Max) {
		return 0, fmt.Errorf("must be %s, not %s", k.allowed(), written)
	}
	return n, nil
}

// allowed is the range for a message, which quotes words as TOML does.
func (k *Key) allowed() string { return strings.ReplaceAll(k.Range(), "`", `"`) }

// saturated returns a number of a list(2) or limit that an int of any processor holds.
func saturated(n int64) int { return int(min(n, math.MaxInt32)) }
