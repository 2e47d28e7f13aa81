package units

import (
	"strings"
	"unicode/utf8"
)

// maxSource is the longest piece of a line that a problem shows, in bytes.
const maxSource = 160

// An excerpt is a piece of one line with something at fault in it.
type excerpt struct {
	text  string
	caret int
	width int
}

// cut takes the piece of line around the fault [start, start+width), so that a line of a megabyte stays readable.
func cut(line string, start, width int) excerpt {
	start = min(start, len(line))
	width = max(1, min(width, len(line)-start))
	from, to, before, after := 0, len(line), "", ""
	if start > maxSource/2 && len(line) > maxSource {
		from, before = runeStart(line, start-maxSource/4), "…"
	}
	if to-from > maxSource {
		to, after = runeStart(line, from+maxSource), "…"
	}
	caret := len(before) + start - from
	text := before + line[from:to] + after
	return excerpt{printable(text), caret, min(width, max(1, len(text)-caret))}
}

// runeStart returns the offset of the rune that holds the byte at i, which is i itself in what is not UTF-8.
func runeStart(s string, i int) int {
	for back := 0; back < utf8.UTFMax && i-back >= 0 && i < len(s); back++ {
		if utf8.RuneStart(s[i-back]) {
			return i - back
		}
	}
	return i
}

// printable replaces what a terminal would obey, byte for byte so that offsets stay right.
func printable(s string) string {
	clean := func(r rune) bool {
		return r == '\t' || r >= ' ' && r != 0x7f && r != utf8.RuneError && (r < 0x80 || r > 0x9f)
	}
	if strings.IndexFunc(s, func(r rune) bool { return !clean(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		_, size := utf8.DecodeRuneInString(s[i:])
		if clean(r) {
			b.WriteString(s[i : i+size])
		} else {
			b.WriteString(strings.Repeat("?", size))
		}
	}
	return b.String()
}
