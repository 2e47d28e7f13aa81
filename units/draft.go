package units

import (
	"maps"
	"slices"
)

// A draft is a unit while it is made: what its files say, merged by key.
type draft struct {
	name    string
	main    *document
	layers  []layer
	top     entries
	service entries
	access  entries
	sockets []entries
	at      map[string]place // of the sections that are there

	unit       *Unit
	raw        written
	rawNodes   []writtenSocket
	world      *world
	uid        int  // of the manager
	offline    bool // look up no host names
	unresolved bool // a name was not looked up
	problems   Problems
}

// A place is a piece of a file.
type place struct {
	doc *document
	at  span
}

// written are values that need the host's answers before they are of use.
type written struct {
	enabled, defaults                                  bool
	execStart                                          []string
	user, group                                        string
	supplementary                                      []string
	environment                                        map[string]string
	environmentFile, passEnvironment, unsetEnvironment []string
}

type writtenSocket struct{ user, group string }

// A slot is where the values of one table go.
type slot struct {
	unit      *Unit
	socket    *Socket
	raw       *written
	rawSocket *writtenSocket
	settings  *Settings
}

// merge lays the layers over each other, key by key; the last one to write a key wins.
func (d *draft) merge() {
	d.top, d.service, d.access = entries{}, entries{}, entries{}
	d.at = make(map[string]place)
	for _, l := range d.layers {
		maps.Copy(d.top, l.top)
		d.overlay(d.service, l.sections["service"].entries)
		d.overlay(d.access, l.sections["access"].entries)
		for name, s := range l.sections {
			d.note(name, l, s)
		}
		d.mergeSockets(l)
	}
	d.sockets = d.withDefaults()
}

func (d *draft) note(name string, l layer, s section) {
	if !l.inherited {
		d.at[name] = place{l.doc, s.at}
	}
}

// overlay lays a table over another. The variables of environment are keys too: they are merged one by one.
func (d *draft) overlay(under, over entries) {
	for name, e := range over {
		if old, ok := under[name]; ok && e.key.Type == TypeTable {
			e = old.with(e)
		}
		under[name] = e
	}
}

// mergeSockets lets [socket] of a drop-in change all sockets of the unit, and [[socket]] replace them.
func (d *draft) mergeSockets(l layer) {
	if l.inherited {
		return
	}
	for _, s := range l.sockets {
		d.note("socket", l, s)
	}
	if l.list || len(d.sockets) == 0 {
		if len(l.sockets) > 0 {
			d.sockets = nil
		}
		for _, s := range l.sockets {
			d.sockets = append(d.sockets, maps.Clone(s.entries))
		}
		return
	}
	for _, s := range l.sockets {
		for _, socket := range d.sockets {
			d.overlay(socket, s.entries)
		}
	}
}

// withDefaults returns the sockets over the defaults of the host.
func (d *draft) withDefaults() []entries {
	merged := make([]entries, len(d.sockets))
	for i, socket := range d.sockets {
		merged[i] = entries{}
		for _, l := range d.layers {
			if l.inherited && len(l.sockets) > 0 {
				maps.Copy(merged[i], l.sockets[0].entries)
			}
		}
		d.overlay(merged[i], socket)
	}
	return merged
}

// with returns a table with the members of another added or replaced. Each member keeps its own place.
func (e entry) with(over entry) entry {
	under, ok1 := e.members()
	added, ok2 := over.members()
	if !ok1 || !ok2 {
		return over
	}
	merged := maps.Clone(under)
	maps.Copy(merged, added)
	over.value = merged
	return over
}

// members returns the values of a table by name.
func (e entry) members() (map[string]entry, bool) {
	switch v := e.value.(type) {
	case map[string]entry:
		return v, true
	case map[string]any:
		m := make(map[string]entry, len(v))
		for name, val := range members(v, e.node) {
			m[name] = entry{key: e.key, name: name, value: val.data, node: val.node, doc: e.doc, inherited: e.inherited}
		}
		return m, true
	default:
		return nil, false
	}
}

// fail tells that an entry is wrong; msg goes on behind the name of its key.
func (d *draft) fail(e entry, msg string) {
	d.tell(e.doc, e.node.value, Error, e.key, e.key.Name+" "+msg)
}

// failAt tells that the unit is wrong at a place, or as a whole where the place is not known.
func (d *draft) failAt(section, msg string) {
	p, ok := d.at[section]
	if !ok {
		d.problems = append(d.problems, Problem{File: d.main.path, Line: 1, Column: 1, Msg: msg, Unit: d.name, Key: section})
		return
	}
	problem := p.doc.problem(p.at, Error, msg)
	problem.Unit, problem.Key = d.name, section
	d.problems = append(d.problems, problem)
}

func (d *draft) tell(doc *document, at span, s Severity, k *Key, msg string) {
	p := doc.problem(at, s, msg)
	p.Unit, p.Key = d.name, k.String()
	d.problems = append(d.problems, p)
}

// ok reports whether the unit can be used so far.
func (d *draft) ok() bool {
	return !slices.ContainsFunc(d.problems, func(p Problem) bool { return p.Severity == Error })
}

// own reports whether the unit itself writes a key.
func (s entries) own(name string) (entry, bool) {
	e, ok := s[name]
	return e, ok && !e.inherited
}
