package controllers

import (
	"fmt"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/launch"
)

// undelivered are the descriptors that a controller has sent and not yet taken, the oldest first.
type undelivered struct{ fds []int }

// rightsRoom is the room for what comes with a message: SCM_MAX_FD of net/scm.h descriptors, and a header.
var rightsRoom = make([]byte, unix.CmsgSpace(4*253))

// receive reads from a Unix socket, and keeps the descriptors that come along.
func (p *pipe) receive(s *Session, b []byte) (int, error) {
	n, oob, _, _, err := unix.Recvmsg(p.fd, b, rightsRoom, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	if oob > 0 {
		s.keepRights(rightsRoom[:oob])
	}
	return n, err
}

func (s *Session) keepRights(oob []byte) {
	messages, err := unix.ParseSocketControlMessage(oob)
	s.server.trouble(err)
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue // not descriptors: credentials, perhaps
		}
		for _, fd := range fds {
			s.keep(fd)
		}
	}
}

// keep keeps a descriptor until fd.take, unless the peer has sent too many.
func (s *Session) keep(fd int) {
	if len(s.fds) >= s.state.Limits().Ancillary {
		s.server.log(control.LevelError, fmt.Sprintf("No room for ancillary file descriptor %d", fd))
		closeQuietly(fd)
		return
	}
	kept, err := launch.Keep(fd)
	if err != nil {
		s.server.trouble(err)
		return
	}
	s.fds = append(s.fds, kept)
}

// takeOldest takes the oldest descriptor that was sent; false: there is none.
func (u *undelivered) takeOldest() (int, bool) {
	if len(u.fds) == 0 {
		return -1, false
	}
	fd := u.fds[0]
	u.fds = u.fds[1:]
	return fd, true
}

func (s *Session) dropUndelivered() {
	for _, fd := range s.fds {
		s.server.log(control.LevelWarning, fmt.Sprintf("closing undelivered ancillary file descriptor %d", fd))
		closeQuietly(fd)
	}
	s.fds = nil
}
