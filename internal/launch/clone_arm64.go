package launch

import "golang.org/x/sys/unix"

// cloneArguments puts the arguments of clone(2) into this processor's order.
func cloneArguments(a *cloneArgs) (a1, a2, a3, a4, a5 uintptr) {
	return uintptr(a.flags | unix.CLONE_PIDFD | uint64(a.exitSignal)), uintptr(a.stack + a.stackSize), uintptr(a.pidfd), 0, uintptr(a.childTID)
}
