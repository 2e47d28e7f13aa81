package control

import (
	"encoding/hex"
	"strings"
)

const hexDigits = "0123456789abcdef"

// appendEscaped writes control characters as escapes too, although only TAB, line feed and backslash must be: events end up
// on terminals.
func appendEscaped(dst []byte, field string) []byte {
	plain := 0 // where what needs no escape begins
	for i := range len(field) {
		b := field[i]
		if b >= ' ' && b != '\\' && b != 0x7f {
			continue
		}
		dst = appendEscape(append(dst, field[plain:i]...), b)
		plain = i + 1
	}
	return append(dst, field[plain:]...)
}

func appendEscape(dst []byte, b byte) []byte {
	switch b {
	case '\t':
		return append(dst, '\\', 't')
	case '\n':
		return append(dst, '\\', 'n')
	case '\\':
		return append(dst, '\\', '\\')
	}
	return append(dst, '\\', 'x', hexDigits[b>>4], hexDigits[b&15])
}

// unescape returns a field of version 2 as it was meant.
func unescape(field string) (string, error) {
	text := make([]byte, 0, len(field))
	for {
		before, rest, found := strings.Cut(field, `\`)
		text = append(text, before...)
		if !found {
			return string(text), nil
		}
		b, length, ok := decodeEscape(rest)
		if !ok {
			return "", &Error{Text: "invalid escape", Code: CodeUsage}
		}
		text = append(text, b)
		field = rest[length:]
	}
}

// decodeEscape decodes what stands behind a backslash; length is how much of it belongs to the escape.
func decodeEscape(s string) (b byte, length int, ok bool) {
	if s == "" {
		return 0, 0, false
	}
	switch s[0] {
	case 't':
		return '\t', 1, true
	case 'n':
		return '\n', 1, true
	case '\\':
		return '\\', 1, true
	case 'x':
		var value [1]byte
		if len(s) < 3 {
			return 0, 0, false
		}
		_, err := hex.Decode(value[:], []byte(s[1:3]))
		return value[0], 3, err == nil
	}
	return 0, 0, false
}
