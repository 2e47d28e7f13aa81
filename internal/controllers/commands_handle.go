package controllers

import (
	"cmp"
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/launch"
	"sockbridge/internal/supervise"
)

func (s *Server) handleCommands() []control.Command {
	admin := control.Admin
	return []control.Command{
		{
			Name: "fd.pipe", Args: "READER WRITER [FLAGS]", Rights: admin, Run: s.fdPipe,
			Help: "makes a pipe or, with unix, stream, dgram or seqpacket among FLAGS, a pair of sockets; also nonblock",
		},
		{
			Name: "fd.open", Args: "NAME FLAGS PATH", Rights: admin, Run: s.fdOpen,
			Help: "opens a file; FLAGS are read, write, append, create, trunc, nonblock, mkdir",
		},
		{
			Name: "fd.socket", Args: "NAME FLAGS [ADDRESS]", Rights: admin, Run: s.fdSocket,
			Help: "makes a socket; FLAGS are unix, tcp, udp, inet, inet6, vsock, stream, dgram, seqpacket, bind, listen[=N], " +
				"nonblock, mkdir, and owner=, group=, mode=, backlog=, reuseport, v6only, nodelay, keepalive",
		},
		{
			Name: "fd.take", Args: "NAME", Rights: admin, Run: s.fdTake,
			Help: "names the oldest descriptor that the client has sent by SCM_RIGHTS",
		},
		{
			Name: "fd.give", Args: "NAME", Rights: admin, Run: s.fdGive,
			Help: "answers `fd.give⇥NAME` with a copy of the descriptor by SCM_RIGHTS",
		},
		{
			Name: "fd.delete", Args: "NAME", Rights: admin, Run: s.fdDelete,
			Help: "closes a handle and forgets its name",
		},
		{
			Name: "fd.queue", Args: "NAME", Rights: control.Read, Run: s.fdQueue,
			Help: "answers `fd.queue⇥NAME⇥WAITING⇥LIMIT`: how many wait behind a handle, and how many may; a LIMIT of - is not known",
		},
	}
}

// add keeps the descriptors of new handles where they do not slow down starts, and gives them to the engine. On an error they
// are closed.
func (s *Server) add(full string, hs ...*supervise.Handle) error {
	var err error
	for _, h := range hs {
		if err == nil {
			var kept int
			if kept, err = launch.Keep(h.FD); err == nil {
				h.FD = kept
			}
		}
	}
	if err == nil {
		return s.register(full, hs...)
	}
	for _, h := range hs {
		closeQuietly(h.FD)
	}
	return failed(control.CodeFailed, full)
}

// register gives handles to the engine. On an error their descriptors are closed.
func (s *Server) register(full string, hs ...*supervise.Handle) error {
	err := s.engine.AddHandles(hs...)
	if err == nil {
		return nil
	}
	for _, h := range hs {
		closeQuietly(h.FD)
	}
	if errors.Is(err, supervise.ErrFixed) {
		return usage(supervise.ErrFixed.Error())
	}
	return failed(control.CodeFailed, full)
}

func (s *Server) fdOpen(c *control.Call) error {
	a := argumentsOf(c)
	name, err := a.newHandle(s)
	if err != nil {
		return err
	}
	flags, err := a.or("missing flags argument")
	if err != nil {
		return err
	}
	path, err := a.or("missing path argument")
	if err != nil {
		return err
	}
	if err := a.end("unexpected argument after path"); err != nil {
		return err
	}
	r, err := parseFile(flags)
	if err != nil {
		return flagError(c, err)
	}
	r.path = path
	fd, err := r.open()
	if err != nil {
		return built(c, "open failed: %s", strerror(err))
	}
	return s.add(supervise.ErrHandlesFull.Error(), &supervise.Handle{Name: name, FD: fd, Kind: "file", Flags: r.text(), Text: s.shown(path)})
}

// flagError is how a client is told of a flag.
func flagError(c *control.Call, err error) error {
	if bad, ok := errors.AsType[flagNameError](err); ok {
		return built(c, "%s", bad.Error())
	}
	return err
}

