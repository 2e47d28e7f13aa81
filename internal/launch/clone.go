//go:build amd64 || arm64

package launch

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// spawn makes the system call trap, clone or clone3, and returns its result in the parent. The child runs table, never
// returns and touches nothing but the block. Signals must be blocked.
func spawn(trap, a1, a2, a3, a4, a5, block, table uintptr) (result uintptr)

const canClone = true

// clone makes a process that runs the block's table, and returns its pid and pidfd. shared: the child begins with our
// descriptor table itself, not a copy, and the first entry separates them.
func (b *block) clone(method Method, shared bool) (pid, pidfd int, err error) {
	a := &b.head.clone
	*a = cloneArgs{
		flags:      unix.CLONE_VM | unix.CLONE_CHILD_CLEARTID,
		pidfd:      uint64(b.address(b.offset(unsafe.Pointer(&b.head.pidfd)))),
		childTID:   uint64(b.address(b.offset(unsafe.Pointer(&b.head.tid)))),
		exitSignal: uint64(unix.SIGCHLD),
		stack:      uint64(b.address(stackTop - stackSize)),
		stackSize:  stackSize,
	}
	if shared {
		a.flags |= unix.CLONE_FILES
	}
	atomic.StoreUint32(&b.head.tid, 1)
	result := b.cloneBlocked(method)
	if -4095 <= result && result < 0 {
		atomic.StoreUint32(&b.head.tid, 0)
		return 0, -1, unix.Errno(-result)
	}
	return result, int(b.head.pidfd), nil
}

// cloneBlocked clones with all signals blocked: a handler of ours that ran in the child would run Go code on memory that
// the parent is using. The child inherits the blocked mask, and its table ends with an empty one.
func (b *block) cloneBlocked(method Method) int {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	all, before := ^uint64(0), uint64(0)
	if err := changeMask(unix.SIG_SETMASK, &all, &before); err != 0 {
		return -int(err)
	}
	defer func() { _ = changeMask(unix.SIG_SETMASK, &before, nil) }() // the call that has just succeeded
	base, table := b.address(0), b.address(stackTop)
	a := &b.head.clone
	if method == MethodClone3 {
		a.flags |= unix.CLONE_PIDFD | cloneClearSighand
		return int(spawn(unix.SYS_CLONE3, uintptr(unsafe.Pointer(a)), cloneArgsSize, 0, 0, 0, base, table))
	}
	a1, a2, a3, a4, a5 := cloneArguments(a)
	return int(spawn(unix.SYS_CLONE, a1, a2, a3, a4, a5, base, table))
}
