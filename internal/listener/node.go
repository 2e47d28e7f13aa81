package listener

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// A node is the identity of a file, for telling whether what is at a path is still what we made there.
type node struct{ device, inode uint64 }

func nodeOf(st *unix.Stat_t) node { return node{uint64(st.Dev), st.Ino} }

// kernelDevice is the device number as the kernel has it inside: 12 bits major, 20 bits minor.
func (n node) kernelDevice() uint32 {
	return unix.Major(n.device)<<20 | unix.Minor(n.device)
}

// lstat returns what is at path, without following a link.
func lstat(path string) (node, *unix.Stat_t, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return node{}, nil, err
	}
	return nodeOf(&st), &st, nil
}

func hasNode(a units.Address) bool {
	return a.Network == units.FIFO || a.Path != "" && a.Path[0] != '@'
}

func (l *Listener) hasNode() bool { return hasNode(l.Addr) }

// nodeIsOurs reports whether the file at the listener's path is the one that the listener made.
func (l *Listener) nodeIsOurs() bool {
	n, _, err := lstat(l.Addr.Path)
	return err == nil && n == l.node
}

// removeNode removes the file of the listener, unless somebody put another in its place.
func (l *Listener) removeNode() error { return file{l.Addr.Path, l.node}.remove(0) }

// bindNode binds fd to path. The node appears without any permission, so that nobody can connect or send before it
// has its owner and mode: bind(2) makes the node with the mode of the socket's own inode, which fchmod(2) sets. A
// umask would do the same, but it belongs to the whole process.
func bindNode(fd int, path string, s *units.Socket) (node, error) {
	if err := unix.Fchmod(fd, 0); err != nil {
		return node{}, fmt.Errorf("cannot set mode of socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return node{}, err
	}
	at, err := openBound(fd, path)
	if err != nil {
		return node{}, err
	}
	defer closeQuietly(at)
	var st unix.Stat_t
	if err := unix.Fstat(at, &st); err != nil {
		return node{}, fmt.Errorf("cannot stat %q: %w", path, err)
	}
	return nodeOf(&st), dress(at, path, s)
}

// siocUnixFile is SIOCUNIXFILE of linux/un.h, which x/sys does not have.
const siocUnixFile = 0x89e0

// openBound returns an O_PATH descriptor of the node that the socket fd was just bound to, which the caller owns. With
// CAP_NET_ADMIN the kernel hands out that very node (unix_open_file in net/unix/af_unix.c), wherever the path may lead
// by now. Without, it has to be found by its path.
func openBound(fd int, path string) (int, error) {
	if at, err := unix.IoctlRetInt(fd, siocUnixFile); err == nil {
		return at, nil
	}
	return openNode(path, isFreshSocket)
}

// isFreshSocket recognizes what bindNode has just made, and nobody else makes: a socket of ours without any
// permission. In a folder that others can write, or below one, something else could be there meanwhile.
func isFreshSocket(st *unix.Stat_t) bool {
	return st.Mode == unix.S_IFSOCK && int(st.Uid) == unix.Geteuid() && st.Nlink == 1
}

var errReplaced = errors.New("somebody replaced it")

// openNode opens the node at path as O_PATH, if it is the expected one. The caller owns the descriptor.
func openNode(path string, expected func(*unix.Stat_t) bool) (int, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("cannot open %q: %w", path, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		closeQuietly(fd)
		return -1, fmt.Errorf("cannot stat %q: %w", path, err)
	}
	if !expected(&st) {
		closeQuietly(fd)
		return -1, fmt.Errorf("cannot set mode of %q: %w", path, errReplaced)
	}
	return fd, nil
}

// dress sets owner and mode through an O_PATH descriptor, the owner first: between the two, nobody has too much.
func dress(fd int, path string, s *units.Socket) error {
	if s.SocketUID >= 0 || s.SocketGID >= 0 {
		if err := unix.Fchownat(fd, "", s.SocketUID, s.SocketGID, unix.AT_EMPTY_PATH); err != nil {
			return fmt.Errorf("cannot set socket_user of %q to %d:%d: %w", path, s.SocketUID, s.SocketGID, err)
		}
	}
	if err := chmodPath(fd, s.SocketMode); err != nil {
		return fmt.Errorf("cannot set socket_mode of %q to %#o: %w", path, s.SocketMode.Perm(), err)
	}
	return nil
}

// chmodPath is fchmod(2) for an O_PATH descriptor: fchmodat2(2) of Linux 6.6, before that by way of /proc.
func chmodPath(fd int, mode fs.FileMode) error {
	bits := modeBits(mode)
	if unix.Fchmodat(fd, "", bits, unix.AT_EMPTY_PATH) == nil {
		return nil
	}
	return unix.Chmod("/proc/self/fd/"+strconv.Itoa(fd), bits)
}

// modeBits returns the permissions, with what Go keeps apart from them.
func modeBits(mode fs.FileMode) uint32 {
	bits := uint32(mode.Perm())
	if mode&fs.ModeSticky != 0 {
		bits |= unix.S_ISVTX
	}
	if mode&fs.ModeSetgid != 0 {
		bits |= unix.S_ISGID
	}
	return bits
}
