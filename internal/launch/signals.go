package launch

import (
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	sigsetSize = 8  // bytes of the kernel's signal set
	maxSignal  = 64 // the highest signal number
)

// A sigaction is the kernel's struct sigaction, in words. Their order differs between processors, but the handler is the
// first, on MIPS the second, and all zeros mean SIG_DFL everywhere. 64-bit processors have four words, some 32-bit ones
// six.
type sigaction [6]uintptr

const sigIgnore = 1 // SIG_IGN

// handlerWord is the index of the handler.
var handlerWord = func() int {
	if strings.HasPrefix(runtime.GOARCH, "mips") {
		return 1
	}
	return 0
}()

// resettable lists the signals whose action can be set: all but KILL and STOP. With ignoredOnly, those of them that we
// ignore, which execve(2) and CLONE_CLEAR_SIGHAND leave alone.
func resettable(ignoredOnly bool) []uint8 {
	var signals []uint8
	for signal := uint8(1); signal <= maxSignal; signal++ {
		handler, err := handlerOf(signal)
		if err == 0 && canSet(signal) && (!ignoredOnly || handler == sigIgnore) {
			signals = append(signals, signal)
		}
	}
	return signals
}

func canSet(signal uint8) bool {
	return unix.Signal(signal) != unix.SIGKILL && unix.Signal(signal) != unix.SIGSTOP
}

// handlerOf asks the kernel, not os/signal, which knows only of what it was told.
func handlerOf(signal uint8) (uintptr, unix.Errno) {
	var old sigaction
	err := setAction(signal, nil, &old)
	return old[handlerWord], err
}

// setAction is rt_sigaction(2): nil changes, or tells, nothing.
func setAction(signal uint8, action, old *sigaction) unix.Errno {
	_, _, err := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(signal), uintptr(unsafe.Pointer(action)), uintptr(unsafe.Pointer(old)), sigsetSize, 0, 0)
	return err
}

// changeMask is rt_sigprocmask(2) of the calling thread.
func changeMask(how uintptr, set, old *uint64) unix.Errno {
	_, _, err := unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, how, uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), sigsetSize, 0, 0)
	return err
}
