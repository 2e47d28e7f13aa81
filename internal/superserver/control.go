package superserver

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/launch"
	"sockbridge/internal/listener"
	"sockbridge/internal/loop"
	"sockbridge/units"
)

const (
	controlUnit = "control" // whose listener the control socket is, in messages
	maxSessions = 64
	// maxCommand bounds a line, with its line feed, in bytes.
	maxCommand = 1024
)

// A control is the control socket and its sessions. So far it answers ping.
type control struct {
	server    *Server
	listeners *listener.Set
	watch     *loop.Watch
	resting   *loop.Timer
	sessions  map[*session]struct{}
}

// tryControl opens the control socket. Where another manager listens on it we must not run; without one for any other reason,
// such as a read-only folder, we serve all the same.
func (s *Server) tryControl() error {
	err := s.openControl()
	if err == nil || errors.Is(err, unix.EADDRINUSE) {
		return err
	}
	s.bad("", err)
	return nil
}

func (s *Server) openControl() error {
	if s.options.Control == "" {
		return nil
	}
	path, err := filepath.Abs(s.options.Control)
	if err != nil {
		return fmt.Errorf("cannot tell where control socket %q is: %w", s.options.Control, err)
	}
	c := &control{server: s, sessions: map[*session]struct{}{}}
	c.listeners = listener.NewSet(listener.Options{MinFD: launch.LongLived})
	change, problems := c.listeners.Prepare([]*units.Unit{controlSocket(path)})
	if len(problems) > 0 {
		change.Rollback()
		return fmt.Errorf("cannot open control socket: %w; %s", problems[0].Err, problems[0].Hint)
	}
	if errs := change.Commit(); len(errs) > 0 {
		return errors.Join(append(errs, c.listeners.Close()...)...)
	}
	c.watch, err = s.loop.Watch(c.listeners.All()[0].FD, loop.Readable, func(loop.Events) { c.accept() })
	if err != nil {
		return errors.Join(append(c.listeners.Close(), err)...)
	}
	s.control = c
	return nil
}

// controlSocket is the control socket in the words of a unit: only the manager's own user may connect.
func controlSocket(path string) *units.Unit {
	return &units.Unit{Name: controlUnit, Sockets: []units.Socket{{
		Listen: []units.Address{{Network: units.UnixStream, Path: path}}, Accept: true, Backlog: 128,
		SocketUID: -1, SocketGID: -1, SocketMode: 0o600, DirectoryMode: fs.FileMode(0o755), RemoveOnStop: true,
	}}}
}

func (s *Server) closeControl() {
	c := s.control
	if c == nil {
		return
	}
	s.control = nil
	for session := range c.sessions {
		session.close()
	}
	c.resting.Stop()
	s.report(controlUnit, c.watch.Close())
	s.report(controlUnit, errors.Join(c.listeners.Close()...))
}

func (c *control) accept() {
	fd, _, err := unix.Accept4(c.listeners.All()[0].FD, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
	if err != nil {
		c.rest() // the client has left again, or we are short of descriptors
		return
	}
	if len(c.sessions) >= maxSessions {
		c.idlest().close()
	}
	session := &session{control: c, fd: fd, last: c.server.loop.Now()}
	if session.watch, err = c.server.loop.Watch(fd, loop.Readable, func(loop.Events) { session.read() }); err != nil {
		c.server.report(controlUnit, err)
		session.close()
		return
	}
	c.sessions[session] = struct{}{}
}

// rest leaves the socket alone for a moment: a client that cannot be accepted stays in its queue, and readable.
func (c *control) rest() {
	c.server.report(controlUnit, c.watch.Set(0))
	c.resting = c.server.loop.After(shortOfDescriptors, func() {
		c.server.report(controlUnit, c.watch.Set(loop.Readable))
	})
}

// idlest is the session that has said nothing for the longest time.
func (c *control) idlest() (idlest *session) {
	for s := range c.sessions {
		if idlest == nil || s.last.Before(idlest.last) {
			idlest = s
		}
	}
	return idlest
}

// A session is one connection to the control socket.
type session struct {
	last    time.Time // when it said something
	control *control
	fd      int
	watch   *loop.Watch
	line    []byte
}

func (s *session) read() {
	var buf [maxCommand]byte
	n, err := unix.Read(s.fd, buf[:])
	switch {
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
		return
	case err != nil || n == 0:
		s.close()
		return
	}
	s.last = s.control.server.loop.Now()
	s.line = append(s.line, buf[:n]...)
	for {
		line, rest, found := bytes.Cut(s.line, []byte{'\n'})
		if !found {
			break
		}
		s.line = rest
		s.command(line)
	}
	if len(s.line) >= maxCommand {
		s.answer("error\tline too long")
		s.close()
	}
}

// command answers one line: a name and its arguments, separated by TABs.
func (s *session) command(line []byte) {
	name, _, _ := bytes.Cut(line, []byte{'\t'})
	switch string(name) {
	case "":
	case "ping":
		s.answer("pong")
	default:
		s.answer("error\tUnknown command: " + string(name))
	}
}

// answer sends one line. A client that does not read its answers loses them, and only those.
func (s *session) answer(line string) {
	_ = unix.Sendto(s.fd, []byte(line+"\n"), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
}

func (s *session) close() {
	delete(s.control.sessions, s)
	if s.watch != nil {
		s.control.server.report(controlUnit, s.watch.Close())
	}
	s.control.server.report(controlUnit, unix.Close(s.fd))
}
