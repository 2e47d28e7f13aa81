package launch

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Status says how a process ended and what it used.
type Status struct {
	Code       int         // of exit(3), 0 to 255; -1 when a signal ended the process
	Signal     unix.Signal // that ended it, or 0
	CoreDumped bool
	User       time.Duration // processor time, with that of the children it waited for
	System     time.Duration
}

// siginfo is what waitid(2) fills in of the kernel's siginfo_t; MIPS swaps two fields that are not used here.
type siginfo struct {
	signo, errno, code int32
	child              struct {
		_      [0]uintptr // the union begins at a multiple of a pointer's size
		pid    int32
		uid    uint32
		status int32
	}
	_ [128 - 32]byte
}

// The values of siginfo.code, of <signal.h>.
const (
	childExited = 1
	childDumped = 3
)

// Signal sends a signal to the process: to it exactly, whatever has become of its pid. The error is ESRCH when the
// process has been reaped.
func (p *Process) Signal(sig unix.Signal) error {
	return unix.PidfdSendSignal(p.FD, sig, nil, 0)
}

// SignalGroup sends a signal to all processes of the group that the process leads, or to it alone while its start is
// not settled: it may still be in our group then. The error is ESRCH for a process that leads none. After Wait has reaped it the pid may be another's, and the error is
// [os.ErrProcessDone].
func (p *Process) SignalGroup(sig unix.Signal) error {
	switch {
	case p.reaped:
		return os.ErrProcessDone
	case p.setup != nil:
		return p.Signal(sig)
	}
	return unix.Kill(-p.PID, sig)
}

// Wait reaps the process if it has ended. It is false when it has not, and while its start is not settled: what ends in
// its set-up is reaped by Settled. It does not block. The error is an *Error when a signal ended the process inside
// execve, before the program was there: true then, with the status.
func (p *Process) Wait() (Status, bool, error) {
	if p.setup != nil {
		return Status{}, false, nil
	}
	status, ended, err := p.waitid(unix.WNOHANG | unix.WNOWAIT)
	if err != nil || !ended {
		return Status{}, false, err
	}
	var failure error
	if p.cloned && status.Signal != 0 && neverExecuted(p.PID) {
		failure = &Error{Stage: StageExec, Unit: p.unit, Signal: status.Signal, PID: p.PID}
	}
	if status, ended, err = p.waitid(unix.WNOHANG); err != nil {
		return Status{}, false, err
	}
	return status, ended, failure
}

// waitEnd reaps the process if it ends within d.
func (p *Process) waitEnd(d time.Duration) (Status, bool, error) {
	deadline := time.Now().Add(d)
	for {
		status, ended, err := p.waitid(unix.WNOHANG)
		left := time.Until(deadline)
		if ended || err != nil || left <= 0 {
			return status, ended, err
		}
		limit := unix.NsecToTimespec(left.Nanoseconds())
		_, err = unix.Ppoll([]unix.PollFd{{Fd: int32(p.FD), Events: unix.POLLIN}}, &limit, nil)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return Status{}, false, err
		}
	}
}

// waitid is waitid(2) for the process's end. By pidfd, it can never reap another process that has got the same pid.
func (p *Process) waitid(options int) (Status, bool, error) {
	var info siginfo
	var usage unix.Rusage
	for {
		_, _, err := unix.Syscall6(unix.SYS_WAITID, unix.P_PIDFD, uintptr(p.FD), uintptr(unsafe.Pointer(&info)),
			uintptr(options|unix.WEXITED), uintptr(unsafe.Pointer(&usage)), 0)
		if err == 0 {
			break
		}
		if err != unix.EINTR {
			return Status{}, false, fmt.Errorf("cannot wait for process %d of unit %q: %w", p.PID, p.unit, err)
		}
	}
	if info.signo == 0 {
		return Status{}, false, nil
	}
	p.reaped = options&unix.WNOWAIT == 0
	return info.end(&usage), true, nil
}

func (i *siginfo) end(usage *unix.Rusage) Status {
	s := Status{User: time.Duration(usage.Utime.Nano()), System: time.Duration(usage.Stime.Nano())}
	if i.code == childExited {
		s.Code = int(i.child.status)
		return s
	}
	s.Code, s.Signal, s.CoreDumped = -1, unix.Signal(i.child.status), i.code == childDumped
	return s
}

// neverExecuted reports whether a zombie ended before its execve took effect: the kernel's flag PF_FORKNOEXEC, the
// seventh field behind the name in /proc/PID/stat, tells. Without /proc it is false.
func neverExecuted(pid int) bool {
	const flagsField, forkNoExec = 6, 0x40
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= flagsField {
		return false
	}
	flags, err := strconv.ParseUint(string(fields[flagsField]), 10, 64)
	return err == nil && flags&forkNoExec != 0
}
