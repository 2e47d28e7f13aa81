package controllers

import (
	"bytes"
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/loop"
	"sockbridge/internal/supervise"
)

// Saved is what a server knows beyond its engine, in a form that can be written down for the program that takes our place by
// execve(2). Descriptors are told by their numbers, which stay what they are. Texts that others chose are bytes, since they
// need not be UTF-8.
type Saved struct {
	Number   int // of the session that came last
	Sessions []SavedSession
	Socket   *SavedSocket `json:",omitempty"`
	Services []SavedService
	Notify   int // the socket of NOTIFY_SOCKET; 0: there is none
}

// A SavedSession is a session with its descriptors.
type SavedSession struct {
	State       control.Saved
	Number, UID int
	Rights      control.Rights
	Read, Write int // as Link has them
	LastLine    bool
	Mute        bool
	Interactive bool
	Attached    bool
	Undelivered []int `json:",omitempty"`
	// Service and PID are whose session it is, where it is that of a service.
	Service string `json:",omitempty"`
	PID     int    `json:",omitempty"`
}

// A SavedSocket is the control socket.
type SavedSocket struct {
	FD   int
	Path []byte
}

// A SavedService is what we know of a service.
type SavedService struct {
	Name     string
	Triggers [][]byte `json:",omitempty"`
	Opts     [][]byte `json:",omitempty"`
	Accept   *SavedAccept
}

// A SavedAccept is a service.accept that holds.
type SavedAccept struct {
	Handle   string
	Limits   [][]byte
	Template supervise.SavedTemplate
}

// Save returns what there is to know, and the descriptors that belong to it: those of sessions, and of the sockets. The server
// must not be used any more, unless the replacement has failed. It is for a moment at which the engine is Settled.
func (s *Server) Save() (Saved, []int) {
	v := Saved{Number: s.number}
	var fds []int
	owner := s.owners()
	for _, session := range s.sessions {
		saved := session.save()
		saved.Service, saved.PID = owner[session].name, owner[session].pid
		v.Sessions = append(v.Sessions, saved)
		fds = append(append(fds, saved.Read, saved.Write), saved.Undelivered...)
	}
	if d := s.socket; d != nil {
		v.Socket = &SavedSocket{d.fd, []byte(d.path)}
		fds = append(fds, d.fd)
	}
	if n := s.notices; n != nil {
		v.Notify = n.fd
		fds = append(fds, n.fd)
	}
	v.Services = s.saveServices()
	fds = slices.DeleteFunc(fds, func(fd int) bool { return fd < 0 })
	slices.Sort(fds)
	return v, slices.Compact(fds)
}

// An owner is the process whose session one is.
type owner struct {
	name string
	pid  int
}

func (s *Server) owners() map[*Session]owner {
	owners := map[*Session]owner{}
	for name, o := range s.services {
		for i, session := range o.control {
			owners[session] = owner{name, i.PID()}
		}
	}
	return owners
}

// save tells of the descriptors that were given, not of our second descriptions of them: those are opened anew.
func (s *Session) save() SavedSession {
	v := SavedSession{
		State: s.state.Save(), Number: s.state.Number(), UID: s.state.UID(), Rights: s.rights, Read: s.in.origin(),
		Write: s.out.origin(), LastLine: s.link.LastLine, Mute: s.link.Mute, Interactive: s.interact, Attached: s.attached,
		Undelivered: s.fds,
	}
	v.Mute = v.Mute || s.out == nil
	return v
}

// origin is the descriptor that was given; -1: there is none.
func (p *pipe) origin() int {
	switch {
	case p == nil:
		return -1
	case p.given >= 0:
		return p.given
	}
	return p.fd
}

func (s *Server) saveServices() []SavedService {
	names := map[string]bool{}
	for name := range s.services {
		names[name] = true
	}
	for name := range s.templates {
		names[name] = true
	}
	var list []SavedService
	for name := range names {
		v := SavedService{Name: name}
		if o := s.services[name]; o != nil {
			v.Triggers, v.Opts = toBytes(o.triggers), toBytes(o.opts)
		}
		if t := s.templates[name]; t != nil {
			v.Accept = &SavedAccept{t.handle, toBytes(t.limits), t.engine.Save()}
		}
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b SavedService) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return list
}

// RestoreEngine gives the engine what another has saved. It comes before Restore; Options.Restored must be set.
func (s *Server) RestoreEngine(v *supervise.SavedEngine) error {
	starter := func(*supervise.Service) supervise.Starter { return s }
	return s.engine.Restore(v, starter, func(h *supervise.Handle) supervise.Queue {
		if h.FD < 0 || h.Kind != "socket" {
			return nil
		}
		q, err := s.loose.Queue(h.FD, 0)
		if err != nil {
			return nil
		}
		return q
	})
}

