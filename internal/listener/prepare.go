package listener

import (
	"fmt"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// A slot is one address of one unit on its way to a listener.
type slot struct {
	unit        *units.Unit
	sock        *units.Socket
	addr        units.Address
	key         string
	shape       shape
	nonBlocking bool
	filter      []unix.SockFilter

	l        *Listener // nil until there is one
	kept     bool      // l is live already
	claimed  *inherited
	replaces []*Listener // live ones that are in the way and that nobody wants any more
	late     bool        // can only be bound in Commit
}

// Prepare makes what the wanted units need and the Set has not: sockets with their options and names, folders and nodes
// of the file system; stale nodes are gone after it. Nothing live changes, but that broken listeners are mended, see
// [Listener.Mend], and for SO_REUSEPORT on a listener whose address overlaps with a new one, which Commit or Rollback
// takes back. Nothing new listens yet, so that a Rollback loses
// no client; only datagrams are received as soon as a socket is bound.
//
// A unit with a problem stays in the Change as if it were not wanted otherwise than now: Commit leaves out a new one and
// keeps an old one's listeners. So a start commits whatever the problems, and a reload that is all or nothing rolls back
// if there are any. Calling Prepare again later, with the same units, tries again what failed.
//
// The units are borrowed and must not change. One Change at a time: end it before the next Prepare.
func (s *Set) Prepare(wanted []*units.Unit) (*Change, []Problem) {
	c := newChange(s)
	problems := c.want(wanted)
	problems = append(problems, c.match()...)
	c.claim()
	c.findGoing()
	for _, sl := range c.slots {
		if err := c.fill(sl); err != nil {
			problems = append(problems, c.problem(sl, err))
		}
	}
	for _, p := range problems {
		c.leftOut[p.Unit] = true
	}
	c.Without()
	return c, problems
}

// want makes a slot of each address. No address can be wanted twice.
func (c *Change) want(wanted []*units.Unit) []Problem {
	var problems []Problem
	by := make(map[string]string)
	for _, u := range wanted {
		place := 0
		for i := range u.Sockets {
			for _, a := range u.Sockets[i].Listen {
				sl := c.newSlot(u, &u.Sockets[i], a, place)
				place++
				if other, taken := by[sl.key]; taken {
					err := fmt.Errorf("cannot bind %s: unit %q wants it too", a.Key(), other)
					problems = append(problems, Problem{Unit: u.Name, Addr: a, Err: err})
					continue
				}
				by[sl.key] = u.Name
				if err := c.askFilter(sl); err != nil {
					problems = append(problems, c.problem(sl, err))
					continue
				}
				c.slots = append(c.slots, sl)
			}
		}
	}
	return problems
}

func (c *Change) newSlot(u *units.Unit, s *units.Socket, a units.Address, place int) *slot {
	return &slot{
		unit: u, sock: s, addr: a,
		key:   identityKey(u.Name, place, a),
		shape: c.host.shapeFor(a, s),
		// We accept until nothing is left, so our own listeners must not block; a service that accepts expects to wait.
		nonBlocking: s.Accept || u.Service.NonBlocking,
	}
}

// match finds the slots whose listener is live, and tries their new options on a socket that nobody uses.
func (c *Change) match() []Problem {
	var problems []Problem
	for _, sl := range c.slots {
		l := c.set.byKey[sl.key]
		if l == nil || !l.fits(sl) {
			continue
		}
		sl.l, sl.kept = l, true
		if sameOptions(l.Socket, sl.sock) {
			continue
		}
		if err := rehearse(l.shape, l.Socket, sl.sock); err != nil {
			problems = append(problems, c.problem(sl, fmt.Errorf("cannot change %s: %w", l, err)))
		}
	}
	return problems
}

// fits reports whether a live listener can serve the slot as it is: not if its socket would have to be another one, or
// have another filter, not if its node is gone, since then no client finds it, and not if a service broke it for good.
func (l *Listener) fits(sl *slot) bool {
	return l.shape == sl.shape && l.sameFilter(sl) && (l.node == node{} || l.nodeIsOurs()) && l.usable()
}

// fill gives the slot a listener if it has none.
func (c *Change) fill(sl *slot) error {
	switch {
	case sl.l != nil:
		return nil
	case sl.claimed != nil:
		return c.adopt(sl)
	default:
		return c.open(sl)
	}
}

func (c *Change) newListener(sl *slot) *Listener {
	l := &Listener{FD: -1, set: c.set, key: sl.key, shape: sl.shape}
	l.assign(sl)
	return l
}

// assign makes the listener that of the slot's unit.
func (l *Listener) assign(sl *slot) {
	l.Unit, l.Name, l.Socket, l.Addr = sl.unit.Name, sl.sock.FileDescriptorName, sl.sock, sl.addr
	l.key, l.nonBlocking, l.filter = sl.key, sl.nonBlocking, sl.filter
}

// open makes the slot's socket and names it, if that does not take clients from the listeners that it replaces.
func (c *Change) open(sl *slot) error {
	l := c.newListener(sl)
	if err := c.findReplaced(sl); err != nil {
		return err
	}
	err := c.makeSocket(l, sl)
	switch {
	case err != nil:
	case sl.late:
		err = c.probe(sl)
	default:
		err = c.bind(l)
	}
	if err != nil {
		l.undo()
		return err
	}
	sl.l = l
	return nil
}

// undo takes back all that was made for a listener. The node goes before the socket, which keeps its number from being
// given to another file.
func (l *Listener) undo() {
	if l.madeNode {
		_ = l.removeNode() // else it stays as a stale node, which the next bind replaces
	}
	if l.FD >= 0 {
		closeQuietly(l.FD)
	}
	removeFolders(l.folders)
}
