package listener

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// A buffer is the size of a socket's receive or send buffer.
type buffer struct {
	key         string
	name, force int
	lock        int // bit of SO_BUF_LOCK: the size was set by hand, do not tune it
	value       func(*units.Socket) int64
}

// Bits of SO_BUF_LOCK, linux/socket.h.
const (
	sndbufLock = 1
	rcvbufLock = 2
)

var buffers = []buffer{
	{"receive_buffer", unix.SO_RCVBUF, unix.SO_RCVBUFFORCE, rcvbufLock, func(s *units.Socket) int64 { return s.ReceiveBuffer }},
	{"send_buffer", unix.SO_SNDBUF, unix.SO_SNDBUFFORCE, sndbufLock, func(s *units.Socket) int64 { return s.SendBuffer }},
}

func setBuffers(fd int, old, s *units.Socket) error {
	for _, b := range buffers {
		if err := b.set(fd, old, s); err != nil {
			return err
		}
	}
	return nil
}

func (b buffer) set(fd int, old, s *units.Socket) error {
	var before int64
	if old != nil {
		before = b.value(old)
	}
	size := b.value(s)
	if size == before {
		return nil
	}
	var err error
	if size == 0 {
		err = b.reset(fd)
	} else {
		err = b.grow(fd, int(min(size, math.MaxInt32/2)))
	}
	if err != nil {
		return fmt.Errorf("cannot set %s to %d: %w", b.key, size, err)
	}
	return nil
}

// grow goes beyond net.core.rmem_max where we may, and as far as it where we may not, as systemd does.
func (b buffer) grow(fd, size int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, b.force, size) == nil {
		return nil
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, b.name, size)
}

// reset gives the buffer back to the kernel's tuning. Before Linux 5.14 that cannot be said, and the size stays.
func (b buffer) reset(fd int) error {
	locks, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BUF_LOCK)
	if err == unix.ENOPROTOOPT {
		return nil
	}
	if err != nil {
		return err
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BUF_LOCK, locks&^b.lock)
}

// A wordOption is an option whose value is a word.
type wordOption struct {
	key   string
	on    func(shape) bool
	at    sockopt
	value func(*units.Socket) string
	none  func(shape) (string, error) // what says "the kernel's own"
}

var wordOptions = []wordOption{
	{
		"bind_to_device", isInternet,
		sockopt{unix.SOL_SOCKET, unix.SO_BINDTODEVICE},
		func(s *units.Socket) string { return s.BindToDevice },
		func(shape) (string, error) { return "", nil }, // socket(7)
	},
	{
		"tcp_congestion", isTCP,
		sockopt{unix.IPPROTO_TCP, unix.TCP_CONGESTION},
		func(s *units.Socket) string { return s.TCPCongestion },
		kernelsCongestion,
	},
}

func (o wordOption) set(fd int, sh shape, old, s *units.Socket) error {
	before, word := "", o.value(s)
	if old != nil {
		before = o.value(old)
	}
	if !o.on(sh) || word == before {
		return nil
	}
	value, err := word, error(nil)
	if word == "" {
		value, err = o.none(sh)
	}
	if err == nil {
		err = unix.SetsockoptString(fd, o.at.level, o.at.name, value)
	}
	if err != nil {
		return fmt.Errorf("cannot set %s to %q: %w", o.key, word, err)
	}
	return nil
}

func kernelsCongestion(sh shape) (string, error) {
	fd, err := scratch(sh)
	if err != nil {
		return "", err
	}
	defer closeQuietly(fd)
	return unix.GetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION)
}

// SetUpConnection sets the options of the unit that an accepted connection does not inherit from its listener: the
// priority of IP, which sk_clone_lock in net/core/sock.c clears, and the buffers of everything but IP. fd is borrowed.
func (l *Listener) SetUpConnection(fd int) error {
	s, err := l.Socket, error(nil)
	if isInternet(l.shape) {
		if s.Priority != nil {
			err = priority.set(fd, l.shape, nil, s)
		}
	} else if s.ReceiveBuffer != 0 || s.SendBuffer != 0 {
		err = setBuffers(fd, nil, s)
	}
	if err != nil {
		return fmt.Errorf("cannot set up connection of %s: %w", l, err)
	}
	return nil
}
