package activation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// upstartFDs returns the descriptors that UPSTART_FDS announces and unsets it. Upstart's own are any numbers; it knows no
// check by process, so that what they are is looked up before they are used.
func (p process) upstartFDs() ([]FD, error) {
	value, ok := p.lookup(upstartFDs)
	if !ok {
		return nil, nil
	}
	if err := p.unset(upstartFDs); err != nil {
		return nil, err
	}
	var fds []FD
	for field := range strings.FieldsSeq(value) {
		fd, err := strconv.ParseInt(field, 10, 32)
		if err != nil || fd < firstFD || holds(fds, int(fd)) {
			return nil, refused(upstartFDs, value, "a list of different descriptors above 2")
		}
		if err := p.closeOnExec(int(fd)); err != nil {
			return nil, fmt.Errorf("cannot take descriptor %d of UPSTART_FDS=%q: %w", fd, value, err)
		}
		fds = append(fds, FD{FD: int(fd), Name: unknownName})
	}
	return fds, nil
}

func holds(fds []FD, number int) bool {
	return slices.ContainsFunc(fds, func(fd FD) bool { return fd.FD == number })
}
