package controllers

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/loop"
)

// A Session is one controller.
type Session struct {
	server   *Server
	state    *control.Session
	in, out  *pipe // the same for a socket; nil: there is none, or no more
	rights   control.Rights
	attached bool
	client   bool // of the control socket
	interact bool
	link     Link

	run      func()      // takes a turn; made once
	began    time.Time   // of the turn
	queued   bool        // run waits for the next round
	dirty    bool        // in Server.dirty
	eof      bool        // nothing more will be read
	over     bool        // its descriptors are closed
	timedOut bool        // its peer has read nothing for too long
	expiry   *loop.Timer // of a peer that does not read
	expires  time.Time
	undelivered
	give *gift // a descriptor on its way to the peer
}

// A Link is how a controller is connected.
type Link struct {
	// Read and Write are descriptors, which the server owns from Attach on; they may be the same. -1 is none.
	Read, Write int
	Rights      control.Rights
	// LastLine executes a last line without a line feed.
	LastLine bool
	// Mute discards all output.
	Mute bool
	// Interactive is the person at the terminal, for Options.Ended.
	Interactive bool
}

// Attach begins a session on descriptors. It counts as one of the sessions, but is never refused.
func (s *Server) Attach(l Link) *Session {
	session := s.newSession(l, -1)
	session.attached = true
	session.begin()
	return session
}

// newSession makes a session of a link, which is not in use before begin.
func (s *Server) newSession(l Link, uid int) *Session {
	s.number++
	session := &Session{server: s, rights: l.Rights, interact: l.Interactive, link: l}
	session.connect(l)
	session.state = control.NewSession(session.options(s.number, uid, l))
	session.state.SetData(session)
	return session
}

// connect takes the descriptors of a link.
func (s *Session) connect(l Link) {
	s.run = s.turn
	s.in = s.server.openPipe(l.Read, false)
	if l.Write == l.Read {
		s.out = s.in
	} else {
		s.out = s.server.openPipe(l.Write, true)
	}
}

func (s *Session) options(number, uid int, l Link) control.SessionOptions {
	o := &s.server.o
	return control.SessionOptions{
		Number: number, Rights: l.Rights, UID: uid, Limits: o.Limits, Extended: o.Extended, Commands: s.server.commands,
		Now: s.server.loop.Now, LastLine: l.LastLine, Mute: l.Mute || l.Write < 0, Log: s.server.log, Debug: o.Debug,
		Flush: s.flush, Wake: s.soon, Hurry: func() bool { return time.Since(s.began) > turnTime },
	}
}

// begin begins a session: signals that are pending are the first it hears.
func (s *Session) begin() {
	s.join()
	for _, p := range s.server.engine.PendingSignals() {
		s.Emit(signalEvent(p)...)
	}
}

// join puts a session among the others.
func (s *Session) join() {
	s.server.free--
	s.server.sessions = append(s.server.sessions, s)
	s.watch()
	s.touch()
}

// sessionOf is the session that a command came from.
func sessionOf(c *control.Call) *Session { return c.Session.Data().(*Session) }

// Control is the session's state in the protocol.
func (s *Session) Control() *control.Session { return s.state }

// Interactive is Link's.
func (s *Session) Interactive() bool { return s.interact }

// Client reports whether the session is one of the control socket, rather than a service's, or one that Attach has made.
func (s *Session) Client() bool { return s.client }

// TimedOut reports whether the session has ended since its peer had read nothing for too long, and not by the peer's will.
func (s *Session) TimedOut() bool { return s.timedOut }

// Emit sends an event to this session alone.
func (s *Session) Emit(fields ...string) {
	s.state.Emit(fields...)
	s.touch()
}

// touch has the session looked at when the round ends.
func (s *Session) touch() {
	if !s.dirty && !s.over {
		s.dirty = true
		s.server.dirty = append(s.server.dirty, s)
	}
}

// soon has the session take a turn in the next round.
func (s *Session) soon() {
	if !s.queued && !s.over {
		s.queued = true
		s.server.loop.Soon(s.run)
	}
}

// turnTime is after what time a turn ends although there is more to do: so much others wait, and the time of one command.
const turnTime = 2 * time.Millisecond

// turn runs a few commands.
func (s *Session) turn() {
	s.queued = false
	if s.over {
		return
	}
	if s.in != nil && s.in.polled && !s.eof {
		s.read() // an ordinary file, for which nobody wakes us
	}
	s.began = time.Now()
	if s.state.Turn() {
		s.soon()
	}
	s.touch()
}

