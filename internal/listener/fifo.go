package listener

import (
	"fmt"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// makeFIFO makes the FIFO if it is missing, ours alone until it has its owner and mode.
func makeFIFO(p place) (made bool, err error) {
	err = unix.Mknodat(p.folder, p.name, unix.S_IFIFO|0o600, 0)
	if err == unix.EEXIST {
		return false, nil
	}
	return err == nil, err
}

// openFIFO opens the FIFO. The descriptor can write too, so that readers see no end of file when the last writer goes.
func openFIFO(p place, s *units.Socket) (int, node, error) {
	_, st, err := p.lstat() // looked at first: opening a device may have effects
	if err != nil {
		return -1, node{}, err
	}
	if err := usableFIFO(st, s); err != nil {
		return -1, node{}, err
	}
	fd, err := unix.Openat(p.folder, p.name, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NOCTTY, 0)
	if err != nil {
		return -1, node{}, err
	}
	n, err := dressFIFO(fd, s)
	if err != nil {
		closeQuietly(fd)
		return -1, node{}, err
	}
	return fd, n, nil
}

// usableFIFO says what is wrong with a FIFO that may have been there before. One that somebody else made could be held
// open by him, to read what clients send or to write in their place, whatever owner and mode it gets now. A second
// link would give somebody else's FIFO that owner and mode.
func usableFIFO(st *unix.Stat_t, s *units.Socket) error {
	switch uid := int(st.Uid); {
	case st.Mode&unix.S_IFMT != unix.S_IFIFO:
		return fmt.Errorf("%w: it is %s, not a FIFO", unix.EEXIST, fileKind(st))
	case uid != unix.Geteuid() && uid != s.SocketUID:
		return fmt.Errorf("%w: it is a FIFO that belongs to user %d", unix.EEXIST, uid)
	case st.Nlink != 1:
		return fmt.Errorf("%w: it is a FIFO that has another name as well", unix.EEXIST)
	}
	return nil
}

// dressFIFO sets owner and mode, the mode last: chown(2) may take bits away. It looks again at what it has, which may
// not be what was there before it was opened.
func dressFIFO(fd int, s *units.Socket) (node, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return node{}, fmt.Errorf("cannot stat it: %w", err)
	}
	if err := usableFIFO(&st, s); err != nil {
		return node{}, err
	}
	if s.SocketUID >= 0 || s.SocketGID >= 0 {
		if err := unix.Fchown(fd, s.SocketUID, s.SocketGID); err != nil {
			return node{}, fmt.Errorf("cannot set socket_user to %d:%d: %w", s.SocketUID, s.SocketGID, err)
		}
	}
	if err := unix.Fchmod(fd, modeBits(s.SocketMode)); err != nil {
		return node{}, fmt.Errorf("cannot set socket_mode to %#o: %w", s.SocketMode.Perm(), err)
	}
	return nodeOf(&st), nil
}

func isFIFO(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO
}

// fileKind names what is in the way of a node.
func fileKind(st *unix.Stat_t) string {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return "a regular file"
	case unix.S_IFDIR:
		return "a folder"
	case unix.S_IFLNK:
		return "a symbolic link"
	case unix.S_IFSOCK:
		return "a socket"
	case unix.S_IFIFO:
		return "a FIFO"
	default:
		return "a device"
	}
}
