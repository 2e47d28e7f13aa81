package listener

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// Options of a Set. The zero value is usable.
type Options struct {
	// MinFD is the lowest number of a descriptor that the Set keeps, as far as the limit of descriptors allows; 0
	// leaves the choice to the kernel.
	MinFD int
	// Inherited are the sockets that were handed to us at start. NewSet takes ownership of the descriptors. A unit
	// that names the address of one gets it instead of a new socket; so does a unit that names its file descriptor
	// name, if the kind fits.
	Inherited []Inherited
	// Restored are the listeners that another Set has saved, with their descriptors, of which NewSet takes ownership. They
	// are live at once.
	Restored []Saved
	// Filter returns the socket filter for the TCP and UDP sockets of a unit, empty for none. Nil is none for all.
	Filter func(*units.Unit) ([]unix.SockFilter, error)
}

// An Inherited socket is one that another process, or our own last execution, has bound.
type Inherited struct {
	FD   int
	Name string // of LISTEN_FDNAMES; may be empty
}

// A Set holds the live listeners of the process.
type Set struct {
	minFD   int
	filter  func(*units.Unit) ([]unix.SockFilter, error)
	diag    *diag
	live    []*Listener
	byUnit  map[string][]*Listener
	byKey   map[string]*Listener
	waiting []*inherited // handed over, and not yet named by a unit
	retired []*Listener
}

// NewSet returns a Set without listeners, which owns what it inherits.
func NewSet(o Options) *Set {
	s := &Set{minFD: o.MinFD, filter: o.Filter, diag: &diag{minFD: o.MinFD}}
	for _, in := range o.Inherited {
		s.waiting = append(s.waiting, identify(in, o.MinFD))
	}
	s.restore(o.Restored)
	return s
}

// Listeners returns the listeners of a unit in the order of its addresses. The caller must not change the slice.
func (s *Set) Listeners(unit string) []*Listener { return s.byUnit[unit] }

// All returns the live listeners in the order of units and addresses. The caller must not change the slice.
func (s *Set) All() []*Listener { return s.live }

// Unclaimed returns the inherited sockets that no unit has named so far. They stay open, so that clients wait while a
// broken unit is mended; DropUnclaimed ends that. The Set still owns them.
func (s *Set) Unclaimed() []Inherited {
	var left []Inherited
	for _, in := range s.waiting {
		left = append(left, in.Inherited)
	}
	return left
}

// DropUnclaimed closes what Unclaimed returns.
func (s *Set) DropUnclaimed() []error {
	var errs []error
	for _, in := range s.waiting {
		if err := unix.Close(in.FD); err != nil {
			errs = append(errs, fmt.Errorf("cannot close inherited descriptor %d (%q): %w", in.FD, in.Name, err))
		}
	}
	s.waiting = nil
	return errs
}

// Retired returns the listeners that another one replaced, be it at an overlapping address or at the same path, and
// that may still hold clients who came before. No new client reaches them. Whoever serves them to the end calls
// Release; the next Commit and Close release all.
func (s *Set) Retired() []*Listener { return s.retired }

// Release closes a retired listener; what still waits in its queue is lost.
func (s *Set) Release(l *Listener) error {
	i := slices.Index(s.retired, l)
	if i < 0 {
		return nil
	}
	s.retired = slices.Delete(s.retired, i, i+1)
	return l.close()
}

// Close closes everything. Of the nodes of Unix sockets and FIFOs it removes only those with remove_on_stop, with
// their symlinks. The Set is empty afterwards.
func (s *Set) Close() []error {
	errs := s.DropUnclaimed()
	for _, l := range slices.Concat(s.live, s.retired) {
		errs = appendErrors(errs, l.stop())
	}
	errs = appendErrors(errs, s.diag.close())
	*s = Set{minFD: s.minFD, filter: s.filter, diag: &diag{minFD: s.minFD}}
	return errs
}

// stop closes a listener that goes away for good, with its nodes where the unit wants that.
func (l *Listener) stop() error {
	var errs []error
	if l.Socket.RemoveOnStop && l.hasNode() {
		errs = l.removeLinks(nil)
		errs = appendErrors(errs, l.removeNode())
	}
	return errors.Join(append(errs, l.close())...)
}

func (l *Listener) close() error {
	if err := unix.Close(l.FD); err != nil {
		return fmt.Errorf("cannot close %s: %w", l, err)
	}
	return nil
}

// index makes the Set hold exactly live, which is in the order of units and addresses.
func (s *Set) index(live []*Listener) {
	s.live = live
	s.byUnit = make(map[string][]*Listener, len(live))
	s.byKey = make(map[string]*Listener, len(live))
	for _, l := range live {
		s.byUnit[l.Unit] = append(s.byUnit[l.Unit], l)
		s.byKey[l.key] = l
	}
}

// identityKey tells listeners apart. Addresses that let the kernel choose the port may occur more than once; they are
// matched by the unit and their place in it.
func identityKey(unit string, place int, a units.Address) string {
	chosen := (a.Network == units.TCP || a.Network == units.UDP) && a.Port == 0 ||
		a.Network == units.VsockStream && a.Port == unix.VMADDR_PORT_ANY
	if chosen {
		return fmt.Sprintf("%s of %s %d", a.Key(), unit, place)
	}
	return a.Key()
}

func appendErrors(errs []error, err error) []error {
	if err != nil {
		return append(errs, err)
	}
	return errs
}

// closeQuietly closes a descriptor that holds nothing that could be lost, where an error has no meaning.
func closeQuietly(fd int) { _ = unix.Close(fd) }
