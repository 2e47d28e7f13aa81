//go:build amd64 || arm64

package atstart

// read is prlimit(2) of our own limit, without package syscall. The result is 0, or the negative error.
//
//go:noescape
func read(resource uintptr, limit *[2]uint64) (result uintptr)
