package controllers

import (
	"fmt"
	"time"

	"sockbridge/control"
)

const (
	// drainMost bounds what is executed of a controller that has ended, in bytes. A socket holds less, unless somebody else has
	// the other end too and goes on writing.
	drainMost = 4 << 20
	// drainTime bounds it too: everybody waits, and somebody else may go on reading what a few commands make without end.
	drainTime = time.Second
)

// drain executes what the peer has sent, until there is nothing more or a command has to wait for something.
func (s *Session) drain() {
	end := time.Now().Add(drainTime)
	for taken := 0; taken < drainMost && !s.over && time.Now().Before(end); {
		room := s.state.Room()
		if !s.eof && s.in != nil && room > 0 {
			s.read()
			taken += room - s.state.Room()
		}
		before := s.state.Room()
		s.turnsUntil(end)
		if s.eof || s.state.Room() == before && s.state.Room() == room {
			break
		}
	}
	s.hangUp()
	s.turnsUntil(end)
	s.flush()
	if !time.Now().Before(end) {
		s.server.log(control.LevelWarning, fmt.Sprintf("controller[%d] has ended, and what it has sent takes too long: the rest is dropped",
			s.state.Number()))
	}
}

// turnsUntil takes turns, one after another, as long as there is something to do and time for it.
func (s *Session) turnsUntil(end time.Time) {
	for s.state.Turn() && time.Now().Before(end) {
		s.began = time.Now()
		s.flush()
	}
}
