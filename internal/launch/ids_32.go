//go:build 386 || arm

package launch

import "golang.org/x/sys/unix"

// The calls without "32" take ids of 16 bits on these processors.
const (
	sysSetgroups = unix.SYS_SETGROUPS32
	sysSetresgid = unix.SYS_SETRESGID32
	sysSetresuid = unix.SYS_SETRESUID32
)
