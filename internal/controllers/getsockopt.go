package controllers

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// getsockopt reads an option of level SOL_SOCKET of any length up to size, which x/sys has no function for.
func getsockopt(fd, name, size int) ([]byte, error) {
	text := make([]byte, size)
	length := uint32(size)
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, uintptr(name),
		uintptr(unsafe.Pointer(unsafe.SliceData(text))), uintptr(unsafe.Pointer(&length)), 0)
	if errno != 0 {
		return nil, errno
	}
	return text[:length], nil
}
