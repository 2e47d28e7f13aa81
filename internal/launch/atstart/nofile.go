// Package atstart knows what our program was given by its parent and Go changes before main can look: the soft limit of
// descriptors, which package syscall raises while it is initialised.
//
// It imports nothing, and that is its invariant: of the packages that are ready, Go initialises the one whose path sorts
// first (Go specification, "Program initialization"), so this one is always before syscall.
package atstart

// NoFile is RLIMIT_NOFILE as it was when our program was executed: the soft and the hard limit, and whether they are known,
// which they are on amd64 and arm64. It is safe for concurrent use.
func NoFile() (soft, hard uint64, known bool) { return noFile[0], noFile[1], noFileKnown }

const rlimitNoFile = 7 // on all processors that read has code for

var (
	noFile      [2]uint64 // soft, hard
	noFileKnown = read(rlimitNoFile, &noFile) == 0
)
