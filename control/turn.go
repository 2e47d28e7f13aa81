package control

import "bytes"

// streamSteps is how many steps of a stream are run in one turn: others want their turn too.
const streamSteps = 256

// progress is how far a step has come.
type progress uint8

const (
	waits       progress = iota // for input, room for output, or a done
	interrupted                 // more could be done
	executed                    // a command has been begun or ended
)

// Turn executes commands from the input, at most as many as [Limits] say, and reports whether more could run at once: then it
// should be called again, after others had their turn.
func (s *Session) Turn() (again bool) {
	for range max(s.Limits().Turn, 1) {
		switch s.step() {
		case waits:
			return false
		case interrupted:
			return true
		case executed:
		}
		if s.hurry() {
			break
		}
	}
	return s.hasMore()
}

// hasMore may be wrong in saying that there is: only a comment, perhaps.
func (s *Session) hasMore() bool {
	switch {
	case s.closed:
		return false
	case s.call != nil:
		return (len(s.call.streams) > 0 || s.call.later <= 0) && s.mayBegin()
	case s.leaving:
		return false
	}
	found := s.full() || s.eof && !s.exhausted() || bytes.IndexByte(s.input.bytes()[s.scanned:], '\n') >= 0
	return found && s.mayBegin()
}

func (s *Session) step() progress {
	if s.closed {
		return waits
	}
	if s.call != nil {
		return s.proceed()
	}
	if s.leaving || !s.mayBegin() {
		return waits
	}
	switch line, what := s.nextLine(); what {
	case commandLine:
		return s.execute(string(line))
	case tooLong:
		s.refuseLine()
		return executed
	default:
		return waits
	}
}

// mayBegin reports whether there is room for the output of a command, or none is wanted any more.
func (s *Session) mayBegin() bool {
	begin := s.Limits().Begin
	if s.output.len() > begin && s.blocked.IsZero() {
		s.flush()
	}
	if s.late && !s.running && s.full() {
		// Whoever writes and never reads would wait for itself.
		s.overflow, s.running = true, true
	}
	return s.running || s.output.len() <= begin
}

func (s *Session) execute(line string) progress {
	s.debug(func() string { return s.label() + ` command: "` + line + `"` })
	c := &Call{Session: s, Raw: line}
	s.call = c
	err := s.dispatch(c)
	c.settled = true
	if err != nil {
		c.ended, c.err, c.streams, c.later = true, err, nil, 0
	}
	if s.proceed() == interrupted {
		return interrupted
	}
	return executed
}

// dispatch finds the command and runs it.
func (s *Session) dispatch(c *Call) error {
	fields, err := s.version.split(c.store[:0], c.Raw)
	if s.version >= Version2 && len(fields) > 1 && fields[0] == "id" {
		c.token, c.named, fields = fields[1], fields[1] != "", fields[2:]
		if err == nil && (!c.named || len(fields) == 0) {
			return errMissingArgument
		}
	}
	if err != nil {
		return err
	}
	c.Name = fields[0]
	if len(fields) > 1 {
		c.Args = fields[1:]
	}
	command, known := s.options.Commands[c.Name]
	switch {
	case !known || command.Version > s.version:
		return errUnknown
	case command.Rights > s.options.Rights:
		return errDenied
	}
	return command.Run(c)
}

// proceed goes on with the command that has begun.
func (s *Session) proceed() progress {
	c := s.call
	for steps := 0; len(c.streams) > 0; steps++ {
		if s.options.Mute {
			c.streams = nil // they make what nobody hears
			break
		}
		if steps == streamSteps || steps > 0 && s.hurry() {
			return interrupted
		}
		if !s.mayBegin() {
			return waits
		}
		if !c.streams[0]() {
			c.streams = c.streams[1:]
		}
	}
	if c.later > 0 || !s.mayFinish(c) {
		return waits
	}
	s.finish(c)
	return executed
}

// mayFinish reports whether the answer of a command has room: one that was asked for by a token is not lost in an overflow.
func (s *Session) mayFinish(c *Call) bool { return !c.named || s.mayBegin() }

// settle ends a command whose last done was called, if it has nothing else to do; otherwise the next Turn does.
func (s *Session) settle(c *Call) {
	if !c.settled {
		return // what called Run goes on with it
	}
	if c.later == 0 && len(c.streams) == 0 && s.mayFinish(c) {
		s.finish(c)
	}
	s.wake()
}

func (s *Session) finish(c *Call) {
	c.ended = true
	s.call = nil
	switch {
	case c.err != nil:
		s.fail(c, c.err)
	case c.named:
		s.Emit("ok", c.token)
	}
}
