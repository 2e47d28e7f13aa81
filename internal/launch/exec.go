package launch

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"sockbridge/internal/launch/atstart"
)

// Exec makes the calling process another program, execve(2), one that takes over from us: most often our own, anew. It
// returns only if that fails; then everything is as it was.
//
// The descriptors in keep stay open in the new program, all others with close-on-exec are closed; they are borrowed. Go
// unblocks SIGHUP, SIGINT, SIGQUIT and SIGTERM while it starts, whatever it inherits, so SIGHUP and SIGINT are ignored by
// the new program until it asks for them: what they stood for it must do once by itself. SIGUSR1 and SIGUSR2 are blocked
// and wait for it; SIGQUIT and SIGTERM end it. Its limit of descriptors is what we found at our own start.
//
// No start may be in flight: its child would have no parent that knows of it. path is absolute, and not /proc/self/exe,
// which would name a binary that may have been replaced since.
func Exec(path string, argv, env []string, keep []int) error {
	return become(path, argv, env, func(u *undo) error {
		return errors.Join(
			u.keep(keep),
			u.action(unix.SIGHUP, sigIgnore), u.action(unix.SIGINT, sigIgnore),
			u.mask(unix.SIG_BLOCK, maskOf(unix.SIGUSR1, unix.SIGUSR2)))
	})
}

// ExecPlain makes the calling process another program that knows nothing of us: all signals have their default action and
// none is blocked. Otherwise it is as [Exec].
func ExecPlain(path string, argv, env []string) error {
	return become(path, argv, env, func(u *undo) error {
		var err error
		for _, signal := range resettable(true) {
			err = errors.Join(err, u.action(unix.Signal(signal), 0))
		}
		return errors.Join(err, u.mask(unix.SIG_SETMASK, 0))
	})
}

// become changes, executes, and takes the changes back. The thread is locked, since a signal mask is a thread's.
func become(path string, argv, env []string, change func(*undo) error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var u undo
	err := errors.Join(change(&u), u.giveBackLimit())
	if err == nil {
		// It keeps the runtime from making threads meanwhile, which the kernel refuses and the runtime does not survive.
		err = syscall.Exec(path, argv, env)
	}
	return with(fmt.Errorf("cannot execute %q: %w", path, err), u.all())
}

// An undo is what takes changes back, in the order in which they were made.
type undo []func() error

func (u *undo) add(f func() error) { *u = append(*u, f) }

// all runs them from the last.
func (u *undo) all() error {
	var err error
	for i := range *u {
		err = errors.Join(err, (*u)[len(*u)-1-i]())
	}
	return err
}

// keep clears close-on-exec.
func (u *undo) keep(fds []int) error {
	for _, fd := range fds {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil {
			_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFD, flags&^unix.FD_CLOEXEC)
		}
		if err != nil {
			return fmt.Errorf("cannot keep descriptor %d: %w", fd, err)
		}
		u.add(func() error {
			_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, flags)
			return err
		})
	}
	return nil
}

// action sets what a signal does, past os/signal: Go's handler, which is taken back into place, never notices.
func (u *undo) action(signal unix.Signal, handler uintptr) error {
	var action, old sigaction
	action[handlerWord] = handler
	if err := setAction(uint8(signal), &action, &old); err != 0 {
		return fmt.Errorf("cannot set the action of %s: %w", signalName(uint8(signal)), err)
	}
	u.add(func() error { return noError(setAction(uint8(signal), &old, nil)) })
	return nil
}

// mask changes the mask of the calling thread, which is what execve keeps.
func (u *undo) mask(how uintptr, set uint64) error {
	var old uint64
	if err := changeMask(how, &set, &old); err != 0 {
		return fmt.Errorf("cannot set the signal mask: %w", err)
	}
	u.add(func() error { return noError(changeMask(unix.SIG_SETMASK, &old, nil)) })
	return nil
}

func maskOf(signals ...unix.Signal) uint64 {
	var set uint64
	for _, signal := range signals {
		set |= 1 << (signal - 1)
	}
	return set
}

// giveBackLimit undoes what Go did to our soft limit of descriptors. It is a raw call: package syscall would forget the limit
// that it gives to the processes that it starts.
func (u *undo) giveBackLimit() error {
	soft, _, known := atstart.NoFile()
	if !known {
		return nil // syscall.Exec gives it back
	}
	var now unix.Rlimit
	if err := prlimit(nil, &now); err != 0 {
		return fmt.Errorf("cannot read the limit of descriptors: %w", err)
	}
	u.add(func() error { return noError(prlimit(&now, nil)) })
	return noError(prlimit(&unix.Rlimit{Cur: min(soft, now.Max), Max: now.Max}, nil))
}

func prlimit(limit, old *unix.Rlimit) unix.Errno {
	_, _, err := unix.RawSyscall6(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, uintptr(unsafe.Pointer(limit)), uintptr(unsafe.Pointer(old)), 0, 0)
	return err
}

// noError is the error that a number stands for: nil for 0.
func noError(number unix.Errno) error {
	if number == 0 {
		return nil
	}
	return number
}
