package superserver

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/controllers"
	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/listener"
	"sockbridge/units"
)

// controlUnit is whose listener the control socket is, in messages.
const controlUnit = "control"

// A controlSocket is the control socket and those who serve its clients.
type controlSocket struct {
	path      string
	listeners *listener.Set
	server    *controllers.Server
	crowd     crowd
}

// tryControl opens the control socket. Where another manager listens on it we must not run, unless we have clients already; without
// one for any other reason, such as a read-only folder, we serve all the same.
func (s *Server) tryControl(settings units.Settings) error {
	s.controlSettings = settings
	err := s.openControl()
	if err == nil || errors.Is(err, unix.EADDRINUSE) && s.restored == nil {
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
	c := &controlSocket{path: path, listeners: listener.NewSet(listener.Options{
		MinFD: launch.LongLived, Restored: s.restored.restoredControl(),
	})}
	c.crowd = crowd{used: map[*control.Session]uint64{}}
	if _, err := c.dress(s.controlSettings); err != nil {
		return errors.Join(append([]error{err}, c.listeners.Close()...)...)
	}
	c.server, err = controllers.New(controllers.Options{
		Loop: s.loop, Engine: s.engine, Launcher: s.launcher, MaxSessions: maxSessions + spareSessions,
		ForClients: leastClients + spareSessions, Name: "sockbridge",
		Rights: s.rights, Commands: c.crowd.counted(s.commands()), Log: s.logControl, Restored: s.restored != nil,
	})
	switch {
	case err != nil:
	case s.restored != nil:
		err = s.resumeControl(c)
	default:
		err = c.listen()
	}
	if err != nil {
		return errors.Join(append([]error{err}, c.listeners.Close()...)...)
	}
	s.control = c
	return nil
}

// dress opens the socket, or gives the open one the owner and mode of the settings. It reports whether it is another one now: its
// node may be gone.
func (c *controlSocket) dress(settings units.Settings) (another bool, err error) {
	change, problems := c.listeners.Prepare([]*units.Unit{controlUnitOf(c.path, settings)})
	if len(problems) > 0 {
		change.Rollback()
		return false, fmt.Errorf("cannot open control socket: %w; %s", problems[0].Err, problems[0].Hint)
	}
	another = len(change.Opened()) > 0
	return another, errors.Join(change.Commit()...)
}

// listen has the sessions of the socket served. The server gets a descriptor of its own, so that ours keeps the node.
func (c *controlSocket) listen() error {
	fd, err := unix.FcntlInt(uintptr(c.listeners.All()[0].FD), unix.F_DUPFD_CLOEXEC, launch.LongLived)
	if err != nil {
		return fmt.Errorf("cannot serve control socket %q: %w", c.path, err)
	}
	return c.server.Listen(fd)
}

// controlUnitOf is the control socket in the words of a unit.
func controlUnitOf(path string, settings units.Settings) *units.Unit {
	return &units.Unit{Name: controlUnit, Sockets: []units.Socket{{
		Listen: []units.Address{{Network: units.UnixStream, Path: path}}, Accept: true, Backlog: 128,
		SocketUID: -1, SocketGID: settings.ControlGID, SocketMode: controlMode(settings),
		DirectoryMode: fs.FileMode(0o755), RemoveOnStop: true,
	}}}
}

// adjustControl follows settings that a reload has changed. Sessions keep the rights that they have.
func (s *Server) adjustControl() {
	settings := s.set.Settings
	before := s.controlSettings
	s.controlSettings = settings
	if s.control == nil || before.ControlGID == settings.ControlGID && before.ControlOthers == settings.ControlOthers {
		return
	}
	another, err := s.control.dress(settings)
	if err == nil && another {
		err = s.control.listen()
	}
	s.report("", err)
}

func (s *Server) closeControl() {
	c := s.control
	if c == nil {
		return
	}
	s.control = nil
	s.report(controlUnit, errors.Join(append([]error{c.server.Close()}, c.listeners.Close()...)...))
}

// sessions are those of the control socket.
func (s *Server) sessions() iter.Seq[*control.Session] {
	return func(yield func(*control.Session) bool) {
		if s.control == nil {
			return
		}
		for session := range s.control.server.Sessions() {
			if !yield(session.Control()) {
				return
			}
		}
	}
}

// controlLines is how many lines of the log sessions may cause in a second: a client that errs without end must not push out what
// others have to say.
const controlLines = 20

// A quota counts the lines of a second.
type quota struct {
	since time.Time
	lines int
	lost  int
}

// take reports whether another line may be written, and how many were not since the last.
func (q *quota) take(now time.Time) (lost int, ok bool) {
	if now.Sub(q.since) >= time.Second {
		q.since, q.lines = now, 0
	}
	if q.lines++; q.lines > controlLines {
		q.lost++
		return 0, false
	}
	lost, q.lost = q.lost, 0
	return lost, true
}

// logControl tells what sessions have to say to the log: what was refused, to whom.
func (s *Server) logControl(level control.Level, text string) {
	if level < control.LevelWarning || isAnswer(text) {
		return
	}
	lost, ok := s.controlLog.take(time.Now())
	if !ok {
		return
	}
	if lost > 0 {
		s.publish(event.Event{Type: event.Warning, Err: fmt.Errorf("%d lines about controllers were left out", lost)})
	}
	s.publish(event.Event{Type: event.Warning, Err: errors.New(text)})
}

// isAnswer tells the lines about commands that have failed: the client knows it, and what matters to the operator are events of
// their own.
func isAnswer(text string) bool {
	return strings.Contains(text, " command failed: ") || strings.HasPrefix(text, "  with error: ")
}
