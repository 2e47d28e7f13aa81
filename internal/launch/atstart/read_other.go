//go:build !amd64 && !arm64

package atstart

// read knows nothing here: it is too little use for another processor's assembly.
func read(uintptr, *[2]uint64) (result uintptr) { return 1 }
