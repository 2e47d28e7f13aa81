package supervise

import (
	"fmt"

	"golang.org/x/sys/unix"

	"sockbridge/internal/launch"
)

// A reserve is a descriptor held back for the moment when there are no others: it is given up to accept one client and to
// turn it away politely, so that the client learns more than silence. The zero value holds none.
type reserve struct {
	fd   int
	held bool
}

func (r *reserve) open() error {
	if r.held {
		return nil
	}
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		fd, err = launch.Keep(fd)
	}
	if err != nil {
		return fmt.Errorf("cannot hold a descriptor in reserve: %w", err)
	}
	r.fd, r.held = fd, true
	return nil
}

// refuse turns away one client of a listener, and reports whether there was one.
func (r *reserve) refuse(s Acceptable) bool {
	if r.open() != nil {
		return false
	}
	r.close()
	fd, _, err := s.Take()
	if err == nil {
		sendOff(fd, tryLater)
		_ = unix.Close(fd)
	}
	_ = r.open() // if somebody else was faster, the next shortage tries again
	return err == nil
}

func (r *reserve) close() {
	if r.held {
		_ = unix.Close(r.fd)
		r.held = false
	}
}
