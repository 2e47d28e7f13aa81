package control

import "time"

// Saved is the state of a session, for a program that is replaced by its successor. It can be written as JSON.
type Saved struct {
	Version      Version
	Reset, Close time.Duration
	Topics       []string `json:",omitempty"`

	Input       []byte `json:",omitempty"` // not yet executed
	Skipping    bool   `json:",omitempty"` // the line that has begun is too long
	SkipSilent  bool   `json:",omitempty"` // and a comment
	EndOfInput  bool   `json:",omitempty"`
	Leaving     bool   `json:",omitempty"`
	Ended       bool   `json:",omitempty"` // by the close timeout
	OutputEnded bool   `json:",omitempty"` // nobody reads

	Output   []byte `json:",omitempty"` // not yet written; may begin within a line
	Numbered bool   `json:",omitempty"` // seq is on
	Number   uint64 `json:",omitempty"` // of the last event
	Overflow bool   `json:",omitempty"` // events are dropped until the output is empty
	Running  bool   `json:",omitempty"` // and commands run meanwhile

	// Command is the one that has begun and not ended; nil is none.
	Command *SavedCommand `json:",omitempty"`
}

// A SavedCommand is a command that has begun and not ended.
type SavedCommand struct {
	Line  string
	Name  string
	Token string `json:",omitempty"`
	Named bool   `json:",omitempty"` // the token was given with id

	// Done: only its answer waits, for room; with a Text it has failed.
	Done       bool   `json:",omitempty"`
	Text, Code string `json:",omitempty"`
}

// Save returns the state. The session must not be used any more, unless the replacement has failed. Data, rights and limits are
// not part of it.
func (s *Session) Save() Saved {
	saved := Saved{
		Version: s.version, Reset: s.reset, Close: s.close, Topics: s.Topics(),
		Input: s.input.clone(), Skipping: s.skip != skipNothing, SkipSilent: s.skip == skipSilent,
		EndOfInput: s.eof, Leaving: s.leaving, Ended: s.closed, OutputEnded: s.options.Mute,
		Output: s.output.clone(), Numbered: s.numbered, Number: s.number, Overflow: s.overflow, Running: s.running,
	}
	if s.call != nil {
		saved.Command = s.call.save()
	}
	return saved
}

func (c *Call) save() *SavedCommand {
	saved := &SavedCommand{Line: c.Raw, Name: c.Name, Token: c.token, Named: c.named}
	if saved.Done = c.later <= 0 && len(c.streams) == 0; saved.Done && c.err != nil {
		saved.Text, saved.Code = asError(c.err)
	}
	return saved
}

func (saved *SavedCommand) restore(s *Session) *Call {
	c := &Call{Session: s, Raw: saved.Line, Name: saved.Name, token: saved.Token, named: saved.Named, settled: true}
	switch {
	case !saved.Done:
		c.later = 1
	case saved.Code != "":
		c.err = &Error{Text: saved.Text, Code: saved.Code}
	}
	return c
}

// Restore returns the session as it was. How long the peer had read nothing is counted anew. If a command had begun, it waits
// for the done of [Session.Resume].
func Restore(o SessionOptions, saved Saved) *Session {
	o.Mute = o.Mute || saved.OutputEnded
	s := NewSession(o)
	s.version, s.reset, s.close = max(saved.Version, Version1), saved.Reset, saved.Close
	s.Subscribe(saved.Topics...)
	s.input.append(saved.Input)
	s.skip = savedSkip(saved)
	s.eof, s.leaving, s.closed = saved.EndOfInput, saved.Leaving, saved.Ended
	s.output.append(saved.Output)
	s.numbered, s.number, s.overflow, s.running = saved.Numbered, saved.Number, saved.Overflow, saved.Running
	if saved.Command != nil {
		s.call = saved.Command.restore(s)
	}
	return s
}

func savedSkip(saved Saved) skip {
	switch {
	case saved.SkipSilent:
		return skipSilent
	case saved.Skipping:
		return skipTold
	}
	return skipNothing
}

// Resume returns the name of the command that a restored session waits for and the done that ends it; nil if it waits for none.
// What a stream had not sent yet is lost, so that done should be given an error unless the command was for the replacement.
func (s *Session) Resume() (name string, done func(error)) {
	c := s.call
	if c == nil || c.later <= 0 {
		return "", nil
	}
	c.later = 0
	return c.Name, c.Later()
}

func (q *queue) clone() []byte { return append([]byte(nil), q.bytes()...) }
