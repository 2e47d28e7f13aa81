package proxy

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"sockbridge/internal/launch"
)

// An outlet is a descriptor that can be written to without ever waiting, although the description behind it may be a blocking
// one: others share it, so that its flags are not ours to change.
type outlet struct {
	fd    int
	owned bool // close closes it
	send  func(fd int, text []byte) (int, error)
	// original is a copy of descriptor 2 as it was, where fd is that number and means something else now; -1: it does not.
	original int
}

// openStderr makes descriptor 2 an outlet, in its place: whoever looks at the program's calls expects its log there.
func openStderr() *outlet {
	send, reopened := sender(unix.Stderr)
	o := &outlet{fd: unix.Stderr, send: send, original: -1}
	if reopened < 0 {
		return o
	}
	original, err := unix.FcntlInt(uintptr(unix.Stderr), unix.F_DUPFD_CLOEXEC, launch.LongLived)
	if err == nil {
		o.original = original
		err = unix.Dup3(reopened, unix.Stderr, 0)
	}
	if err != nil {
		o.restore()
		o.send = sendNow
	}
	closeQuietly(reopened)
	return o
}

// openOutlet makes an outlet of a copy of fd, or returns nil if there is no room for one: then the log waits, as for a handle
// that is not there.
func openOutlet(fd int) *outlet {
	send, reopened := sender(fd)
	if reopened < 0 {
		var err error
		if reopened, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, launch.LongLived); err != nil {
			return nil
		}
	} else if kept, err := launch.Keep(reopened); err == nil {
		reopened = kept
	}
	return &outlet{fd: reopened, owned: true, send: send, original: -1}
}

// write writes what the destination takes now. Its error is EAGAIN when that is nothing.
func (o *outlet) write(text []byte) (int, error) {
	for {
		n, err := o.send(o.fd, text)
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}

// close closes an own descriptor. Descriptor 2 stays, as it was: it is where Go's runtime writes when it fails.
func (o *outlet) close() {
	if o.owned {
		closeQuietly(o.fd)
		return
	}
	o.restore()
}

// restore puts descriptor 2 back as it was.
func (o *outlet) restore() {
	if o.original >= 0 {
		_ = unix.Dup3(o.original, unix.Stderr, 0) // fails for numbers that are not open only
		closeQuietly(o.original)
		o.original = -1
		o.send = sendNow
	}
}

// closeQuietly closes a descriptor of ours that nothing depends on.
func closeQuietly(fd int) { _ = unix.Close(fd) }

// sender finds out how fd can be written to without waiting. Where that takes another description of what is behind it, reopened
// is a descriptor of one, the caller's to close; else it is -1.
func sender(fd int) (send func(fd int, text []byte) (int, error), reopened int) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return unix.Write, -1 // which tells the same
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	kind := stat.Mode & unix.S_IFMT
	switch {
	case kind == unix.S_IFSOCK:
		return sendSocket, -1
	case err == nil && flags&unix.O_NONBLOCK != 0, kind != unix.S_IFIFO && !isTerminal(fd):
		return unix.Write, -1 // a file or a device such as /dev/full, which do not wait for anybody
	}
	path := "/proc/self/fd/" + strconv.Itoa(fd)
	if again, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err == nil {
		return unix.Write, again
	}
	return sendNow, -1
}

func isTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

func sendSocket(fd int, text []byte) (int, error) {
	return unix.SendmsgN(fd, text, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

// sendNow is for pipes and terminals that cannot be opened again: /proc is not there, or closed to us. Pipes can be told for one
// write not to wait (RWF_NOWAIT, since Linux 6.4).
func sendNow(fd int, text []byte) (int, error) {
	n, err := unix.Pwritev2(fd, [][]byte{text}, -1, unix.RWF_NOWAIT)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return sendLittle(fd, text)
	}
	return n, err
}

// little is what a pipe or terminal takes that says it is writable: a pipe has a free page then, a terminal at least this much
// (WAKEUP_CHARS of the kernel's tty layer).
const little = 256

// sendLittle is for the rest. Another writer of the same pipe could come in between and make it wait; there is no better way.
func sendLittle(fd int, text []byte) (int, error) {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	if n, err := unix.Poll(fds, 0); err != nil || n == 0 || fds[0].Revents&unix.POLLOUT == 0 {
		return 0, unix.EAGAIN
	}
	return unix.Write(fd, text[:min(len(text), little)])
}
