package listener

import (
	"errors"
	"slices"

	"sockbridge/units"
)

// Commit makes the change live. It cannot fail as a whole: the errors are about single options, nodes and symlinks, or
// about an address that another process took since Prepare. What the latter was to replace stays live.
//
// Listeners that others replaced may still hold clients: see [Set.Retired].
func (c *Change) Commit() []error {
	if c.done {
		return nil
	}
	c.done = true
	var errs []error
	earlier := c.set.retired
	c.set.retired = nil
	errs = append(errs, c.switchOver()...)
	closed := c.Closed()
	for _, sl := range c.slots {
		errs = appendErrors(errs, c.settle(sl))
	}
	errs = append(errs, c.closeAll(closed)...)
	c.finish(closed)
	for _, l := range earlier {
		errs = appendErrors(errs, l.close())
	}
	for _, sl := range c.slots {
		errs = appendErrors(errs, c.makeLinks(sl.l))
	}
	return errs
}

// switchOver lets the new listeners take clients. Where one fails at this last moment, what it was to replace stays.
func (c *Change) switchOver() []error {
	var errs []error
	c.slots = slices.DeleteFunc(c.slots, func(sl *slot) bool {
		err := c.start(sl)
		if err == nil {
			return false
		}
		errs = append(errs, err)
		sl.l.undo()
		for _, old := range sl.replaces {
			c.retained[old] = true
		}
		return true
	})
	return errs
}

// start lets one new listener take clients, which includes all that Prepare could not do before its time.
func (c *Change) start(sl *slot) error {
	if sl.kept {
		return nil
	}
	if sl.claimed != nil {
		return attachFilter(sl.l.FD, sl.filter)
	}
	if sl.late {
		if err := c.bindLate(sl); err != nil {
			return err
		}
	}
	for _, old := range sl.replaces {
		if old.parked || !sharesClients(old, sl.l) {
			continue
		}
		if err := park(old); err != nil {
			return err
		}
		if err := sl.l.listen(); err != nil {
			return errors.Join(err, resume(old))
		}
	}
	return sl.l.listen()
}

// closeAll ends what goes away. What was replaced is kept for its queue.
func (c *Change) closeAll(closed []*Listener) []error {
	var errs []error
	c.set.retired = c.replaced(closed)
	retired := setOf(c.set.retired)
	errs = append(errs, c.unshareAll(retired)...)
	for _, l := range c.set.retired {
		if !l.parked {
			errs = appendErrors(errs, park(l))
		}
	}
	for _, l := range closed {
		c.closedNodes[l.node] = true
		if !retired[l] {
			errs = appendErrors(errs, l.stop())
		}
	}
	return errs
}

// replaced lists what has a successor. A FIFO is none of it: it has no queue but its node's.
func (c *Change) replaced(closed []*Listener) []*Listener {
	var list []*Listener
	gone := setOf(closed)
	for _, sl := range c.slots {
		for _, l := range sl.replaces {
			if (gone[l] || l.stray != nil) && l.Addr.Network != units.FIFO {
				list = append(list, l)
				gone[l] = false // once is enough
			}
		}
	}
	return list
}

// unshareAll ends the time of the switch for the new listeners, and for old ones whose successor was left out.
func (c *Change) unshareAll(retired map[*Listener]bool) []error {
	var errs []error
	for _, l := range c.shared {
		if !retired[l] {
			errs = appendErrors(errs, unshare(l))
		}
	}
	for _, sl := range c.slots {
		if len(sl.replaces) > 0 && isInternet(sl.shape) {
			errs = appendErrors(errs, unshare(sl.l))
		}
	}
	return errs
}

// finish makes the Set hold what the change leads to.
func (c *Change) finish(closed []*Listener) {
	gone := setOf(closed)
	live := make([]*Listener, 0, len(c.slots))
	for _, sl := range c.slots {
		live = append(live, sl.l)
		gone[sl.l] = true // from where it was
	}
	for _, l := range c.set.live {
		if !gone[l] {
			live = append(live, l)
		}
	}
	c.set.waiting = slices.DeleteFunc(c.strays(), func(in *inherited) bool {
		return slices.ContainsFunc(c.set.retired, func(l *Listener) bool { return l.stray == in })
	})
	for _, l := range c.set.retired {
		l.stray = nil
	}
	c.set.index(live)
}
