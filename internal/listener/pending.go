package listener

import (
	"encoding/binary"
	"errors"
	"hash/maphash"
	"slices"

	"golang.org/x/sys/unix"
)

// Pending returns identities of what waits: of all connections in the queue, of the datagram at its head. Two
// calls, before and after a service ran, tell whether the service took anything: see Took. An identity of 0 is a client
// that has gone meanwhile and still stands in the queue. ok is false where the kernel cannot say: FIFOs, vsock, MPTCP.
//
// It reads through tables of the whole host and is for rare use. On a datagram socket it switches timestamps on for the
// length of a system call, since a datagram has no other identity: clients may well send the same twice.
func (l *Listener) Pending() (ids []uint64, ok bool) {
	ready, err := readable(l.FD)
	switch {
	case err != nil || l.shape == shape{}:
		return nil, false
	case l.shape.kind == unix.SOCK_DGRAM:
		if !ready {
			return nil, true
		}
		return l.pendingDatagram()
	case isUnix(l.shape):
		return l.pendingUnix()
	case l.shape.protocol == unix.IPPROTO_TCP:
		return l.pendingTCP()
	default:
		return nil, false
	}
}

// Took reports whether something that was pending before has been taken since. Arrivals in between do not matter, nor
// do clients that gave up while they waited.
func Took(before, after []uint64) bool {
	missing := 0
	for _, id := range before {
		if id != 0 && !slices.Contains(after, id) {
			missing++
		}
	}
	return missing > gone(after)-gone(before)
}

func gone(ids []uint64) int {
	n := 0
	for _, id := range ids {
		if id == 0 {
			n++
		}
	}
	return n
}

// pendingUnix identifies connections by the inodes of the clients' sockets.
func (l *Listener) pendingUnix() ([]uint64, bool) {
	s, err := l.set.diag.unixSocket(l.FD, showQueued)
	if err != nil {
		return nil, false
	}
	ids := make([]uint64, 0, len(s.peers))
	for _, inode := range s.peers {
		ids = append(ids, uint64(inode))
	}
	return ids, true
}

// pendingTCP identifies connections by their cookies. Those that were reset are in no table of the kernel any more but
// still in the queue, so that the length of the queue tells how many they are.
func (l *Listener) pendingTCP() ([]uint64, bool) {
	ids, err := l.set.diag.unaccepted(l.FD, l.shape.domain)
	queued, _, ok := l.queue()
	if err != nil || !ok {
		return nil, false
	}
	for len(ids) < queued {
		ids = append(ids, 0)
	}
	return ids, true
}

// peekLimit is how much of a datagram is read to tell it from others; its whole length is known anyway.
const peekLimit = 2048

var seed = maphash.MakeSeed()

// pendingDatagram identifies the datagram at the head by its sender, its length, its content, and the time that the
// kernel put on it.
func (l *Listener) pendingDatagram() ([]uint64, bool) {
	restore, err := l.stamp()
	if err != nil {
		return nil, false
	}
	defer restore()
	content := make([]byte, peekLimit)
	// There is room for one timestamp and no more: descriptors that a Unix client sent are not installed here.
	control := make([]byte, unix.CmsgSpace(16))
	n, controlLen, _, from, err := unix.Recvmsg(l.FD, content, control, unix.MSG_PEEK|unix.MSG_DONTWAIT|unix.MSG_TRUNC|unix.MSG_CMSG_CLOEXEC)
	if errors.Is(err, unix.EAGAIN) {
		return nil, true
	}
	if err != nil {
		return nil, false
	}
	closeRights(control[:controlLen])
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.Write(binary.NativeEndian.AppendUint64(control[:controlLen:controlLen], uint64(n)))
	_, _ = h.Write(content[:min(n, len(content))])
	maphash.WriteComparable(&h, sender(from))
	return []uint64{max(h.Sum64(), 1)}, true
}

// stamp makes the kernel put a time on the datagrams in the queue that have none, when they are next looked at; they
// keep it. Every datagram has its own, to the nanosecond.
func (l *Listener) stamp() (restore func(), err error) {
	for _, name := range [...]int{unix.SO_TIMESTAMP, unix.SO_TIMESTAMPNS} {
		if v, err := unix.GetsockoptInt(l.FD, unix.SOL_SOCKET, name); err == nil && v != 0 {
			return func() {}, nil // the service asked for it
		}
	}
	if err := unix.SetsockoptInt(l.FD, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return nil, err
	}
	return func() { _ = unix.SetsockoptInt(l.FD, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 0) }, nil
}

// closeRights closes descriptors that came with a message after all.
func closeRights(control []byte) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue // the timestamp
		}
		for _, fd := range fds {
			closeQuietly(fd)
		}
	}
}

// sender is a comparable form of where a datagram came from.
func sender(sa unix.Sockaddr) any {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return [2]any{sa.Addr, sa.Port}
	case *unix.SockaddrInet6:
		return [3]any{sa.Addr, sa.Port, sa.ZoneId}
	case *unix.SockaddrUnix:
		return sa.Name
	default:
		return nil
	}
}
