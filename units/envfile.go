package units

import (
	"errors"
	"fmt"
	"strings"
)

// parseEnvironment reads a file in the syntax of EnvironmentFile= in systemd.exec(5) into env: NAME=value lines, comments
// behind "#" or ";", values in quotes of either kind that may go over lines, backslashes that take the next character
// as it is, and a line's end away. In double quotes a backslash counts only before \ " $ ` and a line's end. Errors tell
// of lines by their numbers alone: the file may hold secrets, and may be another one than was meant.
func parseEnvironment(env map[string]string, text string) error {
	p := envParser{text: strings.ReplaceAll(text, "\r\n", "\n"), line: 1}
	for p.skipToName() {
		line := p.line
		name, value, err := p.assignment()
		switch {
		case err != nil:
		case variableName(name) != nil:
			err = errors.New("not the name of a variable")
		case strings.IndexByte(value, 0) >= 0:
			err = errors.New("the value holds a NUL byte")
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		env[name] = value
	}
	return nil
}

type envParser struct {
	text string
	pos  int
	line int
}

// next takes a byte off the text; at its end it is a line's end for ever.
func (p *envParser) next() byte {
	if p.pos >= len(p.text) {
		return '\n'
	}
	c := p.text[p.pos]
	p.pos++
	if c == '\n' {
		p.line++
	}
	return c
}

func (p *envParser) peek() (byte, bool) {
	if p.pos >= len(p.text) {
		return 0, false
	}
	return p.text[p.pos], true
}

// skipToName skips blanks and comments and reports whether anything follows.
func (p *envParser) skipToName() bool {
	for {
		c, more := p.peek()
		switch {
		case !more:
			return false
		case c == '#' || c == ';':
			for p.next() != '\n' {
				continue
			}
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			p.next()
		default:
			return true
		}
	}
}

func (p *envParser) assignment() (name, value string, err error) {
	line, _, _ := strings.Cut(p.text[p.pos:], "\n")
	name, _, found := strings.Cut(line, "=")
	if !found {
		return "", "", errors.New("not NAME=value")
	}
	p.pos += len(name) + 1
	value, err = p.value()
	return strings.TrimSpace(name), value, err
}

// value reads to the end of the line: pieces in quotes and out of them. Blanks around it do not count.
func (p *envParser) value() (string, error) {
	var b strings.Builder
	solid := 0 // what comes up to here is not blank, or is in quotes
	for {
		c := p.next()
		switch {
		case c == '\n':
			return b.String()[:solid], nil
		case c == '"' || c == '\'':
			if err := p.quoted(&b, c); err != nil {
				return "", err
			}
			solid = b.Len()
		case c == '\\':
			if c := p.next(); c != '\n' {
				b.WriteByte(c)
			}
			solid = b.Len()
		case c == ' ' || c == '\t':
			if b.Len() > 0 {
				b.WriteByte(c)
			}
		default:
			b.WriteByte(c)
			solid = b.Len()
		}
	}
}

func (p *envParser) quoted(b *strings.Builder, quote byte) error {
	for {
		if _, more := p.peek(); !more {
			return errors.New("a quote is not closed")
		}
		switch c := p.next(); {
		case c == quote:
			return nil
		case c == '\\' && quote == '"':
			p.escape(b)
		default:
			b.WriteByte(c)
		}
	}
}

// escape reads what a backslash in double quotes means.
func (p *envParser) escape(b *strings.Builder) {
	c, more := p.peek()
	switch {
	case more && c == '\n':
		p.next()
	case more && strings.IndexByte("\"\\`$", c) >= 0:
		b.WriteByte(p.next())
	default:
		b.WriteByte('\\')
	}
}
