package launch

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"
)

// A loan is duplicates below LongLived of descriptors at or above it, for a child that copies only what lies below.
// They are closed once the child has its own table.
type loan struct {
	fds []int
}

// borrow returns the sources with duplicates in place of those that lie too high. It returns nil when the numbers below
// do not suffice: the child then needs a copy of the whole table.
func (l *loan) borrow(sources []int) ([]int, error) {
	low := slices.Clone(sources)
	for i, fd := range sources {
		if fd < LongLived {
			continue
		}
		if first := slices.Index(sources[:i], fd); first >= 0 {
			low[i] = low[first]
			continue
		}
		duplicate, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		switch {
		case err == nil:
			l.fds = append(l.fds, duplicate)
			low[i] = duplicate
		case !errors.Is(err, unix.EMFILE):
			failed := &Error{Stage: placeStage(i), Detail: placeDetail(i), Err: errno(err)}
			return nil, with(failed, l.giveBack())
		}
		if err != nil || duplicate >= LongLived {
			return nil, l.giveBack()
		}
	}
	return low, nil
}

// giveBack closes the duplicates.
func (l *loan) giveBack() error {
	var err error
	for _, fd := range l.fds {
		err = errors.Join(err, unix.Close(fd))
	}
	l.fds = nil
	return err
}
