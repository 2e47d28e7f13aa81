package listener

import (
	"slices"
)

// A Change is a generation that Prepare has made ready. It ends with Commit or Rollback, whichever comes first.
type Change struct {
	set    *Set
	host   host
	census census

	slots       []*slot
	leftOut     map[string]bool        // units that stay as they are
	retained    map[*Listener]bool     // live listeners whose successor failed at the last moment
	going       map[string][]*Listener // by territory, see findGoing
	shared      []*Listener            // have SO_REUSEPORT for the switch
	nodes       map[node]bool          // made by Prepare
	closedNodes map[node]bool          // of listeners that Commit closed
	done        bool
}

func newChange(s *Set) *Change {
	return &Change{
		set: s, host: readHost(), census: census{diag: s.diag},
		leftOut: make(map[string]bool), retained: make(map[*Listener]bool),
		nodes: make(map[node]bool), closedNodes: make(map[node]bool),
	}
}

// Opened returns the listeners that are not live yet, in the order of units: new ones and adopted ones.
func (c *Change) Opened() []*Listener { return c.pick(func(sl *slot) bool { return !sl.kept }) }

// Kept returns the live listeners that stay for the wanted units. Until Commit they have their old fields.
func (c *Change) Kept() []*Listener { return c.pick(func(sl *slot) bool { return sl.kept }) }

func (c *Change) pick(which func(*slot) bool) []*Listener {
	var picked []*Listener
	for _, sl := range c.slots {
		if sl.l != nil && which(sl) {
			picked = append(picked, sl.l)
		}
	}
	return picked
}

// Closed returns the live listeners that Commit takes out of the Set. Whoever watches their descriptors, or runs
// instances that hold them, stops that before Commit.
func (c *Change) Closed() []*Listener {
	kept := setOf(c.Kept())
	return slices.DeleteFunc(slices.Clone(c.set.live), func(l *Listener) bool {
		return kept[l] || c.stays(l)
	})
}

// stays reports whether a listener that no slot has kept is live after Commit all the same.
func (c *Change) stays(l *Listener) bool { return c.leftOut[l.Unit] || c.retained[l] }

// Without leaves units out of the change: what Prepare made for them is undone, and what they have now stays live.
func (c *Change) Without(names ...string) {
	for _, name := range names {
		c.leftOut[name] = true
	}
	c.slots = slices.DeleteFunc(c.slots, func(sl *slot) bool {
		if !c.leftOut[sl.unit.Name] {
			return false
		}
		sl.abandon()
		return true
	})
}

// abandon undoes what Prepare made for the slot. What it only borrows stays: live and inherited sockets.
func (sl *slot) abandon() {
	if sl.l != nil && !sl.kept && sl.claimed == nil {
		sl.l.undo()
	}
}

// Rollback takes back all that Prepare did. It does nothing after Commit.
func (c *Change) Rollback() {
	if c.done {
		return
	}
	c.done = true
	for _, sl := range c.slots {
		sl.abandon()
	}
	for _, l := range c.shared {
		if !slices.Contains(c.set.retired, l) {
			_ = unshare(l) // it only undoes a permission that nobody uses
		}
	}
}

func setOf(ls []*Listener) map[*Listener]bool {
	set := make(map[*Listener]bool, len(ls))
	for _, l := range ls {
		set[l] = true
	}
	return set
}
