package listener

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Mend undoes what a service can do to the socket that it shares with us, and what would make the kernel report the
// listener as failed or hung up for ever: it takes errors that were reported to the socket, ends a connect(2) of a
// datagram socket, and listens again after a shutdown(2) of a TCP socket. Clients who waited are lost only where the
// service's call has lost them already.
//
// An error means that the listener is still reported so. Only a new socket helps then, which the next [Set.Prepare]
// makes, but for an abstract name: that is free when the last who has the socket closes it.
func (l *Listener) Mend() error {
	var err error
	switch {
	case l.shape == shape{}:
	case l.shape.kind == unix.SOCK_DGRAM:
		err = errors.Join(l.takeError(), l.dissolve())
	case isTCP(l.shape):
		err = errors.Join(l.takeError(), l.listen()) // for a socket that listens, that only sets the backlog again
	default:
		err = l.takeError()
	}
	return errors.Join(err, l.healthy())
}

// errorsAtOnce bounds how many errors of the queue are taken in one go. What is left is reported again.
const errorsAtOnce = 1024

// takeError takes the error of the socket, and with it those that IP_RECVERR collects, ip(7). Elsewhere than on UDP,
// MSG_ERRQUEUE may be ignored, and a client's data be read.
func (l *Listener) takeError() error {
	if _, err := unix.GetsockoptInt(l.FD, unix.SOL_SOCKET, unix.SO_ERROR); err != nil {
		return fmt.Errorf("cannot read the error of %s: %w", l, err)
	}
	if !isUDP(l.shape) {
		return nil
	}
	var buf [1]byte
	for range errorsAtOnce {
		if _, _, _, _, err := unix.Recvmsg(l.FD, buf[:], nil, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT); err != nil {
			return nil //nolint:nilerr // the queue is empty; if it is not, healthy says so
		}
	}
	return nil
}

// dissolve ends a connect(2), which keeps away everybody but its peer. A port that the kernel chose is given up with it
// (__udp_disconnect in net/ipv4/udp.c), and taken again.
func (l *Listener) dissolve() error {
	if _, err := unix.Getpeername(l.FD); err != nil {
		return nil //nolint:nilerr // not connected
	}
	bound := l.Bound()
	unspecified := unix.RawSockaddrUnix{Family: unix.AF_UNSPEC}
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(l.FD), uintptr(unsafe.Pointer(&unspecified)), unsafe.Sizeof(unspecified.Family))
	if errno != 0 {
		return fmt.Errorf("cannot let clients come to %s again: %w", l, errno)
	}
	if !isUDP(l.shape) || l.Addr.Port != 0 {
		return nil
	}
	a := l.Addr
	a.Port = bound.Port
	sa, err := sockaddr(a, l.shape, l.FD)
	if err == nil {
		err = unix.Bind(l.FD, sa)
	}
	if err != nil {
		return fmt.Errorf("cannot bind %s again: %w", a.Key(), err)
	}
	return nil
}

// healthy returns an error if the kernel reports the listener as failed or hung up, or if it does not listen: a service
// can make a client of it.
func (l *Listener) healthy() error {
	fds := []unix.PollFd{{Fd: int32(l.FD)}}
	if _, err := unix.Poll(fds, 0); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("cannot poll %s: %w", l, err)
	}
	if fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0 || !l.listens() {
		return fmt.Errorf("%s was broken by a service: a reload, or for an abstract name a restart, makes a new socket", l)
	}
	return nil
}

func (l *Listener) listens() bool {
	if !l.accepts() {
		return true
	}
	v, err := unix.GetsockoptInt(l.FD, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	return err == nil && v != 0
}

// usable reports whether clients can get to the listener, if need be after it was mended.
func (l *Listener) usable() bool { return l.healthy() == nil || l.Mend() == nil }
