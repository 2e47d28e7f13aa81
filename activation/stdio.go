package activation

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// detachStdio returns a close-on-exec copy of the socket at fd, standard input, and puts /dev/null where the socket was:
// at fd, and at standard output if that is the same socket. The numbers stay taken, since the next file that is
// opened would otherwise become standard input.
func detachStdio(fd int) (int, error) {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("cannot open %q: %w", "/dev/null", err)
	}
	defer unix.Close(null) //nolint:errcheck // nothing was written to it
	socket, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, firstFD)
	if err != nil {
		return -1, fmt.Errorf("cannot duplicate the socket: %w", err)
	}
	if err := replace(socket, null, fd, unix.Stdout); err != nil {
		return -1, errors.Join(err, unix.Close(socket))
	}
	return socket, nil
}

// replace puts null over each of the descriptors that is the same file as socket.
func replace(socket, null int, fds ...int) error {
	for _, fd := range fds {
		if !sameFile(socket, fd) {
			continue
		}
		if err := unix.Dup3(null, fd, 0); err != nil {
			return fmt.Errorf("cannot put /dev/null at descriptor %d: %w", fd, err)
		}
	}
	return nil
}

func sameFile(a, b int) bool {
	var statA, statB unix.Stat_t
	if unix.Fstat(a, &statA) != nil || unix.Fstat(b, &statB) != nil {
		return false // one is closed
	}
	return statA.Dev == statB.Dev && statA.Ino == statB.Ino
}
