package superserver

import (
	"fmt"

	"golang.org/x/sys/unix"

	"sockbridge/internal/launch"
)

// A reserve is a descriptor held back for the moment when there are no others: it is given up to accept one client and to
// turn it away politely, so that the client learns more than silence.
type reserve struct{ fd int }

func (r *reserve) open() error {
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		fd, err = launch.Keep(fd)
	}
	if err != nil {
		r.fd = -1
		return fmt.Errorf("cannot hold a descriptor in reserve: %w", err)
	}
	r.fd = fd
	return nil
}

// refuse turns away one client of a listener, and reports whether there was one.
func (r *reserve) refuse(listener int) bool {
	if r.fd < 0 && r.open() != nil {
		return false
	}
	r.close()
	fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
	if err == nil {
		sendOff(fd, "busy: try again later\r\n")
		_ = unix.Close(fd)
	}
	_ = r.open() // if somebody else was faster, the next shortage tries again
	return err == nil
}

func (r *reserve) close() {
	if r.fd >= 0 {
		_ = unix.Close(r.fd)
		r.fd = -1
	}
}
