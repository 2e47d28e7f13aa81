package listener

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// attachFilter has the kernel look at every packet for the socket before the socket does, and keeps whoever holds the
// socket from taking the filter off again, socket(7). Nor can we: another filter needs another socket.
func attachFilter(fd int, filter []unix.SockFilter) error {
	if len(filter) == 0 {
		return nil
	}
	program := &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, program); err != nil {
		return fmt.Errorf("cannot attach the filter of only_from and no_access: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_LOCK_FILTER, 1); err != nil {
		return fmt.Errorf("cannot lock the filter of only_from and no_access: %w", err)
	}
	return nil
}

// sameFilter reports whether the listener has the filter that the slot asks for.
func (l *Listener) sameFilter(sl *slot) bool { return slices.Equal(l.filter, sl.filter) }

// askFilter gives the slot the filter of its unit.
func (c *Change) askFilter(sl *slot) error {
	if c.set.filter == nil || !isInternet(sl.shape) {
		return nil
	}
	var err error
	sl.filter, err = c.set.filter(sl.unit)
	return err
}
