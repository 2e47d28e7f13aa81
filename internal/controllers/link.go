package controllers

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/launch"
	"sockbridge/internal/loop"
)

// A pipe is one descriptor of a session, or a socket that serves both ways. Nothing that is done with it waits.
//
// The mode of a descriptor that was given to us is not ours: O_NONBLOCK belongs to the description, and the shell that lent us
// its terminal has it too. Sockets can be told not to wait at each call. Pipes, FIFOs and terminals are opened a second time by
// /proc/self/fd, which makes a description of our own. Where that fails, as for a terminal of another user, poll(2) is asked
// before each call, and no more is written at once than a pipe that is writable takes.
type pipe struct {
	server *Server
	fd     int // what is read and written
	given  int // the descriptor that was given, where fd is another; else -1
	socket bool
	unix   bool // a socket that can carry descriptors
	asks   bool // poll(2) before each call
	polled bool // the kernel does not watch it: an ordinary file, always ready
	events *loop.Watch
	closed bool
}

// openPipe takes ownership of fd; nil: it is -1.
func (s *Server) openPipe(fd int, forWriting bool) *pipe {
	if fd < 0 {
		return nil
	}
	p := &pipe{server: s, fd: fd, given: -1}
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err == nil {
		p.socket, p.unix = true, domain == unix.AF_UNIX
		return p
	}
	p.open(forWriting)
	return p
}

// open gives a pipe or a terminal a description of our own.
func (p *pipe) open(forWriting bool) {
	var st unix.Stat_t
	if err := unix.Fstat(p.fd, &st); err != nil || st.Mode&unix.S_IFMT == unix.S_IFREG {
		return // a file never waits, and a second description would begin at its start
	}
	mode := unix.O_RDONLY
	if forWriting {
		mode = unix.O_WRONLY
	}
	fd, err := unix.Open("/proc/self/fd/"+strconv.Itoa(p.fd), mode|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err == nil {
		fd, err = launch.Keep(fd)
	}
	if err != nil {
		p.asks = true
		return
	}
	p.given, p.fd = p.fd, fd
}

// again reports whether a call may be repeated later.
func again(err error) bool {
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR)
}

// askable is how much of a writable pipe may be written without waiting, PIPE_BUF of pipe(7).
const askable = 4096

func (p *pipe) ready(events int16) bool {
	fds := []unix.PollFd{{Fd: int32(p.fd), Events: events}}
	n, err := unix.Poll(fds, 0)
	return n > 0 && err == nil
}

func (p *pipe) read(s *Session, b []byte) (int, error) {
	switch {
	case p.unix && s.rights >= control.Admin: // who may not send fd.take has nothing kept; the kernel lets go of it
		return p.receive(s, b)
	case p.socket:
		n, _, err := unix.Recvfrom(p.fd, b, unix.MSG_DONTWAIT)
		return n, err
	case p.asks && !p.polled && !p.ready(unix.POLLIN):
		return 0, unix.EAGAIN
	}
	return unix.Read(p.fd, b)
}

// write writes one piece, with the descriptor of a gift that is due.
func (p *pipe) write(b []byte, g *gift) (int, error) {
	switch {
	case g != nil && g.due:
		return unix.SendmsgN(p.fd, b, unix.UnixRights(g.fd), nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	case p.socket:
		return unix.SendmsgN(p.fd, b, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	case p.asks && !p.ready(unix.POLLOUT):
		return 0, unix.EAGAIN
	case p.asks:
		b = b[:min(len(b), askable)]
	}
	return unix.Write(p.fd, b)
}

// watch has the session told of events. What epoll refuses is an ordinary file, which is read at every turn.
func (p *pipe) watch(mode loop.Events, s *Session) error {
	switch {
	case p.polled:
		if mode&loop.Readable != 0 {
			s.soon()
		}
		return nil
	case p.events != nil:
		return p.events.Set(mode)
	case mode == 0:
		return nil
	}
	w, err := p.server.loop.Watch(p.fd, mode, s.ready)
	if errors.Is(err, unix.EPERM) {
		p.polled = true
		return p.watch(mode, s)
	}
	p.events = w
	return err
}

// close closes the descriptors. Of the standard ones, /dev/null takes the place: the next file that is opened must not.
func (p *pipe) close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	var errs []error
	if p.events != nil {
		errs = append(errs, p.events.Close())
	}
	for _, fd := range []int{p.fd, p.given} {
		if fd >= 0 {
			errs = append(errs, p.server.closeOrNull(fd))
		}
	}
	return errors.Join(errs...)
}

func (s *Server) closeOrNull(fd int) error {
	null := s.engine.Handle("null")
	if fd > 2 || null == nil {
		return unix.Close(fd)
	}
	return unix.Dup3(null.FD, fd, 0)
}
