package supervise

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// A Queue is what the engine asks of a handle that starts services: who waits there.
type Queue interface {
	// Waiting is the number of clients that wait; where the kernel does not count them, 1 stands for some.
	Waiting() (int, error)
	// Pending identifies those who wait, as far as the kernel can; false where it cannot.
	Pending() ([]uint64, bool)
	// DropOne throws away one waiting datagram, or closes one waiting connection, and reports whether it did.
	DropOne() (bool, error)
	// Mend clears an error or a hang-up, which a service can leave on a listener and which would be told without end.
	Mend() error
}

// A polled is the Queue of a descriptor of which nothing is known but what poll(2) says: a pipe, a socket, whatever can be read.
type polled struct{ fd int }

// Waiting is 1 when there is something to read, or to accept. The end of a pipe is nothing.
func (p polled) Waiting() (int, error) {
	fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("cannot poll descriptor %d: %w", p.fd, err)
		case fds[0].Revents&unix.POLLIN == 0:
			return 0, nil
		}
		return 1, nil
	}
}

// Pending knows nobody.
func (p polled) Pending() ([]uint64, bool) { return nil, false }

// DropOne leaves everything where it is: bytes are not ours to throw away.
func (p polled) DropOne() (bool, error) { return false, nil }

// Mend leaves errors to the next who reads.
func (p polled) Mend() error { return nil }
