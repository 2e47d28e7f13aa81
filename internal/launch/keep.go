package launch

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// LongLived is where descriptors belong that outlive a start: listeners, pidfds, control sockets. What lies below this
// number is copied into every new process, and copying a table of 10,000 costs 1.2 ms, of 64 next to nothing.
const LongLived = 64

// Keep takes ownership of fd, moves it to a number of at least LongLived and sets close-on-exec. Where our limit of
// descriptors leaves no such number, fd stays where it is: that costs time at each start and nothing else. The error is
// EBADF for what is not open.
func Keep(fd int) (int, error) {
	high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, LongLived)
	switch {
	case errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EMFILE):
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC)
		high = fd
	case err == nil:
		err = unix.Close(fd)
	}
	if err != nil {
		return -1, fmt.Errorf("cannot keep descriptor %d: %w", fd, err)
	}
	return high, nil
}
