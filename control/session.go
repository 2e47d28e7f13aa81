package control

import (
	"maps"
	"slices"
	"time"
)

// SessionOptions are what a session is made from.
type SessionOptions struct {
	Number int // names the session in logs
	Rights Rights
	UID    int // of the peer, for the log

	// Limits hold for version 1 and Extended for version 2; zero values are [Compatible] and [Extended].
	Limits, Extended Limits

	// Commands are what [NewCommands] returns; nil has the built-in ones.
	Commands Commands

	// Now is the clock; nil is time.Now.
	Now func() time.Time

	// LastLine executes a last line without a line feed, as a file of commands has it. Other sessions discard it: a peer that
	// died may not have meant what it had sent so far.
	LastLine bool
	// Mute discards all output: nobody reads it.
	Mute bool

	// Log takes a line of the log; nil discards it.
	Log func(Level, string)
	// Debug reports whether commands and events are logged, at LevelDebug; nil is never.
	Debug func() bool

	// Flush is called when an event does not fit, or a command cannot begin, before anything is made of that. It may
	// write [Session.Output] and call Wrote, Blocked and CloseOutput, and Emit once there is no more output. Nil does nothing.
	Flush func()
	// Hurry reports, between commands and between the steps of a stream, whether it is somebody else's turn; nil is never.
	Hurry func() bool
	// Wake is called when a command that waited can go on or has ended: Turn and Output have something to do. Nil does nothing.
	Wake func()
}

// A Session is the server's side of one connection, as a state machine: it neither reads nor writes. Whoever serves it calls
// Turn after Input, EndOfInput, Wrote, Expire and Wake, and writes Output whenever there is some. All calls are made on one
// goroutine.
type Session struct {
	options SessionOptions
	version Version
	reset   time.Duration
	close   time.Duration
	topics  map[string]struct{}
	data    any

	input   queue
	scanned int  // so much of the input has no line feed
	skip    skip // what happens to the rest of a line that is too long
	eof     bool // nothing follows the input

	output   queue
	line     []byte // scratch of Emit
	numbered bool   // seq is on
	number   uint64 // of the last event
	overflow bool   // events are dropped until the output is empty
	running  bool   // commands are begun although the output is full; only during overflow

	blocked time.Time // since when the peer takes nothing; zero: it does
	late    bool      // for longer than reset

	call    *Call // the command that has begun and not ended
	leaving bool  // no further command is begun
	closed  bool
}

// NewSession returns a session of version 1.
func NewSession(o SessionOptions) *Session {
	if o.Limits == (Limits{}) {
		o.Limits = Compatible
	}
	if o.Extended == (Limits{}) {
		o.Extended = Extended
	}
	if o.Commands == nil {
		o.Commands = NewCommands()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Session{options: o, version: Version1, reset: o.Limits.Reset, close: o.Limits.Close}
}

// Number is the one of the options.
func (s *Session) Number() int { return s.options.Number }

// Rights are those of the options.
func (s *Session) Rights() Rights { return s.options.Rights }

// UID is the one of the options.
func (s *Session) UID() int { return s.options.UID }

// Version is what the peer has asked for last.
func (s *Session) Version() Version { return s.version }

// Limits are those of the present version.
func (s *Session) Limits() Limits {
	if s.version >= Version2 {
		return s.options.Extended
	}
	return s.options.Limits
}

// SetData lets the server keep something of its own with the session.
func (s *Session) SetData(data any) { s.data = data }

// Data returns what SetData was given last.
func (s *Session) Data() any { return s.data }

// Subscribe adds topics whose events the peer wants.
func (s *Session) Subscribe(topics ...string) {
	if s.topics == nil {
		s.topics = make(map[string]struct{}, len(topics))
	}
	for _, topic := range topics {
		s.topics[topic] = struct{}{}
	}
}

// Subscribed reports whether the peer wants the events of a topic.
func (s *Session) Subscribed(topic string) bool {
	_, ok := s.topics[topic]
	return ok
}

// Topics returns the topics that the peer has subscribed to, sorted.
func (s *Session) Topics() []string { return slices.Sorted(maps.Keys(s.topics)) }

// Leave lets the session end when its running command has, and all output is written. No further command is begun.
func (s *Session) Leave() { s.leaving = true }

// Close ends the session at once, and gives back what it holds of input and output: whoever still keeps it keeps little.
func (s *Session) Close() {
	s.closed = true
	s.input, s.scanned, s.output, s.line = queue{}, 0, queue{}, nil
}

// Ended reports whether the session is over: Leave or `exit` or the end of the input with everything executed and written, or
// the peer has read nothing for too long.
func (s *Session) Ended() bool {
	if s.closed {
		return true
	}
	if s.call != nil || s.output.len() > 0 {
		return false
	}
	return s.leaving || s.eof && s.exhausted()
}

func (s *Session) wake() {
	if s.options.Wake != nil {
		s.options.Wake()
	}
}

func (s *Session) hurry() bool { return s.options.Hurry != nil && s.options.Hurry() }

func (s *Session) flush() {
	if s.options.Flush != nil {
		s.options.Flush()
	}
}
