package controllers

import (
	"errors"

	"golang.org/x/sys/unix"
)

// maxLastWords bounds what is written to a service's own descriptor 2: a pipe that is writable takes so much without waiting.
const maxLastWords = 256

// tellOwnError writes why a service could not be executed to its own descriptor 2, where daemonproxy's children wrote it and
// loggers behind it expect it. Nothing waits for a reader; whoever does not take it misses it, and the event tells it too.
func (s *Server) tellOwnError(name, text string) {
	service := s.engine.Service(name)
	if service == nil {
		return
	}
	names, args := fdsOf(service), service.Definition().Args
	if len(names) < 3 || len(args) == 0 {
		return
	}
	h := s.engine.Handle(names[2])
	if h == nil || h.FD < 0 {
		return
	}
	line := "error: exec(" + args[0] + ", ...) failed: " + text
	writeNow(h.FD, append([]byte(line[:min(len(line), maxLastWords-1)]), '\n'))
}

// writeNow writes a little to a descriptor that may block, if it takes it at once.
func writeNow(fd int, b []byte) {
	err := unix.Sendto(fd, b, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
	if !errors.Is(err, unix.ENOTSOCK) {
		return
	}
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	if n, err := unix.Poll(poll, 0); n == 1 && err == nil && poll[0].Revents == unix.POLLOUT {
		_, _ = unix.Write(fd, b) // to nobody else could it be told
	}
}
