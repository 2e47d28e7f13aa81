package controllers

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/launch"
	"sockbridge/internal/listener"
	"sockbridge/internal/loop"
	"sockbridge/internal/supervise"
)

// defaultSessions is how many sessions there may be where Options say nothing.
const defaultSessions = 64

// Options are what a Server works with.
type Options struct {
	Loop     *loop.Loop
	Engine   *supervise.Engine
	Launcher *launch.Launcher

	// Compatible is for the name daemonproxy: everybody may do all, and there is chdir.
	Compatible bool
	// MaxSessions bounds the sessions, those of services included; 0 is 64.
	MaxSessions int
	// ForClients is how many of them services leave to clients of the control socket.
	ForClients int
	// ServiceSize is how many bytes the name, tags, arguments and handles of a service may take together, each with one byte more;
	// HandleSize where the path of a handle is cut. 0 is no bound.
	ServiceSize, HandleSize int
	// Rights returns what a client of the control socket may do; nil: all.
	Rights func(cred *unix.Ucred, groups []uint32) control.Rights
	// Commands are further ones. Two of one name panic.
	Commands []control.Command
	// Limits and Extended are those of sessions; zero values are control's.
	Limits, Extended control.Limits
	// Log takes a line of the log; nil drops it.
	Log func(level control.Level, text string)
	// Debug reports whether lines of LevelDebug are wanted; nil: no.
	Debug func() bool
	// Ended is told that a session has ended that Attach had made; nil: nobody.
	Ended func(s *Session)
	// Restored is for a server whose engine is given by RestoreEngine what another had, the handles that always are there too.
	Restored bool
	// Name is what the program calls itself in texts; "" is "daemonproxy".
	Name string
}

// A Server serves controllers. It belongs to its loop's goroutine, and observes its engine.
type Server struct {
	o        Options
	loop     *loop.Loop
	engine   *supervise.Engine
	commands control.Commands
	loose    *listener.Loose

	sessions []*Session // in the order in which they came
	number   int        // of the session that came last
	dirty    []*Session // those to be looked at when the round ends
	spare    []*Session // kept for the next such list
	free     int        // places that are not taken
	buffer   []byte     // for reading

	socket    *door
	services  map[string]*service // those that have something beyond their definition in the engine
	templates map[string]*template
	notices   *notices
	closed    bool
}

// New returns a server without sessions. It adds the handles that always are there to the engine: null and control.*.
func New(o Options) (*Server, error) {
	if o.MaxSessions == 0 {
		o.MaxSessions = defaultSessions
	}
	if o.Name == "" {
		o.Name = "daemonproxy"
	}
	s := &Server{
		o: o, loop: o.Loop, engine: o.Engine, free: o.MaxSessions, loose: listener.NewLoose(launch.LongLived),
		services: map[string]*service{}, templates: map[string]*template{}, buffer: make([]byte, 64<<10),
	}
	s.commands = control.NewCommands(s.Commands(), o.Commands)
	if !o.Restored {
		if err := s.addSpecial(); err != nil {
			return nil, err
		}
	}
	o.Engine.Observe(s)
	o.Loop.RoundEnd(s.roundEnd)
	return s, nil
}

// addSpecial adds the handles that cannot be altered.
func (s *Server) addSpecial() error {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == nil {
		null, err = launch.Keep(null)
	}
	if err != nil {
		return fmt.Errorf("cannot open %q: %w", "/dev/null", err)
	}
	special := func(name string, fd int, flags, text string) *supervise.Handle {
		return &supervise.Handle{Name: name, FD: fd, Kind: "special", Flags: flags, Text: text, Fixed: true}
	}
	err = s.engine.AddHandles(
		special("null", null, "read,write", "/dev/null"),
		special(controlCommand, -1, "write", s.o.Name+" command pipe"),
		special(controlEvent, -1, "read", s.o.Name+" event stream"),
		special(controlSocket, -1, "read,write", s.o.Name+" control socket"),
	)
	if err != nil {
		closeQuietly(null)
		return fmt.Errorf("cannot add the handles that always are there: %w", err)
	}
	return nil
}

// Sessions are those that are connected, in the order in which they came.
func (s *Server) Sessions() iter.Seq[*Session] { return slices.Values(s.sessions) }

// Table is the table of the commands that sessions have.
func (s *Server) Table() control.Commands { return s.commands }

// Broadcast sends an event to all sessions or, with a topic, to those that have subscribed to it.
func (s *Server) Broadcast(topic string, fields ...string) {
	for _, session := range s.sessions {
		if topic == "" || session.state.Subscribed(topic) {
			session.Emit(fields...)
		}
	}
}

// Close ends all sessions, after one attempt to write what they still have to say, and the control socket with its file.
func (s *Server) Close() error {
	s.closed = true
	for _, session := range slices.Clone(s.sessions) {
		session.flush()
		session.end()
	}
	errs := []error{s.DeleteSocket(), s.loose.Close()}
	if s.notices != nil {
		errs = append(errs, s.notices.close())
	}
	return errors.Join(errs...)
}

// Flush writes what sessions have to say as far as they take it: for the moment before the program ends.
func (s *Server) Flush() {
	for _, session := range s.sessions {
		session.flush()
	}
}

// roundEnd writes what the round has made, and ends the sessions that are over.
func (s *Server) roundEnd() {
	for len(s.dirty) > 0 {
		list := s.dirty
		s.dirty = s.spare[:0]
		for i, session := range list {
			list[i] = nil
			session.dirty = false
			session.settle()
		}
		s.spare = list[:0]
	}
}

func (s *Server) log(level control.Level, text string) {
	if s.o.Log != nil {
		s.o.Log(level, text)
	}
}

// trouble logs a failure of our own bookkeeping, which changes nothing for anybody.
func (s *Server) trouble(err error) {
	if err != nil {
		s.log(control.LevelWarning, err.Error())
	}
}
