package listener

import (
	"slices"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// inherited is a socket that was handed over, with what we found out about it.
type inherited struct {
	Inherited
	known bool // the rest is known: a unit could name such a thing
	shape shape
	addr  units.Address
}

// identify takes ownership of what was handed over and finds out what it is. What cannot be used is kept all the
// same, unclaimed, so that it is seen and closed.
func identify(in Inherited, minFD int) *inherited {
	i := &inherited{Inherited: in}
	sh, err := shapeOf(in.FD)
	if err != nil {
		return i // not open, perhaps: closing it says so
	}
	if fd, err := lift(in.FD, minFD); err == nil { // else it serves where it is
		i.FD = fd
	}
	unix.CloseOnExec(i.FD)
	i.shape = sh
	i.addr, err = addressOf(i.FD, sh)
	i.known = err == nil
	return i
}

// defaultConnectionName is what all units with accept = true are called unless they say otherwise: it tells no two
// apart.
const defaultConnectionName = "connection"

// claim gives the inherited sockets to the slots that have no listener yet: first by address, which is certain, then
// by name. A name counts where as many sockets as slots have it, in the order of both; otherwise it is not known
// which is whose.
func (c *Change) claim() {
	if len(c.set.waiting) == 0 {
		return
	}
	free := make(map[*inherited]bool)
	byKey := make(map[string]*inherited)
	for _, in := range c.set.waiting {
		if in.known {
			free[in], byKey[in.addr.Key()] = true, in
		}
	}
	for _, sl := range c.slots {
		if in := byKey[sl.inheritedKey()]; sl.l == nil && in != nil && in.shape == sl.shape && free[in] {
			sl.claimed, free[in] = in, false
		}
	}
	c.claimByName(free)
}

// inheritedKey is the address under which another process would have bound the slot's socket.
func (sl *slot) inheritedKey() string {
	if sl.addr.DualStack && sl.shape.domain == unix.AF_INET {
		a := sl.addr
		a.IP, a.DualStack = v4Wildcard, false
		return a.Key()
	}
	return sl.addr.Key()
}

func (c *Change) claimByName(free map[*inherited]bool) {
	type role struct {
		name  string
		shape shape
	}
	offered := make(map[role][]*inherited)
	for _, in := range c.set.waiting {
		if free[in] && in.Name != "" && in.Name != defaultConnectionName {
			offered[role{in.Name, in.shape}] = append(offered[role{in.Name, in.shape}], in)
		}
	}
	asked := make(map[role][]*slot)
	for _, sl := range c.slots {
		if sl.l == nil && sl.claimed == nil {
			r := role{sl.sock.FileDescriptorName, sl.shape}
			asked[r] = append(asked[r], sl)
		}
	}
	for r, sockets := range offered {
		if len(asked[r]) != len(sockets) {
			continue
		}
		for i, sl := range asked[r] {
			sl.claimed = sockets[i]
		}
	}
}

// adopt makes a listener of the inherited socket that the slot claimed. Options wait for Commit, as those of kept
// listeners do.
func (c *Change) adopt(sl *slot) error {
	if err := rehearse(sl.shape, nil, sl.sock); err != nil {
		return err
	}
	l := c.newListener(sl)
	l.FD = sl.claimed.FD
	l.node = c.findNode(l)
	sl.l = l
	return nil
}

// stray makes a listener of an inherited socket that no slot claimed, to be replaced like any other that goes away.
func (c *Change) stray(in *inherited) *Listener {
	l := &Listener{FD: in.FD, Name: in.Name, Addr: in.addr, Socket: &units.Socket{}, set: c.set, shape: in.shape, stray: in}
	l.node = c.findNode(l)
	return l
}

// strays lists the inherited sockets that no slot claimed.
func (c *Change) strays() []*inherited {
	claimed := make(map[*inherited]bool)
	for _, sl := range c.slots {
		claimed[sl.claimed] = true
	}
	return slices.DeleteFunc(slices.Clone(c.set.waiting), func(in *inherited) bool { return claimed[in] })
}

// findNode returns the node of a socket or FIFO that was handed over, if that is what is at its path.
func (c *Change) findNode(l *Listener) node {
	switch {
	case l.Addr.Network == units.FIFO:
		return fifoNode(l)
	case l.hasNode():
		return c.census.nodeOf(l.FD, l.Addr.Path)
	default:
		return node{}
	}
}

// fifoNode returns the node of an open FIFO, if that is what is at its path.
func fifoNode(l *Listener) node {
	var st unix.Stat_t
	n, _, err := lstat(l.Addr.Path)
	if err != nil || unix.Fstat(l.FD, &st) != nil || nodeOf(&st) != n {
		return node{}
	}
	return n
}
