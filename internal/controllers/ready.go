package controllers

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"sockbridge/internal/launch"
	"sockbridge/internal/loop"
	"sockbridge/internal/supervise"
)

// notices is the socket to which services say that they are ready, sd_notify(3). It has an abstract name that the kernel chose.
// Whoever can send to it must be the process that it speaks for: the kernel says who sent (SO_PASSCRED of unix(7)).
type notices struct {
	server  *Server
	fd      int
	address string
	events  *loop.Watch
	waiting map[int]*service // by the pid that may speak
}

const (
	noticesAtOnce = 64   // datagrams in one round
	noticeSize    = 4096 // of one, as systemd has it
)

// notifyAddress is what NOTIFY_SOCKET says; the socket is made when it is first wanted.
func (s *Server) notifyAddress() (string, error) {
	if s.notices == nil {
		n, err := s.openNotices()
		if err != nil {
			return "", fmt.Errorf("cannot make the socket for notifications: %w", err)
		}
		s.notices = n
	}
	return s.notices.address, nil
}

func (s *Server) openNotices() (*notices, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err == nil {
		fd, err = launch.Keep(fd)
	}
	if err != nil {
		return nil, err
	}
	n := &notices{server: s, fd: fd, waiting: map[int]*service{}}
	if err := n.open(); err != nil {
		closeQuietly(fd)
		return nil, err
	}
	return n, nil
}

func (n *notices) open() error {
	if err := unix.SetsockoptInt(n.fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		return err
	}
	if err := unix.Bind(n.fd, &unix.SockaddrUnix{}); err != nil { // without a name: the kernel chooses
		return err
	}
	name, err := unix.Getsockname(n.fd)
	if err != nil {
		return err
	}
	n.address = name.(*unix.SockaddrUnix).Name
	n.events, err = n.server.loop.Watch(n.fd, loop.Readable, func(loop.Events) { n.receive() })
	return err
}

func (n *notices) close() error { return errors.Join(n.events.Close(), unix.Close(n.fd)) }

// awaitReady follows the process of a service that says when it is ready.
func (s *Server) awaitReady(o *service, st supervise.Status) {
	if s.notices == nil {
		return
	}
	delete(s.notices.waiting, o.notify)
	o.notify = 0
	if st.State == supervise.Up && st.PID > 0 {
		o.notify = st.PID
		s.notices.waiting[st.PID] = o
	}
}

func (n *notices) receive() {
	var text [noticeSize]byte
	oob := make([]byte, unix.CmsgSpace(unix.SizeofUcred)+len(rightsRoom))
	for range noticesAtOnce {
		size, oobSize, _, _, err := unix.Recvmsg(n.fd, text[:], oob, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		if err != nil {
			return
		}
		n.take(sender(oob[:oobSize]), string(text[:size]))
	}
}

// sender is the pid of who sent a datagram. Descriptors that came with it are closed.
func sender(oob []byte) (pid int) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for i := range messages {
		if cred, err := unix.ParseUnixCredentials(&messages[i]); err == nil {
			pid = int(cred.Pid)
		}
		if fds, err := unix.ParseUnixRights(&messages[i]); err == nil {
			for _, fd := range fds {
				closeQuietly(fd)
			}
		}
	}
	return pid
}

func (n *notices) take(pid int, text string) {
	o := n.waiting[pid]
	if o == nil {
		return
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line == "READY=1" {
			n.server.Broadcast("", "service.ready", o.name)
			return
		}
	}
}
