package launch

import "fmt"

// A Method is a way to make processes.
type Method uint8

// The methods. All of them run the same table of system calls.
const (
	MethodAuto   Method = iota // the first of the following that works here
	MethodClone3               // clone3(2); Linux 5.5, amd64 and arm64
	MethodClone                // clone(2) and an entry for every signal; Linux 5.4, amd64 and arm64
	MethodStage                // our own binary, executed once more; needs /proc, costs 1.4 ms, on every processor
)

// String is the method's name.
func (m Method) String() string {
	switch m {
	case MethodAuto:
		return "auto"
	case MethodClone3:
		return "clone3"
	case MethodClone:
		return "clone"
	case MethodStage:
		return "stage"
	}
	return fmt.Sprintf("Method(%d)", uint8(m))
}
