package launch

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// Prepare makes the calling program fit to start processes; main calls it once, early.
//
// The program is not dumpable from then on: up to Linux 5.15 a child that dumps core takes everybody with it who shares its
// memory, and see the notes of the package about children of another uid. Descriptors 0, 1 and 2 are open, on /dev/null where they were
// closed. SIGCHLD has its default action, since a handler would interrupt the loop for each child, and ignoring it
// would reap children before us.
func Prepare() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot become undumpable: %w", err)
	}
	if err := openStandard(); err != nil {
		return fmt.Errorf("cannot open standard streams: %w", err)
	}
	if err := setAction(uint8(unix.SIGCHLD), &sigaction{}, nil); err != 0 {
		return fmt.Errorf("cannot reset SIGCHLD: %w", err)
	}
	return nil
}

// openStandard fills the descriptors 0, 1 and 2. Go's runtime does the same on its start; but a service's connection on
// descriptor 2 would be written to by every message of ours, so it is not left to that.
func openStandard() error {
	for fd := range 3 {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil {
			continue
		}
		if !errors.Is(err, unix.EBADF) {
			return err
		}
		// The lowest free number is fd, since those below are open.
		if _, err := unix.Open("/dev/null", unix.O_RDWR, 0); err != nil {
			return err
		}
	}
	return nil
}

// Threads makes n operating system threads now, which the runtime then has in store. It ends the program when it cannot
// make one that it needs, which happens at a limit of processes; the limit should hit services only. n is the number of
// calls that can block at once, plus GOMAXPROCS.
func Threads(n int) {
	var started, ended sync.WaitGroup
	started.Add(n)
	for range n {
		// Threads waits for all of them.
		ended.Go(func() {
			runtime.LockOSThread() // a thread of its own, as long as the others are there
			defer runtime.UnlockOSThread()
			started.Done()
			started.Wait()
		})
	}
	ended.Wait()
}
