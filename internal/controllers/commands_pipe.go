package controllers

import (
	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/supervise"
)

// A pipeRequest is what fd.pipe asks for.
type pipeRequest struct {
	pair     socketRequest
	sockets  bool // a pair of sockets, not a pipe
	nonblock bool
}

func parsePipe(flags string) (pipeRequest, error) {
	r := pipeRequest{pair: newSocketRequest()}
	err := words(flags, func(word, value string, valued bool) error {
		switch {
		case valued || word == "vsock":
			return flagNameError(whole(word, value, valued))
		case word == "nonblock":
			r.nonblock = true
		case word == "-":
		case r.pair.shape(word):
			r.sockets = true
		default:
			return flagNameError(word)
		}
		return nil
	})
	r.pair.settle()
	return r, err
}

func (r *pipeRequest) make() (fds [2]int, step string, err error) {
	flags := unix.O_CLOEXEC // of the same value as SOCK_CLOEXEC, as is the other one
	if r.nonblock {
		flags |= unix.O_NONBLOCK
	}
	if r.sockets {
		fds, err = unix.Socketpair(r.pair.domain(), r.pair.kind|flags, 0)
		return fds, "socketpair()", err
	}
	err = unix.Pipe2(fds[:], flags)
	return fds, "pipe()", err
}

// texts are how fd.state prints the flags of the two ends. Both ends of a pair of sockets can be written.
func (r *pipeRequest) texts() (reader, writer string) {
	prefix := ""
	if r.sockets {
		prefix = domainNames[r.pair.domain()] + "," + kindNames[r.pair.kind] + ","
	}
	if r.nonblock {
		prefix += "nonblock,"
	}
	if r.sockets {
		return prefix + "to", prefix + "to"
	}
	return prefix + "from", prefix + "to"
}

func (s *Server) fdPipe(c *control.Call) error {
	a := argumentsOf(c)
	reader, err := a.newHandle(s)
	if err != nil {
		return err
	}
	writer, err := a.newHandle(s)
	if err != nil {
		return err
	}
	flags, _ := a.next()
	r, err := parsePipe(flags)
	switch {
	case err != nil:
		return flagError(c, err)
	case reader == writer:
		return usage("failed to create pipe: both ends have the same name")
	}
	fds, step, err := r.make()
	if err != nil {
		return built(c, "%s failed: %s", step, strerror(err))
	}
	from, to := r.texts()
	return s.add(
		"failed to create pipe",
		&supervise.Handle{Name: reader, FD: fds[0], Kind: supervise.KindPipe, Flags: from, Peer: writer, Text: writer},
		&supervise.Handle{Name: writer, FD: fds[1], Kind: supervise.KindPipe, Flags: to, Peer: reader, Text: reader},
	)
}
