package activation

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// process is the operating system as the decoder sees it.
type process struct {
	lookup      func(name string) (string, bool)
	unset       func(name string) error
	pid         int
	pidfdID     func() (id uint64, ok bool)
	closeOnExec func(fd int) error
}

func thisProcess() process {
	return process{
		lookup:      os.LookupEnv,
		unset:       os.Unsetenv,
		pid:         os.Getpid(),
		pidfdID:     ownPIDFDID,
		closeOnExec: closeOnExec,
	}
}

func (p process) unsetAll(names ...string) error {
	var errs []error
	for _, name := range names {
		errs = append(errs, p.unset(name))
	}
	return errors.Join(errs...)
}

func closeOnExec(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC)
	return err
}

// ownPIDFDID returns the inode number of this process's pidfd. Before Linux 6.9 pidfds share one inode and tell nothing;
// systemd, too, then goes by the pid alone.
func ownPIDFDID() (id uint64, ok bool) {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return 0, false
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was written to it
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil || uint64(fs.Type) != unix.PID_FS_MAGIC {
		return 0, false
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return 0, false
	}
	return stat.Ino, true
}
