package activation

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Notify tells the manager about this process by sd_notify(3): lines such as "READY=1", "STATUS=…" or "WATCHDOG=1" in
// one datagram to the socket that NOTIFY_SOCKET names, a path or "@name". It does nothing where the variable is
// unset. It never blocks: a manager that does not keep up makes it fail with EAGAIN. It is safe for concurrent use.
func Notify(state string) error {
	name, ok := os.LookupEnv("NOTIFY_SOCKET")
	if !ok {
		return nil
	}
	if err := notify(name, state); err != nil {
		return fmt.Errorf("cannot notify %q: %w", name, err)
	}
	return nil
}

func notify(name, state string) error {
	if state == "" {
		return errors.New("the state is empty")
	}
	if !strings.HasPrefix(name, "/") && !strings.HasPrefix(name, "@") {
		return errors.New("neither a path nor an abstract name")
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd) //nolint:errcheck // the datagram is delivered or not by now
	return unix.Sendto(fd, []byte(state), unix.MSG_NOSIGNAL, &unix.SockaddrUnix{Name: name})
}
