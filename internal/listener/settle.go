package listener

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// settle gives a kept or adopted listener the options of its new unit.
func (c *Change) settle(sl *slot) error {
	if !sl.kept && sl.claimed == nil {
		return nil
	}
	l, old := sl.l, sl.l.Socket
	if sl.claimed != nil {
		old = nil // whoever made it, its options are not known
	}
	if old == sl.sock && l.nonBlocking == sl.nonBlocking {
		l.assign(sl)
		return nil
	}
	var errs []error
	if old != nil {
		errs = l.removeLinks(sl.sock.Symlinks)
	}
	modeChanged := old == nil || l.nonBlocking != sl.nonBlocking
	l.assign(sl)
	errs = appendErrors(errs, applyOptions(l.FD, l.shape, old, sl.sock))
	if modeChanged {
		errs = appendErrors(errs, l.RestoreMode())
	}
	if old == nil || old.Backlog != sl.sock.Backlog {
		errs = appendErrors(errs, l.listen()) // on a listening socket, this changes the backlog only
	}
	errs = appendErrors(errs, l.redress(old))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cannot change %s: %w", l, err)
	}
	return nil
}

// redress gives the node its new owner and mode.
func (l *Listener) redress(old *units.Socket) error {
	s := l.Socket
	if !l.hasNode() || l.node == (node{}) || old != nil &&
		old.SocketUID == s.SocketUID && old.SocketGID == s.SocketGID && old.SocketMode == s.SocketMode {
		return nil
	}
	fd, err := openNode(l.Addr.Path, func(st *unix.Stat_t) bool { return nodeOf(st) == l.node })
	if err != nil {
		return err
	}
	defer closeQuietly(fd)
	return dress(fd, l.Addr.Path, s)
}
