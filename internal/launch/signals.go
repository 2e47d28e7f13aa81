package launch

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	sigsetSize = 8  // bytes of the kernel's signal set
	maxSignal  = 64 // the highest signal number
)

// A sigaction is the kernel's struct sigaction. Its fields' order differs between processors, but all of them begin with
// the handler or, on MIPS, four bytes of flags, and all zeros mean SIG_DFL everywhere.
type sigaction struct {
	handler uintptr
	flags   uintptr
	others  [2]uint64
}

const sigIgnore = 1 // SIG_IGN

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
	_, _, err := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(signal), 0, uintptr(unsafe.Pointer(&old)), sigsetSize, 0, 0)
	return old.handler, err
}
