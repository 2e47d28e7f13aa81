package launch

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"sockbridge/internal/launch/atstart"
)

// A host is what the table depends on besides program and start: facts about the kernel and about ourselves, read once.
type host struct {
	signals    []uint8 // to set to their default action in the child
	ignored    []uint8 // that a Spec with KeepIgnored leaves ignored
	noFile     uint64  // our hard limit of descriptors
	found      Limit   // of descriptors, for a Spec with KeepLimits
	caps       [2]unix.CapUserData
	groups     []int // our supplementary groups
	openat2    bool  // there is openat2(2) (Linux 5.6)
	closeRange bool  // there is close_range(2) (Linux 5.9), with the flags below
	sweep      uint  // flags with which the child closes all that it must not pass on
	pidfs      bool  // pidfds have inode numbers of their own (Linux 6.9)
}

// Defaults of RLIMIT_NOFILE, as systemd has them: select(2) cannot handle more than 1024, and who can may raise the
// soft limit.
const (
	softNoFile = 1024
	hardNoFile = 524288
)

// survey reads the facts. The signals are those that we ignore at this moment.
func survey(sweep uint) (*host, error) {
	ignored := resettable(true)
	h := &host{signals: ignored, ignored: ignored, sweep: sweep}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return nil, fmt.Errorf("cannot read the limit of descriptors: %w", err)
	}
	h.noFile = limit.Max
	h.found = foundLimit(limit.Max)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capget(&header, &h.caps[0]); err != nil {
		return nil, fmt.Errorf("cannot read the capabilities: %w", err)
	}
	var err error
	if h.groups, err = unix.Getgroups(); err != nil {
		return nil, fmt.Errorf("cannot read the supplementary groups: %w", err)
	}
	if h.pidfs, err = hasPidfs(); err != nil {
		return nil, err
	}
	h.openat2 = hasOpenat2()
	// No descriptor has the highest number: this closes nothing, and fails where the call or its flag is unknown or
	// forbidden.
	const highest = 1<<31 - 1
	h.closeRange = unix.CloseRange(highest, highest, sweep) == nil
	if h.closeRange {
		return h, nil
	}
	return h, markDescriptors(h.noFile)
}

func hasOpenat2() bool {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}
	fd, err := unix.Openat2(unix.AT_FDCWD, "/", &how)
	return err == nil && unix.Close(fd) == nil
}

// overflowGroup is as what a user namespace shows all groups that it does not know, unless kernel.overflowgid is changed.
const overflowGroup = 65534

// hasGroups reports whether our supplementary groups are these, in the kernel's rising order. It is false when one of ours
// cannot be told.
func (h *host) hasGroups(groups []int) bool {
	return slices.Equal(h.groups, groups) && !slices.Contains(groups, overflowGroup)
}

// markDescriptors sets close-on-exec on every descriptor from 3 on, once: whatever is opened later has it from the
// beginning.
func markDescriptors(limit uint64) error {
	for fd := 3; uint64(fd) < min(limit, hardNoFile); fd++ {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC)
		if err != nil && !errors.Is(err, unix.EBADF) {
			return fmt.Errorf("cannot set close-on-exec on descriptor %d: %w", fd, err)
		}
	}
	return nil
}

// hasPidfs reports whether the inode number of a pidfd names its process.
func hasPidfs() (bool, error) {
	fd, err := unix.PidfdOpen(unix.Getpid(), 0)
	if err != nil {
		return false, fmt.Errorf("cannot open a pidfd, Linux 5.4 or newer is needed: %w", err)
	}
	var stat unix.Statfs_t
	err = unix.Fstatfs(fd, &stat)
	if closeErr := unix.Close(fd); err == nil {
		err = closeErr
	}
	if err != nil {
		return false, fmt.Errorf("cannot look at a pidfd: %w", err)
	}
	return stat.Type == unix.PID_FS_MAGIC && unsafe.Sizeof(uintptr(0)) == 8, nil
}

// foundLimit is the limit of descriptors that our program found, below what our hard limit still allows.
func foundLimit(most uint64) Limit {
	soft, hard, known := atstart.NoFile()
	if !known {
		soft, hard = softNoFile, most
	}
	return Limit{Name: "nofile", Resource: unix.RLIMIT_NOFILE, Soft: min(soft, most), Hard: min(hard, most)}
}

// noFileLimit is the default limit of descriptors.
func (h *host) noFileLimit() Limit {
	return Limit{Name: "nofile", Resource: unix.RLIMIT_NOFILE, Soft: min(softNoFile, h.noFile), Hard: min(hardNoFile, h.noFile)}
}