// ready is called when a descriptor can be read or written.
func (s *Session) ready(ev loop.Events) {
	if ev&loop.Writable != 0 {
		s.flush()
	}
	if ev&(loop.Readable|loop.HungUp|loop.Failed) != 0 && s.reading() {
		s.read()
		s.turn()
	} else if ev&(loop.HungUp|loop.Failed) != 0 {
		s.flush()
	}
	s.touch()
}

// reading reports whether the session can take more input.
func (s *Session) reading() bool { return s.in != nil && !s.eof && s.state.Room() > 0 }

// read reads once.
func (s *Session) read() {
	room := min(s.state.Room(), len(s.server.buffer))
	if room == 0 {
		return
	}
	n, err := s.in.read(s, s.server.buffer[:room])
	switch {
	case again(err):
	case err != nil || n == 0:
		s.tellReadFailure(err)
		s.hangUp()
	default:
		s.state.Input(s.server.buffer[:n])
	}
}

// tellReadFailure logs why nothing more can be read, unless the peer has merely gone with answers unread.
func (s *Session) tellReadFailure(err error) {
	if err != nil && !errors.Is(err, unix.ECONNRESET) {
		s.server.log(control.LevelError, fmt.Sprintf("read(controller[%d]): %s", s.state.Number(), strerror(err)))
	}
}

// hangUp notes that nothing more comes from the peer.
func (s *Session) hangUp() {
	s.eof = true
	s.state.EndOfInput()
}

// flush writes as much as the peer takes. A peer that does not read any more hears nothing, but its commands are executed.
func (s *Session) flush() {
	for s.out != nil && !s.over {
		s.present()
		b := s.state.Output()
		if len(b) == 0 {
			return
		}
		n, err := s.out.write(b, s.give)
		switch {
		case errors.Is(err, unix.EINTR):
		case again(err):
			s.state.Blocked()
			return
		case err != nil:
			s.mute()
		default:
			if !s.state.Deadline().IsZero() {
				s.soon() // a command may have waited for room
			}
			s.delivered(n)
			s.state.Wrote(n)
		}
	}
}

// mute notes that nobody reads.
func (s *Session) mute() {
	s.state.CloseOutput()
	s.dropGift(unix.EPIPE)
	if s.out != s.in {
		s.server.trouble(s.out.close())
	}
	s.out = nil
	s.soon() // commands that waited for room need none any more
}

// settle is the end of a round for the session: it writes, and waits for what comes next, or for nothing any more.
func (s *Session) settle() {
	if s.over {
		return
	}
	if s.state.Deadline().IsZero() { // else the kernel will tell when it takes more
		s.flush()
	}
	if s.state.Ended() {
		s.end()
		return
	}
	s.watch()
	s.setExpiry()
}

// watch waits for what the session can use: input as long as there is room for it, room for output as long as there is some.
func (s *Session) watch() {
	var read, write loop.Events
	if s.reading() {
		read = loop.Readable
	}
	if s.out != nil && len(s.state.Output()) > 0 {
		write = loop.Writable
	}
	switch {
	case s.in != nil && s.in == s.out:
		s.server.trouble(s.in.watch(read|write, s))
	default:
		if s.in != nil {
			s.server.trouble(s.in.watch(read, s))
		}
		if s.out != nil {
			s.server.trouble(s.out.watch(write, s))
		}
	}
}

// setExpiry keeps the timer of a peer that takes nothing.
func (s *Session) setExpiry() {
	at := s.state.Deadline()
	if at.Equal(s.expires) {
		return
	}
	s.expiry.Stop()
	s.expiry, s.expires = nil, at
	if at.IsZero() {
		return
	}
	s.expiry = s.server.loop.After(at.Sub(s.server.loop.Now()), func() {
		s.expires = time.Time{}
		s.state.Expire()
		s.timedOut = s.state.Ended()
		s.turn()
	})
}

// Dismiss ends the session at once, after one attempt to tell its peer why: who does not read must not stay for that.
func (s *Session) Dismiss(fields ...string) {
	s.state.Emit(fields...)
	s.flush()
	s.end()
}

// end closes the session.
func (s *Session) end() {
	if s.over {
		return
	}
	s.over = true
	s.expiry.Stop()
	s.dropGift(unix.EPIPE)
	s.dropUndelivered()
	for _, p := range []*pipe{s.in, s.out} {
		if p != nil {
			s.server.trouble(p.close())
		}
	}
	s.in, s.out = nil, nil
	s.state.Close()
	v := s.server
	if i := slices.Index(v.sessions, s); i >= 0 {
		v.sessions = slices.Delete(v.sessions, i, i+1)
		v.free++
	}
	if s.attached && v.o.Ended != nil && !v.closed {
		v.o.Ended(s)
	}
	v.socket.admit()
}
