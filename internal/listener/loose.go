package listener

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// Loose makes and reads sockets that belong to no unit: those that somebody asks for one by one while the program runs. It
// owns none of the sockets, only what it needs to ask the kernel about them.
type Loose struct{ set *Set }

// NewLoose returns a Loose that keeps descriptors of its own at minFD or above, as far as the limit of descriptors allows.
func NewLoose(minFD int) *Loose { return &Loose{NewSet(Options{MinFD: minFD})} }

// Close releases what Loose itself holds.
func (o *Loose) Close() error { return o.set.diag.close() }

// A Node says how the file of a Unix socket is made.
type Node struct {
	UID, GID int         // its owner; -1 leaves our own
	Mode     fs.FileMode // whatever the umask
	MakeDirs bool        // make the folders that are missing, mode 0700
}

// BindNode binds the Unix socket fd to path, which may be relative. A socket that is there is replaced if nobody serves it,
// which is looked up by its inode and never by connecting; anything else that is there is an error that wraps EADDRINUSE or
// EEXIST. On an error nothing is left at path that was not there before.
func (o *Loose) BindNode(fd int, path string, n Node) error {
	if len(path) > maxPath {
		return unix.ENAMETOOLONG
	}
	s := &units.Socket{SocketUID: n.UID, SocketGID: n.GID, SocketMode: n.Mode}
	if n.MakeDirs {
		p, _, err := makePlace(path, 0o700)
		if err == nil {
			p.close() // a failure shows in bind(2) as well
		}
	}
	made, err := bindNode(fd, path, s)
	if errors.Is(err, unix.EADDRINUSE) {
		c := census{diag: o.set.diag}
		if err := c.clearStale(path, func(node) bool { return false }); err != nil {
			return err
		}
		made, err = bindNode(fd, path, s)
	}
	if err != nil && made != (node{}) {
		return errors.Join(err, file{path, made}.remove(0))
	}
	return err
}

// RemoveNode removes the file of the Unix socket fd at path, if it is still that socket's.
func (o *Loose) RemoveNode(fd int, path string) error {
	c := census{diag: o.set.diag}
	n := c.nodeOf(fd, path)
	if n == (node{}) {
		return nil
	}
	return file{path, n}.remove(0)
}

// Queue returns who waits on a socket: one that listens, or takes datagrams. It borrows fd, and is good as long as fd is open.
// Any other descriptor is an error that wraps EOPNOTSUPP.
func (o *Loose) Queue(fd, backlog int) (*Listener, error) {
	sh, err := shapeOf(fd)
	if err != nil {
		return nil, fmt.Errorf("cannot look at descriptor %d: %w", fd, err)
	}
	l := &Listener{FD: fd, Socket: &units.Socket{Backlog: backlog}, set: o.set, shape: sh}
	listens, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if sh == (shape{}) || listens == 0 && sh.kind != unix.SOCK_DGRAM {
		return nil, fmt.Errorf("descriptor %d has no queue of clients: %w", fd, unix.EOPNOTSUPP)
	}
	if l.Addr, err = addressOf(fd, sh); err != nil {
		return nil, fmt.Errorf("cannot read the address of descriptor %d: %w", fd, err)
	}
	return l, nil
}

// Accepts reports whether what waits are connections, rather than datagrams.
func (l *Listener) Accepts() bool { return l.accepts() }
