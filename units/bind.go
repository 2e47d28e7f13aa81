package units

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// bind sets the fields of the unit to what was written, in the order of the text. What was not written keeps the
// default that the template put there.
func (d *draft) bind() {
	t := template()
	d.unit.Service, d.unit.Access = t.service, t.access
	d.raw = t.raw
	d.bindTable(d.top, slot{unit: d.unit, raw: &d.raw})
	d.unit.Sockets = make([]Socket, len(d.sockets))
	d.rawNodes = make([]writtenSocket, len(d.sockets))
	for i, table := range d.sockets {
		d.unit.Sockets[i] = t.socket
		d.bindTable(table, slot{unit: d.unit, raw: &d.raw, socket: &d.unit.Sockets[i], rawSocket: &d.rawNodes[i]})
	}
	d.bindTable(d.service, slot{unit: d.unit, raw: &d.raw})
	d.bindTable(d.access, slot{unit: d.unit, raw: &d.raw})
	_, d.unit.Access.OnlyFromSet = d.access["only_from"]
}

// bindTable goes by the places in the text: of two listen_ keys the first gives the first descriptor.
func (d *draft) bindTable(table entries, s slot) {
	for _, e := range inOrder(table) {
		d.set(e, e.key.field(s))
	}
}

func inOrder(table entries) []entry {
	return slices.SortedFunc(maps.Values(table), func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.doc.rank, b.doc.rank), cmp.Compare(a.node.key.start, b.node.key.start))
	})
}

// set reads an entry into the field that p points to.
func (d *draft) set(e entry, p any) {
	switch p := p.(type) {
	case *string:
		assign(d, e, p, parseString)
	case *bool:
		assign(d, e, p, parseBool)
	case *int:
		assign(d, e, p, parseInt)
	case **int:
		assign(d, e, p, parseOptionalInt)
	case *int64:
		assign(d, e, p, parseSize)
	case *Limit:
		assign(d, e, p, parseLimit)
	case *time.Duration:
		assign(d, e, p, parseDuration)
	case *fs.FileMode:
		assign(d, e, p, parseMode)
	case *BindIPv6Only:
		assign(d, e, p, parseChoice[BindIPv6Only])
	case *OnLimit:
		assign(d, e, p, parseChoice[OnLimit])
	case *ControlOthers:
		assign(d, e, p, parseChoice[ControlOthers])
	case *Stream:
		assign(d, e, p, parseStream)
	case *[]ResourceLimit:
		var limit ResourceLimit
		assign(d, e, &limit, parseRLimit)
		*p = append(*p, limit)
	default:
		d.setMany(e, p)
	}
}

// setMany reads a list or a table, of which each element may be wrong on its own.
func (d *draft) setMany(e entry, p any) {
	switch p := p.(type) {
	case *[]string:
		*p = collect(d, e, parseString)
	case *[]netip.Prefix:
		*p = collect(d, e, parsePrefix)
	case *[]Address:
		for _, found := range collect(d, e, d.addresses) {
			*p = append(*p, found...)
		}
	case *map[string]string:
		*p = d.variables(e)
	default:
		panic(fmt.Sprintf("units: key %s binds to %T", e.key, p)) // a fault of the table, which a test looks for
	}
}

func assign[T any](d *draft, e entry, p *T, parse parser[T]) {
	v, err := parse(e)
	if err != nil {
		d.fail(e, err.Error())
		return
	}
	*p = v
}

func collect[T any](d *draft, e entry, parse parser[T]) []T {
	elems, err := e.list()
	if err != nil {
		d.fail(e, err.Error())
		return nil
	}
	var all []T
	for _, elem := range elems {
		v, err := parse(elem)
		if err != nil {
			d.fail(elem, err.Error())
			continue
		}
		all = append(all, v)
	}
	return all
}

// addresses reads an element of a listen_ key.
func (d *draft) addresses(e entry) ([]Address, error) {
	found, err := parseAddresses(e, d.resolver())
	if errors.Is(err, errUnresolved) {
		d.unresolved = true
		return nil, nil
	}
	for i := range found {
		found[i].Origin = e.origin()
	}
	return found, err
}

// resolver returns who looks names up. A unit that is out of service asks for none.
func (d *draft) resolver() resolver {
	if e := d.top["enabled"]; e.value == false {
		return outOfService{}
	}
	if d.offline {
		return offline{d.world}
	}
	return d.world
}

var errUnresolved = errors.New("is not looked up")

// offline looks up what files of this host say.
type offline struct{ *world }

func (offline) host(string) ([]netip.Addr, error) { return nil, errUnresolved }

// outOfService looks up nothing.
type outOfService struct{}

func (outOfService) host(string) ([]netip.Addr, error)      { return nil, errUnresolved }
func (outOfService) service(string, string) (uint16, error) { return 0, errUnresolved }

// variables reads the table environment.
func (d *draft) variables(e entry) map[string]string {
	members, ok := e.members()
	if !ok {
		d.fail(e, e.wrong("a table").Error())
		return nil
	}
	all := make(map[string]string, len(members))
	for _, m := range inOrder(members) {
		v, err := m.str()
		if nameErr := variableName(m.name); nameErr != nil {
			d.tell(m.doc, m.node.key, Error, m.key, "environment "+nameErr.Error())
		} else if err != nil {
			d.fail(m, quoteShort(m.name)+" "+err.Error())
		}
		all[m.name] = v
	}
	return all
}

// A unitTemplate is a unit in which every default of the table is set.
type unitTemplate struct {
	socket   Socket
	service  Service
	access   Access
	raw      written
	problems Problems
}

var template = sync.OnceValue(func() *unitTemplate {
	u := &Unit{Sockets: make([]Socket, 1)}
	t := &unitTemplate{}
	d := &draft{unit: u, main: &document{}, problems: nil}
	s := slot{unit: u, socket: &u.Sockets[0], raw: &t.raw, rawSocket: &writtenSocket{}, settings: &Settings{}}
	for _, k := range Keys() {
		if k.InForce() && k.Default != "" && k.Default != `""` {
			doc, _ := parse("default", "v = "+k.Default)
			d.set(entry{key: k, value: doc.data["v"], node: doc.root.kid("v"), doc: doc}, k.field(s))
		}
	}
	t.socket, t.service, t.access, t.problems = u.Sockets[0], u.Service, u.Access, d.problems
	t.socket.SocketUID, t.socket.SocketGID = -1, -1
	return t
})
