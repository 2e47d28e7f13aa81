package listener

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// A Listener is one bound socket, or an open FIFO. The fields change only in [Change.Commit].
type Listener struct {
	FD     int    // owned by the Set; close-on-exec
	Unit   string // the unit it serves
	Name   string // file_descriptor_name
	Socket *units.Socket
	Addr   units.Address // as the unit writes it; see Bound for what became of port 0

	set         *Set
	key         string
	shape       shape
	filter      []unix.SockFilter
	nonBlocking bool       // as the unit wants it; a service can change the flag, which sits on the shared description
	node        node       // of Unix sockets with a path and FIFOs; zero: not known
	madeNode    bool       // the node did not exist before
	folders     []file     // that were made for the node, outermost first
	parked      bool       // no new client reaches it, see park
	stray       *inherited // it is no listener of a unit, only in the way of one
}

// Bound returns the address as the kernel has it, with the real port where the unit asked for port 0. It falls back to
// the unit's own for what has no name in the kernel.
func (l *Listener) Bound() units.Address {
	a, err := addressOf(l.FD, l.shape)
	if err != nil {
		return l.Addr
	}
	a.DualStack, a.Origin = l.Addr.DualStack, l.Addr.Origin
	return a
}

// String names the listener in logs.
func (l *Listener) String() string { return l.Addr.Key() }

// RestoreMode sets the blocking mode that the unit asks for. A service that was given the socket may have changed it,
// since O_NONBLOCK belongs to the open file description and not to the descriptor.
func (l *Listener) RestoreMode() error {
	if err := unix.SetNonblock(l.FD, l.nonBlocking); err != nil {
		return fmt.Errorf("cannot set blocking mode of %s: %w", l, err)
	}
	return nil
}

// accepts reports whether clients are connections that accept(2) takes one by one.
func (l *Listener) accepts() bool { return l.Addr.Network.Accepts() }

// lift moves fd to a number not below low, if it is below. It takes ownership of fd; on error, fd is as it was. Where
// our limit of descriptors leaves no such number, fd stays where it is: that costs time at each start and nothing else.
//
// A child that shares part of our table copies only what is below some number; long-lived descriptors live above it.
func lift(fd, low int) (int, error) {
	if fd >= low {
		return fd, nil
	}
	high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, low)
	switch {
	case errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EMFILE):
		return fd, nil
	case err != nil:
		return fd, err
	}
	closeQuietly(fd)
	return high, nil
}
