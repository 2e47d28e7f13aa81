package control

import "bytes"

// skip is what happens to the input up to the next line feed.
type skip uint8

const (
	skipNothing skip = iota
	skipTold         // the line is too long
	skipSilent       // likewise, and a comment
)

// kind is what nextLine has found.
type kind uint8

const (
	noLine kind = iota
	commandLine
	tooLong
)

// Room is how many bytes Input takes now. At 0 nothing is to be read until a Turn has made room, or ever, if the
// session is ending.
func (s *Session) Room() int {
	if s.eof || s.leaving || s.closed {
		return 0
	}
	return max(s.Limits().Line-s.input.len(), 0)
}

// Input adds what was read, of which it takes no more than Room, and returns how much it took.
func (s *Session) Input(b []byte) int {
	b = b[:min(len(b), s.Room())]
	s.input.append(b)
	return len(b)
}

// EndOfInput says that nothing follows. What was put in before is still executed.
func (s *Session) EndOfInput() { s.eof = true }

// exhausted reports whether nothing of the input is left.
func (s *Session) exhausted() bool { return s.input.len() == 0 && s.skip == skipNothing }

// full reports whether the peer has sent as much as is held.
func (s *Session) full() bool { return s.input.len() >= s.Limits().Line }

// nextLine takes the next line that means something from the input: one to execute, or one that is too long. The line is valid
// until the next Input.
func (s *Session) nextLine() (line []byte, what kind) {
	for {
		line, ok := s.cutLine()
		if !ok {
			return s.lastLine()
		}
		skipped := s.skip
		s.skip = skipNothing
		if skipped == skipNothing && len(line) >= s.Limits().Line {
			skipped = skipOf(line)
		}
		switch {
		case skipped == skipTold:
			return nil, tooLong
		case skipped == skipNothing && !isIgnored(line):
			return line, commandLine
		}
	}
}

// cutLine takes a line that is complete, without its line feed.
func (s *Session) cutLine() (line []byte, ok bool) {
	b := s.input.bytes()
	i := bytes.IndexByte(b[s.scanned:], '\n')
	if i < 0 {
		s.scanned = len(b)
		return nil, false
	}
	i += s.scanned
	s.discard(i + 1)
	return b[:i], true
}

func (s *Session) discard(n int) {
	s.input.drop(n)
	s.scanned = 0
}

// lastLine looks at a line that is not complete.
func (s *Session) lastLine() (line []byte, what kind) {
	b := s.input.bytes()
	if s.skip == skipNothing && s.full() {
		s.skip = skipOf(b)
	}
	if s.skip != skipNothing {
		s.discard(len(b))
	}
	if !s.eof {
		return nil, noLine
	}
	return s.unterminated()
}

// unterminated takes the line with which the input has ended.
func (s *Session) unterminated() (line []byte, what kind) {
	line, skipped := s.input.bytes(), s.skip
	s.discard(len(line))
	s.skip = skipNothing
	if skipped == skipSilent || skipped == skipNothing && isIgnored(line) {
		return nil, noLine
	}
	if !s.options.LastLine {
		s.log(LevelWarning, "Command ends with EOF... ignored")
		return nil, noLine
	}
	if skipped == skipTold {
		return nil, tooLong
	}
	s.log(LevelWarning, "Command ends with EOF... processing anyway")
	return line, commandLine
}

// skipOf is how a line is passed over whose beginning this is.
func skipOf(line []byte) skip {
	if line[0] == '#' {
		return skipSilent
	}
	return skipTold
}

// isIgnored reports whether a line is a comment or blank. One that begins with a blank and has a text is not ignored.
func isIgnored(line []byte) bool {
	return len(line) == 0 || line[0] == '#' || len(bytes.Trim(line, " \t\r\x00")) == 0
}
