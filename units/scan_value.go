package units

import "strings"

// value reads what follows a = or stands in an array into n.
func (s *scanner) value(n *node) *scanError {
	start := s.pos
	err := s.anyValue(n)
	n.value = span{start, s.pos}
	return err
}

func (s *scanner) anyValue(n *node) *scanError {
	switch s.peek() {
	case '[':
		return s.array(n)
	case '{':
		return s.inlineTable(n)
	case '"', '\'':
		return s.str()
	default:
		return s.scalar()
	}
}

// array reads [a, b] over any number of lines.
func (s *scanner) array(n *node) *scanError {
	s.pos++
	for {
		s.skipLines()
		if s.accept(']') {
			return nil
		}
		elem := &node{size: n.size, depth: n.depth + 1, value: span{s.pos, s.pos + 1}}
		if err := s.add(n, elem); err != nil {
			return err
		}
		if err := s.value(elem); err != nil {
			return err
		}
		s.skipLines()
		if !s.accept(',') && s.peek() != ']' {
			return s.unexpected()
		}
	}
}

// inlineTable reads {a = 1, b.c = 2}, over several lines as TOML 1.1 allows it.
func (s *scanner) inlineTable(n *node) *scanError {
	s.pos++
	for {
		s.skipLines()
		if s.accept('}') {
			return nil
		}
		if err := s.assignment(n); err != nil {
			return err
		}
		s.skipLines()
		if !s.accept(',') && s.peek() != '}' {
			return s.unexpected()
		}
	}
}

// str reads a string of any of the four forms.
func (s *scanner) str() *scanError {
	quote := s.text[s.pos]
	triple := strings.Repeat(string(quote), 3)
	if !strings.HasPrefix(s.text[s.pos:], triple) {
		return s.quoted()
	}
	for s.pos += 3; s.pos < len(s.text); s.pos++ {
		if s.text[s.pos] == '\\' && quote == '"' {
			s.pos++
			continue
		}
		if strings.HasPrefix(s.text[s.pos:], triple) {
			s.pos += 3
			for range 2 { // up to two quotes may stand before the closing three
				s.accept(quote)
			}
			return nil
		}
	}
	s.pos = len(s.text)
	return s.unexpected()
}

// quoted reads a string of one line.
func (s *scanner) quoted() *scanError {
	quote := s.text[s.pos]
	for s.pos++; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; {
		case c == quote:
			s.pos++
			return nil
		case c == '\n':
			return s.unexpected()
		case c == '\\' && quote == '"':
			s.pos++
		}
	}
	s.pos = len(s.text)
	return s.unexpected()
}

// scalar reads a number, a boolean or a time; a time may hold a blank.
func (s *scanner) scalar() *scanError {
	start := s.pos
	if i := strings.IndexAny(s.text[s.pos:], ",]}#\r\n"); i >= 0 {
		s.pos += i
	} else {
		s.pos = len(s.text)
	}
	s.pos = s.trimmed(start)
	if s.pos == start {
		return s.unexpected()
	}
	return nil
}

// trimmed returns the end of what was read since start without blanks behind it.
func (s *scanner) trimmed(start int) int {
	return start + len(strings.TrimRight(s.text[start:s.pos], " \t"))
}

func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) accept(c byte) bool {
	if s.peek() != c || s.pos >= len(s.text) {
		return false
	}
	s.pos++
	return true
}

func (s *scanner) skipBlanks() {
	for s.peek() == ' ' || s.peek() == '\t' {
		s.pos++
	}
}

// skipLines skips blanks, line ends and comments.
func (s *scanner) skipLines() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		case '#':
			if i := strings.IndexByte(s.text[s.pos:], '\n'); i >= 0 {
				s.pos += i
			} else {
				s.pos = len(s.text)
			}
		default:
			return
		}
	}
}
