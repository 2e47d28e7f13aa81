package controllers

import (
	"sockbridge/control"
)

// A gift is a descriptor that a controller has asked for. It goes with the write that begins with the line that tells of it, so
// the line waits until all before it is written. A session has one at a time: its commands run one after another.
type gift struct {
	name string
	fd   int // a copy: the handle may be deleted meanwhile
	call *control.Call
	done func(error)
	due  bool // its line is next
}

// present tells of the gift once nothing else is to be written.
func (s *Session) present() {
	if g := s.give; g != nil && !g.due && len(s.state.Output()) == 0 {
		g.due = true
		g.call.Emit("fd.give", g.name)
	}
}

// delivered notes that a write has taken the descriptor with it.
func (s *Session) delivered(n int) {
	if s.give != nil && s.give.due && n > 0 {
		s.dropGift(nil)
	}
}

func (s *Session) dropGift(err error) {
	g := s.give
	if g == nil {
		return
	}
	s.give = nil
	closeQuietly(g.fd)
	g.done(err)
}
