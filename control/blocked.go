package control

import (
	"strconv"
	"time"
)

// Blocked says that the peer takes nothing at the moment: write(2) has returned EAGAIN. The clock runs from the first such call
// to the next Wrote.
func (s *Session) Blocked() {
	if s.blocked.IsZero() && s.output.len() > 0 {
		s.blocked = s.options.Now()
	}
}

func (s *Session) unblock() { s.blocked, s.late = time.Time{}, false }

// Deadline is when Expire must be called; zero is never.
func (s *Session) Deadline() time.Time {
	switch {
	case s.blocked.IsZero() || s.closed:
		return time.Time{}
	case s.late:
		return s.blocked.Add(s.close)
	default:
		return s.blocked.Add(s.reset)
	}
}

// Expire looks at the clock. After the reset timeout the log is told, and from then on commands run with their output discarded
// as soon as the input is full. After the close timeout the session has ended. Calls before the deadline do nothing.
func (s *Session) Expire() {
	if s.blocked.IsZero() || s.closed {
		return
	}
	waited := s.options.Now().Sub(s.blocked)
	text := "controller " + strconv.Itoa(s.options.Number) + " blocked pipe for " +
		strconv.FormatInt(int64(waited/time.Second), 10) + " seconds"
	switch {
	case waited >= s.close:
		s.closed = true
		s.log(LevelError, text+", closing connection")
	case waited >= s.reset && !s.late:
		s.late = true
		s.log(LevelWarning, text)
	}
}
