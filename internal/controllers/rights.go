package controllers

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"sockbridge/control"
)

// rightsOf asks the kernel who is at the other end of a connection, and Options.Rights what they may do. The groups are those
// that the client had when it connected (SO_PEERGROUPS of socket(7), since Linux 4.13): a daemon that asked the group file
// would give rights to somebody who has dropped them.
func (s *Server) rightsOf(fd int) (control.Rights, int) {
	if s.o.Compatible || s.o.Rights == nil {
		return control.Admin, -1
	}
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return control.Nothing, -1
	}
	return s.o.Rights(cred, peerGroups(fd)), int(cred.Uid)
}

// peerGroups are the supplementary groups of the client; none where the kernel does not tell.
func peerGroups(fd int) []uint32 {
	size := 64 * 4
	for range 2 {
		text, err := getsockopt(fd, unix.SO_PEERGROUPS, size)
		if errors.Is(err, unix.ERANGE) {
			size = 4 << 16 // NGROUPS_MAX of limits.h
			continue
		}
		if err != nil {
			return nil
		}
		groups := make([]uint32, len(text)/4)
		for i := range groups {
			groups[i] = binary.NativeEndian.Uint32(text[4*i:])
		}
		return groups
	}
	return nil
}
