package supervise

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Plain is a listening socket of which nothing is known but its descriptor, which is borrowed. The open file description may be
// shared with others: its blocking mode is left as it is.
type Plain struct{ FD int }

// Descriptor is Acceptable's.
func (p Plain) Descriptor() int { return p.FD }

// Take is Acceptable's. On a blocking socket O_NONBLOCK is set for the time of the call: somebody else may take the client whom
// poll(2) has shown, and accept4(2) has no flag against waiting for the next.
func (p Plain) Take() (int, unix.Sockaddr, error) {
	flags, err := unix.FcntlInt(uintptr(p.FD), unix.F_GETFL, 0)
	if err != nil {
		return -1, nil, fmt.Errorf("cannot read the flags of a listening socket: %w", err)
	}
	if flags&unix.O_NONBLOCK != 0 {
		return unix.Accept4(p.FD, unix.SOCK_CLOEXEC)
	}
	poll := []unix.PollFd{{Fd: int32(p.FD), Events: unix.POLLIN}}
	if n, err := unix.Poll(poll, 0); n == 0 || err != nil {
		return -1, nil, unix.EAGAIN
	}
	if err := unix.SetNonblock(p.FD, true); err != nil {
		return -1, nil, fmt.Errorf("cannot keep a listening socket from blocking: %w", err)
	}
	fd, peer, err := unix.Accept4(p.FD, unix.SOCK_CLOEXEC)
	if back := unix.SetNonblock(p.FD, false); back != nil && err == nil {
		return -1, nil, errors.Join(back, unix.Close(fd))
	}
	return fd, peer, err
}

// SetUp is Acceptable's: there is nothing to set.
func (p Plain) SetUp(int) error { return nil }

// Mend is Acceptable's. It takes the error that the socket holds.
func (p Plain) Mend() error {
	_, err := unix.GetsockoptInt(p.FD, unix.SOL_SOCKET, unix.SO_ERROR)
	return err
}
