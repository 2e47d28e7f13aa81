package units

import (
	"fmt"
	"iter"
	"slices"
)

// Accept reports whether the manager accepts the unit's connections and starts a process for each. All sockets of a
// unit agree.
func (u *Unit) Accept() bool { return len(u.Sockets) > 0 && u.Sockets[0].Accept }

// Addresses yields each address with its socket, in the order of the descriptors that a service is given.
func (u *Unit) Addresses() iter.Seq2[*Socket, Address] {
	return func(yield func(*Socket, Address) bool) {
		for i := range u.Sockets {
			for _, a := range u.Sockets[i].Listen {
				if !yield(&u.Sockets[i], a) {
					return
				}
			}
		}
	}
}

func (u *Unit) count() int {
	n := 0
	for range u.Addresses() {
		n++
	}
	return n
}

// Origin returns where a value was written, by its key: "service.user", "socket.backlog", of the second of several
// sockets "socket.2.backlog", without the number of the first. A key that was not written has the zero Origin.
func (u *Unit) Origin(key string) Origin {
	for _, o := range u.origins {
		if o.matches(key) {
			return o.Origin
		}
	}
	return Origin{}
}

// A keyOrigin is where a key was written; units by the thousand are why this is not a map.
type keyOrigin struct {
	key    *Key
	socket int // of several, from 1; else 0
	Origin
}

func (o keyOrigin) matches(key string) bool {
	return o.socket <= 1 && o.key.String() == key ||
		o.socket > 0 && fmt.Sprintf("%s.%d.%s", o.key.Section, o.socket, o.key.Name) == key
}

// keepOrigins keeps where everything was written.
func (d *draft) keepOrigins() {
	var all []keyOrigin
	add := func(table entries, socket int) {
		for _, e := range inOrder(table) {
			all = append(all, keyOrigin{key: e.key, socket: socket, Origin: e.origin()})
		}
	}
	add(d.top, 0)
	for i, table := range d.sockets {
		add(table, numbered(i, len(d.sockets)))
	}
	add(d.service, 0)
	add(d.access, 0)
	d.unit.origins = slices.Clip(all)
}

// numbered returns the number of a socket in the names of its keys: none where there is only one.
func numbered(i, of int) int {
	if of == 1 {
		return 0
	}
	return i + 1
}
