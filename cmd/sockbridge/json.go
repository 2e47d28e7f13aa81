package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// An object is a JSON object whose members have an order.
type object []member

type member struct {
	name  string
	value any // string, bool, int64, float64, time.Time, []string, object, []object; nil is null
}

// sparse leaves out the members that are null.
func (o object) sparse() object {
	var kept object
	for _, m := range o {
		if m.value != nil {
			kept = append(kept, m)
		}
	}
	return kept
}

// MarshalJSON has the members in their order.
func (o object) MarshalJSON() ([]byte, error) { return appendJSON(nil, o), nil }

// appendJSON is not encoding/json because that leaves some characters as they are by which a terminal is led astray.
func appendJSON(dst []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(dst, "null"...)
	case string:
		return appendString(dst, v)
	case bool:
		return strconv.AppendBool(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return strconv.AppendFloat(dst, v, 'f', -1, 64)
	case time.Time:
		return appendString(dst, v.UTC().Format(time.RFC3339Nano))
	case []string:
		return appendList(dst, v)
	case []object:
		return appendList(dst, v)
	case object:
		return appendObject(dst, v)
	}
	panic(fmt.Sprintf("no JSON for %T", value))
}

func appendObject(dst []byte, o object) []byte {
	dst = append(dst, '{')
	for i, m := range o {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, m.name), ':')
		dst = appendJSON(dst, m.value)
	}
	return append(dst, '}')
}

func appendList[T any](dst []byte, list []T) []byte {
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSON(dst, v)
	}
	return append(dst, ']')
}

// appendString escapes what is unsafe on a terminal beyond what JSON asks for. Bytes that are not UTF-8, which JSON cannot
// hold, become U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == utf8.RuneError || !unsafe(r):
			dst = utf8.AppendRune(dst, r)
		case r > 0xffff:
			high, low := utf16Pair(r)
			dst = fmt.Appendf(dst, `\u%04x\u%04x`, high, low)
		default:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		}
	}
	return append(dst, '"')
}

// utf16Pair is how JSON escapes a character beyond U+FFFF.
func utf16Pair(r rune) (high, low rune) {
	r -= 0x10000
	return 0xd800 + r>>10, 0xdc00 + r&0x3ff
}

var _ json.Marshaler = object(nil)
