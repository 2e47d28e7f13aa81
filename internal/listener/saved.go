package listener

import (
	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// A Saved listener is all that a program which takes over our descriptors has to know of one, in a form that can be
// written down.
type Saved struct {
	FD      int
	Unit    string
	Name    string
	Socket  units.Socket
	Addr    units.Address
	Key     string
	Shape   [3]int
	V6Only  bool
	Filter  []unix.SockFilter
	Blocks  bool
	Node    SavedFile // of Unix sockets and FIFOs
	Made    bool      // whether we made the node
	Folders []SavedFile
	Parked  bool
	Retired bool
}

// A SavedFile is a file by its place and its identity.
type SavedFile struct {
	Path          string
	Device, Inode uint64
}

// Save returns what another program, or our own next execution, needs to go on with the listeners of the Set: as Restored of its
// Options, with their descriptors open. Sockets that were inherited and that no unit has named are not among them: see
// [Set.Unclaimed].
func (s *Set) Save() []Saved {
	var all []Saved
	for _, l := range s.live {
		all = append(all, l.save())
	}
	for _, l := range s.retired {
		saved := l.save()
		saved.Retired = true
		all = append(all, saved)
	}
	return all
}

func (l *Listener) save() Saved {
	saved := Saved{
		FD: l.FD, Unit: l.Unit, Name: l.Name, Socket: *l.Socket, Addr: l.Addr, Key: l.key,
		Shape: [3]int{l.shape.domain, l.shape.kind, l.shape.protocol}, V6Only: l.shape.v6Only,
		Filter: l.filter, Blocks: !l.nonBlocking, Node: saveFile(file{l.Addr.Path, l.node}), Made: l.madeNode, Parked: l.parked,
	}
	for _, f := range l.folders {
		saved.Folders = append(saved.Folders, saveFile(f))
	}
	return saved
}

func saveFile(f file) SavedFile { return SavedFile{f.path, f.node.device, f.node.inode} }

func (f SavedFile) file() file { return file{f.Path, node{f.Device, f.Inode}} }

// restore makes the listeners of a Set those that were saved.
func (s *Set) restore(all []Saved) {
	var live []*Listener
	for i := range all {
		l := all[i].listener(s)
		if all[i].Retired {
			s.retired = append(s.retired, l)
		} else {
			live = append(live, l)
		}
	}
	s.index(live)
}

func (v *Saved) listener(s *Set) *Listener {
	l := &Listener{
		FD: v.FD, Unit: v.Unit, Name: v.Name, Socket: &v.Socket, Addr: v.Addr, key: v.Key, set: s,
		shape:  shape{domain: v.Shape[0], kind: v.Shape[1], protocol: v.Shape[2], v6Only: v.V6Only},
		filter: v.Filter, nonBlocking: !v.Blocks, node: v.Node.file().node, madeNode: v.Made, parked: v.Parked,
	}
	for _, f := range v.Folders {
		l.folders = append(l.folders, f.file())
	}
	return l
}