// errReplaced ends commands that were not done when the program was replaced.
var errReplaced = &control.Error{Text: "interrupted: the program was replaced", Code: control.CodeBusy}

// Restore gives a new server what another has saved, and takes ownership of its descriptors. Resume is given the commands that
// had begun and not ended; it returns false for those that it does not end itself. Nil: they end with an error. The error of
// Restore is about what could not be restored; the rest is.
func (s *Server) Restore(v Saved, resume func(session *Session, command string, done func(error)) bool) error {
	s.number = v.Number
	errs := []error{s.restoreNotices(v.Notify)}
	for i := range v.Services {
		errs = append(errs, s.restoreService(&v.Services[i]))
	}
	for i := range v.Sessions {
		s.restoreSession(&v.Sessions[i], resume)
	}
	if v.Socket != nil {
		errs = append(errs, closeOnExec(v.Socket.FD), s.open(&door{server: s, fd: v.Socket.FD, path: string(v.Socket.Path)}))
	}
	return errors.Join(errs...)
}

func closeOnExec(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC)
	return err
}

func (s *Server) restoreSession(v *SavedSession, resume func(*Session, string, func(error)) bool) {
	l := Link{
		Read: v.Read, Write: v.Write, Rights: v.Rights, LastLine: v.LastLine, Mute: v.Mute, Interactive: v.Interactive,
	}
	session := &Session{server: s, rights: v.Rights, interact: v.Interactive, attached: v.Attached, link: l}
	session.client = !v.Attached && v.Service == ""
	session.fds = v.Undelivered
	session.connect(l)
	session.state = control.Restore(session.options(v.Number, v.UID, l), v.State)
	session.state.SetData(session)
	session.eof = v.State.EndOfInput
	for _, fd := range append([]int{v.Read, v.Write}, v.Undelivered...) {
		if fd > 2 {
			s.trouble(closeOnExec(fd))
		}
	}
	session.join()
	s.restoreOwner(session, v)
	if name, done := session.state.Resume(); done != nil && (resume == nil || !resume(session, name, done)) {
		done(errReplaced)
	}
	session.soon()
}

// restoreOwner finds the instance whose session it is.
func (s *Server) restoreOwner(session *Session, v *SavedSession) {
	service := s.engine.Service(v.Service)
	if v.Service == "" {
		return
	}
	if service != nil {
		for _, i := range service.Instances() {
			if i.PID() == v.PID {
				o := s.own(v.Service)
				o.control = map[*supervise.Instance]*Session{i: session}
				return
			}
		}
	}
	session.drain() // its process has ended meanwhile
	session.end()
}

func (s *Server) restoreService(v *SavedService) error {
	service := s.engine.Service(v.Name)
	if service == nil {
		return nil
	}
	o := s.own(v.Name)
	o.triggers, o.opts = toStrings(v.Triggers), toStrings(v.Opts)
	set, err := parseSettings(nil, o.opts)
	if err == nil {
		o.settings = set
	}
	if o.settings.notify {
		s.awaitReady(o, service.Status())
	}
	if a := v.Accept; a != nil {
		err = errors.Join(err, s.restoreTemplate(v.Name, a))
	}
	return err
}

func (s *Server) restoreTemplate(name string, a *SavedAccept) error {
	h := s.engine.Handle(a.Handle)
	if h == nil {
		return supervise.ErrNoHandle
	}
	limits := toStrings(a.Limits)
	config, err := s.templateConfig(nil, name, h, limits)
	if err != nil {
		return err
	}
	s.stopping(name, &config)
	t := &template{server: s, name: name, handle: a.Handle, limits: limits, config: config}
	t.engine, err = s.engine.NewTemplate(config)
	s.templates[name] = t
	t.engine.Restore(&a.Template, func() {})
	return err
}

func (s *Server) restoreNotices(fd int) error {
	if fd <= 0 {
		return nil
	}
	n := &notices{server: s, fd: fd, waiting: map[int]*service{}}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return err
	}
	if address, ok := name.(*unix.SockaddrUnix); ok {
		n.address = address.Name
	}
	s.notices = n
	if err := closeOnExec(fd); err != nil {
		return err
	}
	n.events, err = s.loop.Watch(fd, loop.Readable, func(loop.Events) { n.receive() })
	return err
}

func toBytes(list []string) [][]byte {
	var b [][]byte
	for _, s := range list {
		b = append(b, []byte(s))
	}
	return b
}

func toStrings(list [][]byte) []string {
	var s []string
	for _, b := range list {
		s = append(s, string(b))
	}
	return s
}
