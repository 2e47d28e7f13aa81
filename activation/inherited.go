package activation

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// An FD is a descriptor that this process was given.
type FD struct {
	FD   int
	Name string // of LISTEN_FDNAMES; "unknown" without names
}

// unknownName is what sd_listen_fds_with_names(3) calls a descriptor that nobody named.
const unknownName = "unknown"

// Inherited returns the descriptors that LISTEN_FDS announces, by the rules of sd_listen_fds_with_names(3), and sets
// close-on-exec on each. The caller owns them. There are none, without an error, where LISTEN_PID or LISTEN_PIDFDID
// names another process: the variables were then meant for a parent.
//
// With unsetenv the variables are removed, also where they are wrong, so that children do not take them for theirs.
// Without it another call returns the same descriptors. Inherited is for managers and for services that tell their
// sockets apart by name; call it before [Listeners], [PacketConns] and [Conn], which take and unset.
func Inherited(unsetenv bool) ([]FD, error) {
	return thisProcess().inherited(unsetenv)
}

func (p process) inherited(unsetenv bool) ([]FD, error) {
	fds, err := p.listenFDs()
	if unsetenv {
		err = errors.Join(err, p.unsetAll(listenPID, listenPIDFDID, listenFDs, listenFDNames))
	}
	if err != nil {
		return nil, err
	}
	return fds, nil
}

func (p process) listenFDs() ([]FD, error) {
	ours, err := p.announced()
	if err != nil || !ours {
		return nil, err
	}
	value, ok := p.lookup(listenFDs)
	if !ok {
		return nil, nil
	}
	// A number of 32 bits, so that no sum with firstFD overflows an int.
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil || n <= 0 {
		return nil, refused(listenFDs, value, "a number above 0")
	}
	fds, err := p.consecutive(int(n))
	if err != nil {
		return nil, err
	}
	return p.named(fds)
}

// announced reports whether LISTEN_PID and LISTEN_PIDFDID name this process.
func (p process) announced() (bool, error) {
	value, ok := p.lookup(listenPID)
	if !ok {
		return false, nil
	}
	pid, err := strconv.ParseInt(value, 10, 32)
	if err != nil || pid <= 0 {
		return false, refused(listenPID, value, "a process id")
	}
	if int(pid) != p.pid {
		return false, nil
	}
	return p.announcedByPIDFD()
}

// announcedByPIDFD tells this process from an earlier one with the same pid.
func (p process) announcedByPIDFD() (bool, error) {
	value, ok := p.lookup(listenPIDFDID)
	if !ok {
		return true, nil
	}
	id, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return false, refused(listenPIDFDID, value, "an inode number")
	}
	own, known := p.pidfdID()
	return !known || id == own, nil
}

// consecutive takes n descriptors from firstFD on. It stops at the first that is not open, and so does not believe a
// huge number.
func (p process) consecutive(n int) ([]FD, error) {
	var fds []FD
	for fd := firstFD; fd < firstFD+n; fd++ {
		if err := p.closeOnExec(fd); err != nil {
			return nil, fmt.Errorf("cannot take descriptor %d of LISTEN_FDS=%d: %w", fd, n, err)
		}
		fds = append(fds, FD{FD: fd, Name: unknownName})
	}
	return fds, nil
}

func (p process) named(fds []FD) ([]FD, error) {
	value, ok := p.lookup(listenFDNames)
	if !ok {
		return fds, nil
	}
	if strings.Count(value, ":")+1 != len(fds) {
		return nil, refused(listenFDNames, value, fmt.Sprintf("as many names as LISTEN_FDS=%d", len(fds)))
	}
	i := 0
	for name := range strings.SplitSeq(value, ":") {
		fds[i].Name = name
		i++
	}
	return fds, nil
}

func refused(name, value, want string) error {
	return fmt.Errorf("cannot read %s: %q is not %s", name, value, want)
}
