package listener

import (
	"errors"
	"fmt"
	"math"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// makeSocket makes the listener's socket with all its options, not bound yet. A FIFO is made by bind.
func (c *Change) makeSocket(l *Listener, sl *slot) error {
	if l.Addr.Network == units.FIFO {
		return nil
	}
	kind := l.shape.kind | unix.SOCK_CLOEXEC
	if l.nonBlocking {
		kind |= unix.SOCK_NONBLOCK
	}
	fd, err := unix.Socket(l.shape.domain, kind, l.shape.protocol)
	if err == nil {
		l.FD, err = lift(fd, c.set.minFD)
	}
	if err != nil {
		return fmt.Errorf("cannot make socket for %s: %w", l, err)
	}
	if err := errors.Join(l.setUp(len(sl.replaces) > 0), attachFilter(l.FD, l.filter)); err != nil {
		return fmt.Errorf("cannot set up %s: %w", l, err)
	}
	return nil
}

// setUp sets the options of a new socket; shared allows another socket at the same address for the time of a switch.
func (l *Listener) setUp(shared bool) error {
	if err := applyOptions(l.FD, l.shape, nil, l.Socket); err != nil {
		return err
	}
	if !isInternet(l.shape) {
		return nil
	}
	if err := bindDevice(l.FD, l.Addr); err != nil {
		return err
	}
	return errors.Join(l.setUpAddress(shared)...)
}

// setUpAddress sets what decides which addresses bind(2) finds taken. SO_REUSEADDR lets a TCP listener be bound while
// connections of an earlier one are in TIME_WAIT; on UDP it would let two processes share the port.
func (l *Listener) setUpAddress(shared bool) []error {
	var errs []error
	set := func(on bool, level, name int, what string, value int) {
		if !on {
			return
		}
		if err := unix.SetsockoptInt(l.FD, level, name, value); err != nil {
			errs = append(errs, fmt.Errorf("cannot set %s: %w", what, err))
		}
	}
	v6Only := 0
	if l.shape.v6Only {
		v6Only = 1
	}
	set(l.shape.kind == unix.SOCK_STREAM, unix.SOL_SOCKET, unix.SO_REUSEADDR, "SO_REUSEADDR", 1)
	set(l.shape.domain == unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, "bind_ipv6_only", v6Only)
	set(shared, unix.SOL_SOCKET, unix.SO_REUSEPORT, "SO_REUSEPORT", 1)
	return errs
}

// bind gives the listener its name, and its node owner and mode.
func (c *Change) bind(l *Listener) error {
	var err error
	switch {
	case l.Addr.Network == units.FIFO:
		err = c.bindFIFO(l)
	case l.hasNode():
		err = c.bindPath(l)
	default:
		var sa unix.Sockaddr
		if sa, err = sockaddr(l.Addr, l.shape, l.FD); err == nil {
			err = unix.Bind(l.FD, sa)
		}
	}
	if err != nil {
		return fmt.Errorf("cannot bind %s: %w", l, err)
	}
	return nil
}

// bindPath binds a Unix socket to its path. It looks at the file system only when bind fails: 10,000 listeners are
// bound at a start, and hardly ever is anything in their way.
func (c *Change) bindPath(l *Listener) error {
	if len(l.Addr.Path) > maxPath {
		return unix.ENAMETOOLONG
	}
	n, err := bindNode(l.FD, l.Addr.Path, l.Socket)
	switch {
	case errors.Is(err, unix.ENOENT):
		var p place
		if p, l.folders, err = makePlace(l.Addr.Path, l.Socket.DirectoryMode); err == nil {
			p.close() // bind(2) takes a path, and the name that clients see is that path
			n, err = bindNode(l.FD, l.Addr.Path, l.Socket)
		}
	case errors.Is(err, unix.EADDRINUSE):
		if err = c.census.clearStale(l.Addr.Path, c.isOurs); err == nil {
			n, err = bindNode(l.FD, l.Addr.Path, l.Socket)
		}
	}
	l.setNode(n, true, c)
	return err
}

func (c *Change) bindFIFO(l *Listener) error {
	p, folders, err := makePlace(l.Addr.Path, l.Socket.DirectoryMode)
	l.folders = folders
	if err != nil {
		return err
	}
	defer p.close()
	made, err := makeFIFO(p)
	if err != nil {
		return err
	}
	fd, n, err := openFIFO(p, l.Socket)
	if err != nil {
		if made {
			_ = p.remove(0) // else it stays, and is used the next time
		}
		return err
	}
	l.setNode(n, made, c)
	if l.FD, err = lift(fd, c.set.minFD); err != nil {
		return err
	}
	return unix.SetNonblock(l.FD, l.nonBlocking)
}

func (l *Listener) setNode(n node, made bool, c *Change) {
	if n == (node{}) {
		return
	}
	l.node, l.madeNode = n, made
	c.nodes[n] = true
}

// isOurs reports whether a node belongs to this Set: two paths can lead to one node, as /run and /var/run do.
func (c *Change) isOurs(n node) bool {
	if c.nodes[n] {
		return true
	}
	for _, l := range c.set.live {
		if l.node == n {
			return true
		}
	}
	return false
}

// listen makes a bound socket take connections; other kinds need nothing.
func (l *Listener) listen() error {
	if !l.accepts() {
		return nil
	}
	if err := unix.Listen(l.FD, backlog(l.Socket)); err != nil {
		return fmt.Errorf("cannot listen on %s: %w", l, err)
	}
	return nil
}

// backlog is what listen(2) gets. The kernel cuts it to net.core.somaxconn; 0 and what does not fit ask for just that.
func backlog(s *units.Socket) int {
	if s.Backlog <= 0 || s.Backlog > math.MaxInt32 {
		return math.MaxInt32
	}
	return s.Backlog
}
