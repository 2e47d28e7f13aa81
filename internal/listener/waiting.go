package listener

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Waiting returns how many clients wait on the listener: connections that nobody has accepted. For datagrams, FIFOs
// and wherever the kernel does not count, something to read counts as one. It is exact about 0 for every kind.
func (l *Listener) Waiting() (int, error) {
	ready, err := readable(l.FD)
	if err != nil {
		return 0, fmt.Errorf("cannot poll %s: %w", l, err)
	}
	if !ready {
		return 0, nil
	}
	queued, _, _ := l.queue()
	return max(queued, 1), nil
}

// Capacity returns how many clients the queue holds before the kernel turns others away, and 0 where it does not say.
func (l *Listener) Capacity() int {
	_, capacity, _ := l.queue()
	return capacity
}

// queue asks the kernel for the length and the capacity of the accept queue; ok is false where it does not tell.
func (l *Listener) queue() (queued, capacity int, ok bool) {
	switch {
	case isTCP(l.shape):
		// Of a listening socket, these fields are sk_ack_backlog and sk_max_ack_backlog: tcp_get_info in net/ipv4/tcp.c.
		info, err := unix.GetsockoptTCPInfo(l.FD, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			return 0, 0, false
		}
		return int(info.Unacked), int(info.Sacked), true
	case isUnix(l.shape) && l.accepts():
		s, err := l.set.diag.unixSocket(l.FD, showLength)
		return int(s.queued), int(s.capacity), err == nil
	default:
		return 0, 0, false
	}
}

// readable reports whether a reader, or accept, would find something now.
func readable(fd int) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		return fds[0].Revents&unix.POLLIN != 0, err
	}
}

// DropOne takes the client at the head of the queue and throws it away: a datagram is read, a connection is accepted
// and closed. It reports whether there was one. What is in a FIFO cannot be told apart, and stays.
func (l *Listener) DropOne() (bool, error) {
	var err error
	switch {
	case l.shape == shape{}:
		return false, nil
	case l.accepts():
		err = l.dropConnection()
	default:
		_, _, err = unix.Recvfrom(l.FD, nil, unix.MSG_DONTWAIT) // the rest of a datagram is dropped with it
	}
	for _, harmless := range [...]error{nil, unix.EAGAIN, unix.EINTR, unix.ECONNABORTED} {
		if errors.Is(err, harmless) {
			return err == nil, nil
		}
	}
	return false, fmt.Errorf("cannot drop client of %s: %w", l, err)
}

// dropConnection must not block, even if a service takes the connection just before us. accept4(2) has no flag for
// that: the mode of the socket is changed for the moment. A service that calls accept in that moment may get EAGAIN,
// which accept(2) allows at any time for a socket that was reported as ready.
func (l *Listener) dropConnection() error {
	flags, err := unix.FcntlInt(uintptr(l.FD), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	if flags&unix.O_NONBLOCK == 0 {
		if err := unix.SetNonblock(l.FD, true); err != nil {
			return err
		}
		defer func() { _ = unix.SetNonblock(l.FD, false) }() // what went one way on this descriptor goes the other
	}
	fd, _, err := unix.Accept4(l.FD, unix.SOCK_CLOEXEC)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
