package control

import (
	"bytes"
	"slices"
	"strconv"
)

// writeSize is how many bytes Output returns at most, unless a line is longer. Pipes and Unix sockets take so many as a whole or
// not at all (PIPE_BUF in pipe(7)), so that a reader never sees part of a line.
const writeSize = 4096

// Emit sends an event. When it does not fit, it and all that follow are dropped until the output is empty; then the peer is told
// `overflow`.
func (s *Session) Emit(fields ...string) {
	if s.closed || s.options.Mute {
		return
	}
	if s.overflow {
		s.number++
		return
	}
	line := s.encode(fields)
	if !s.fits(len(line)) {
		before := s.number
		if s.flush(); s.number != before { // flush has emitted something
			line = s.encode(fields)
		}
	}
	s.number++
	switch {
	case s.options.Mute: // flush has found that nobody reads
	case s.fits(len(line)):
		s.output.append(line)
		s.debug(func() string { return "client[" + strconv.Itoa(s.options.Number) + `] event: "` + string(line) + `"` })
	default:
		s.overflow = true
	}
	if cap(line) <= keepCapacity {
		s.line = line[:0]
	}
}

// encode makes the line of the next number, in the scratch buffer, which it takes: Emit may be called within itself, by flush.
func (s *Session) encode(fields []string) []byte {
	line := s.line
	s.line = nil
	if s.numbered {
		line = append(strconv.AppendUint(line, s.number+1, 10), '\t')
	}
	return s.version.Append(line, fields...)
}

// fits reports whether a line may be added. One that is longer than the whole queue goes when nothing else is there.
func (s *Session) fits(length int) bool {
	return s.output.len() == 0 || s.output.len()+length <= s.Limits().Output
}

// Output returns what is to be written next, whole lines as far as the kernel took whole lines; nil is nothing. It is valid
// until the next call of anything else.
func (s *Session) Output() []byte {
	b := s.output.bytes()
	if len(b) <= writeSize {
		return slices.Clip(b)
	}
	if end := bytes.LastIndexByte(b[:writeSize], '\n'); end >= 0 {
		return b[: end+1 : end+1]
	}
	end := bytes.IndexByte(b, '\n')
	return b[: end+1 : end+1]
}

// Wrote says that n bytes of Output are written.
func (s *Session) Wrote(n int) {
	if n <= 0 {
		return
	}
	s.unblock()
	s.output.drop(min(n, s.output.len()))
	if s.output.len() == 0 {
		s.drained()
	}
}

// drained ends an overflow.
func (s *Session) drained() {
	if s.overflow {
		s.overflow, s.running = false, false
		s.Emit("overflow")
	}
}

// CloseOutput says that nobody reads any more: what waits is discarded, as is all that follows. Commands are still executed.
func (s *Session) CloseOutput() {
	s.options.Mute = true
	s.overflow, s.running = false, false
	s.unblock()
	s.output.drop(s.output.len())
}
