package listener

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// A census answers who else has sockets on this host. It is taken when an address turns out to be taken, at most once
// in a Prepare: a second manager that finds 10,000 addresses taken must not read /proc 10,000 times.
type census struct {
	diag    *diag
	sockets []unixSocket
	byFile  map[uint32][]unixSocket // by the inode they are bound to, 0 where it is not known
	counted bool
	err     error
	owners  map[uint32]process // by inode of the socket
}

// count lists the Unix sockets of the network namespace.
func (c *census) count() error {
	if c.counted {
		return c.err
	}
	c.counted = true
	if c.sockets, c.err = c.diag.unixSockets(); c.err != nil {
		c.sockets, c.err = procUnix()
	}
	c.byFile = make(map[uint32][]unixSocket)
	for _, s := range c.sockets {
		if s.name != "" {
			c.byFile[s.file.inode] = append(c.byFile[s.file.inode], s)
		}
	}
	return c.err
}

// servesNode returns the inode of the socket that serves the node n at path, and 0 if there is none.
func (c *census) servesNode(n node, path string) (uint32, error) {
	if err := c.count(); err != nil {
		return 0, fmt.Errorf("cannot tell whether %q is in use: %w", path, err)
	}
	for _, sockets := range [...][]unixSocket{c.byFile[uint32(n.inode)], c.byFile[0]} {
		for _, s := range sockets {
			if s.serves() && s.at(n, path) {
				return s.inode, nil
			}
		}
	}
	return 0, nil
}

// nodeOf returns the node that the Unix socket fd is bound to, if that is what is at path.
func (c *census) nodeOf(fd int, path string) node {
	var st unix.Stat_t
	n, _, err := lstat(path)
	if err != nil || c.count() != nil || unix.Fstat(fd, &st) != nil {
		return node{}
	}
	for _, s := range slices.Concat(c.byFile[uint32(n.inode)], c.byFile[0]) {
		if s.inode == uint32(st.Ino) && s.at(n, path) {
			return n
		}
	}
	return node{}
}

// clearStale removes a socket at path that nobody has bound, and says what is in the way otherwise. ours tells
// whether a node is one that this Set made.
func (c *census) clearStale(path string, ours func(node) bool) error {
	p, err := openPlace(path)
	if err != nil {
		return err
	}
	defer p.close()
	n, st, err := p.lstat()
	if err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return fmt.Errorf("%w: it is %s, not a socket", unix.EEXIST, fileKind(st))
	}
	if ours(n) {
		return unix.EADDRINUSE
	}
	inode, err := c.servesNode(n, path)
	if err != nil {
		return err
	}
	if inode != 0 {
		return unix.EADDRINUSE
	}
	return p.remove(0)
}