func (s *Server) fdSocket(c *control.Call) error {
	a := argumentsOf(c)
	name, err := a.newHandle(s)
	if err != nil {
		return err
	}
	flags, err := a.or("missing flags argument")
	if err != nil {
		return err
	}
	address, _ := a.next()
	if err := a.end("unexpected argument after address"); err != nil {
		return err
	}
	r, err := parseSocket(flags)
	if err != nil {
		return flagError(c, err)
	}
	r.address = address
	r.settle()
	fd, err := r.make(s.loose)
	if e, ok := errors.AsType[*stepError](err); ok {
		return built(c, "%s", e.Error())
	}
	if err != nil {
		return err
	}
	h := &supervise.Handle{Name: name, FD: fd, Kind: "socket", Flags: r.text(), Text: s.shown(address)}
	return s.addSocket(h, r.backlog)
}

// addSocket adds a handle of a socket, with the queue of those who wait behind it, if it can have one.
func (s *Server) addSocket(h *supervise.Handle, backlog int) error {
	fd, err := launch.Keep(h.FD)
	if err != nil {
		return failed(control.CodeFailed, supervise.ErrHandlesFull.Error())
	}
	h.FD = fd
	if q, err := s.loose.Queue(fd, backlog); err == nil {
		h.Queue, h.Accepts = q, q.Accepts()
	}
	return s.register(supervise.ErrHandlesFull.Error(), h)
}

func (s *Server) fdTake(c *control.Call) error {
	a := argumentsOf(c)
	name, err := a.newHandle(s)
	fd, ok := sessionOf(c).takeOldest()
	switch {
	case err != nil && ok:
		closeQuietly(fd)
		return err
	case err != nil:
		return err
	case !ok:
		return failed(control.CodeFailed, "No ancillary file descriptor received")
	}
	return s.Adopt(name, fd)
}

// Adopt makes a handle of a descriptor of which nothing is known but what the kernel tells, and takes ownership of it.
func (s *Server) Adopt(name string, fd int) error {
	h := &supervise.Handle{Name: name, FD: fd, Kind: "file", Text: "unknown"}
	if flags, err := describeSocket(fd); err == nil {
		h.Kind, h.Flags = "socket", flags
		return s.addSocket(h, 0)
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return failed(control.CodeFailed, supervise.ErrHandlesFull.Error())
	}
	r := fileRequest{
		read: flags&unix.O_ACCMODE != unix.O_WRONLY, write: flags&unix.O_ACCMODE != unix.O_RDONLY,
		append: flags&unix.O_APPEND != 0, nonblock: flags&unix.O_NONBLOCK != 0,
	}
	h.Flags = r.text()
	return s.add(supervise.ErrHandlesFull.Error(), h)
}

func (s *Server) fdGive(c *control.Call) error {
	a := argumentsOf(c)
	h, err := a.handle(s)
	if err != nil {
		return err
	}
	session := sessionOf(c)
	switch {
	case session.out == nil || !session.out.unix:
		return usage("descriptors can only be handed over on a Unix socket")
	case h.FD < 0:
		return usage("File descriptor cannot be handed over")
	}
	fd, err := unix.FcntlInt(uintptr(h.FD), unix.F_DUPFD_CLOEXEC, launch.LongLived)
	if err != nil {
		return built(c, "dup failed: %s", strerror(err))
	}
	session.give = &gift{name: h.Name, fd: fd, call: c, done: c.Later()}
	session.touch()
	return nil
}

func (s *Server) fdDelete(c *control.Call) error {
	h, err := argumentsOf(c).handle(s)
	if err != nil {
		return err
	}
	return s.engineError(s.engine.DeleteHandle(h.Name))
}

// engineError is how a client is told of an error of the engine: its texts are the protocol's.
func (s *Server) engineError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, supervise.ErrNoHandle), errors.Is(err, supervise.ErrNoService):
		return failed(control.CodeNoSuchUnit, err.Error())
	case errors.Is(err, supervise.ErrFixed):
		return usage(err.Error())
	case errors.Is(err, supervise.ErrRunning), errors.Is(err, supervise.ErrNotStartable):
		return failed(control.CodeBusy, err.Error())
	}
	return failed(control.CodeFailed, err.Error())
}

func (s *Server) fdQueue(c *control.Call) error {
	h, err := argumentsOf(c).handle(s)
	if err != nil {
		return err
	}
	waiting, limit := 0, ""
	if h.FD >= 0 {
		if waiting, err = h.Queue.Waiting(); err != nil {
			return built(c, "poll failed: %s", strerror(err))
		}
	}
	if q, ok := h.Queue.(interface{ Capacity() int }); ok && q.Capacity() > 0 {
		limit = strconv.Itoa(q.Capacity())
	}
	c.Emit("fd.queue", h.Name, strconv.Itoa(waiting), cmp.Or(limit, "-"))
	return nil
}
