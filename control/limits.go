package control

import (
	"strings"
	"time"
)

// Limits bound what one session may cost.
type Limits struct {
	Line   int // bytes of a line of input, line feed included; also what is held of the input
	Name   int // bytes of a name of a service or handle
	Output int // bytes that wait to be written; one line may be longer if nothing else waits
	Begin  int // bytes that may wait when a command is begun, at most

	// Turn is how many commands one call of [Session.Turn] runs.
	Turn int

	// Reset and Close are how long the peer may read nothing: until its commands run on with their output discarded, and
	// until the session ends.
	Reset, Close time.Duration

	Ancillary int    // descriptors that the peer has sent and not yet taken
	Marks     string // the characters of a name beside letters and digits
}

// Compatible are the limits of version 1, which daemonproxy's clients know. Its queue of 2048 bytes overflows when a dozen
// services change at once; clients depend on no more than that the queue is shorter than 64 KiB.
var Compatible = Limits{
	Line: 1024, Name: 31, Output: 32 << 10, Begin: 1024, Turn: 3,
	Reset: 15 * time.Second, Close: 30 * time.Second, Ancillary: 2, Marks: "._-",
}

// Extended are the limits after the client has asked for version 2.
var Extended = Limits{
	Line: 256 << 10, Name: 255, Output: 1 << 20, Begin: 64 << 10, Turn: 32,
	Reset: 15 * time.Second, Close: 30 * time.Second, Ancillary: 2, Marks: "._-@:[]%",
}

// ValidName reports whether a service or a handle may be called so.
func (l Limits) ValidName(name string) bool {
	if name == "" || len(name) > l.Name {
		return false
	}
	for i := range len(name) {
		if b := name[i]; !isAlphanumeric(b) && strings.IndexByte(l.Marks, b) < 0 {
			return false
		}
	}
	return true
}

func isAlphanumeric(b byte) bool {
	return '0' <= b && b <= '9' || 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z'
}
