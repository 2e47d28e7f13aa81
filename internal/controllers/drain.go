package controllers

// drainMost bounds what is executed of a controller that has ended, in bytes. A socket holds less, unless somebody else has
// the other end too and goes on writing.
const drainMost = 4 << 20

// drain executes what the peer has sent, until there is nothing more or a command has to wait for something.
func (s *Session) drain() {
	for taken := 0; taken < drainMost && !s.over; {
		room := s.state.Room()
		if !s.eof && s.in != nil && room > 0 {
			s.read()
			taken += room - s.state.Room()
		}
		before := s.state.Room()
		for s.state.Turn() {
			s.flush()
		}
		if s.eof || s.state.Room() == before && s.state.Room() == room {
			break
		}
	}
	s.hangUp()
	for s.state.Turn() {
		s.flush()
	}
	s.flush()
}
