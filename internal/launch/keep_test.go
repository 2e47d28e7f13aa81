package launch

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

func TestKeep(t *testing.T) {
	low := pipeEnd(t)
	if _, err := unix.FcntlInt(uintptr(low), unix.F_SETFD, 0); err != nil {
		t.Fatal(err)
	}
	high, err := Keep(low)
	if err != nil || high < LongLived {
		t.Fatalf("%d, %v", high, err)
	}
	if flags, err := unix.FcntlInt(uintptr(high), unix.F_GETFD, 0); err != nil || flags != unix.FD_CLOEXEC {
		t.Errorf("flags %d, %v", flags, err)
	}
	if _, err := unix.FcntlInt(uintptr(low), unix.F_GETFD, 0); !errors.Is(err, unix.EBADF) {
		t.Errorf("the old number is still open: %v", err)
	}
	if err := unix.Close(high); err != nil {
		t.Error(err)
	}
	if _, err := Keep(high); !errors.Is(err, unix.EBADF) {
		t.Errorf("a closed descriptor: %v", err)
	}
}

// keepWithLimit runs in a helper: without a free number of at least LongLived, descriptors stay where they are.
func keepWithLimit() error {
	fd, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	if err := stays(fd, LongLived); err != nil { // the limit excludes them
		return err
	}
	if err := stays(fd, LongLived+1); err != nil { // the only one is in use
		return err
	}
	return unix.Close(fd)
}

func stays(fd int, limit uint64) error {
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: LongLived + 1}); err != nil {
		return err
	}
	if limit > LongLived {
		if err := unix.Dup3(0, LongLived, 0); err != nil {
			return err
		}
	}
	kept, err := Keep(fd)
	if err != nil || kept != fd {
		return errors.Join(fmt.Errorf("with limit %d descriptor %d moved to %d", limit, fd, kept), err)
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if flags != unix.FD_CLOEXEC {
		return errors.Join(errors.New("it is not close-on-exec"), err)
	}
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
	return err
}

func TestKeepWithLimit(t *testing.T) {
	runCrowd(t, "keep")
}

func TestLoan(t *testing.T) {
	high, err := Keep(pipeEnd(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Close(high); err != nil {
			t.Error(err)
		}
	})
	var l loan
	low, err := l.borrow([]int{0, high, -1, high, 1})
	if err != nil || len(l.fds) != 1 || low[0] != 0 || low[1] != l.fds[0] || low[1] >= LongLived || low[2] != -1 || low[3] != low[1] || low[4] != 1 {
		t.Errorf("%v, %v, %v", low, l.fds, err)
	}
	if err := l.giveBack(); err != nil || l.fds != nil {
		t.Error(err)
	}
	if err := l.giveBack(); err != nil {
		t.Errorf("twice: %v", err)
	}
	var e *Error
	if _, err := l.borrow([]int{high, 1 << 19}); !errors.As(err, &e) || e.Err != unix.EBADF || e.Stage != StageStdout || len(l.fds) != 0 {
		t.Errorf("%v, %v", err, l.fds)
	}
}
