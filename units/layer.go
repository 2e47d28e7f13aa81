package units

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A layer is what one file says of a unit: the defaults of the host, the unit's file, or a drop-in.
type layer struct {
	doc       *document
	inherited bool
	top       entries
	sections  map[string]section // all but socket
	sockets   []section
	list      bool // sockets were written as [[socket]]
}

// A section is one table of a layer.
type section struct {
	entries entries
	at      span // of its header
}

// A layerReader sorts the values of a document into a layer. It stops at nothing: every unknown key is told.
type layerReader struct {
	layer    layer
	unit     string
	problems Problems
}

func readLayer(doc *document, unit string) (layer, Problems) {
	r := layerReader{layer: layer{doc: doc, top: entries{}, sections: map[string]section{}}, unit: unit}
	for name, v := range members(doc.data, doc.root) {
		if isSection(name) {
			r.section(name, v)
		} else {
			r.add(r.layer.top, "", name, v)
		}
	}
	return r.layer, r.problems
}

// readDefaults reads the [defaults] of a settings file, whose tables are like those of a unit.
func readDefaults(doc *document, table value) (layer, Problems) {
	r := layerReader{layer: layer{doc: doc, inherited: true, top: entries{}, sections: map[string]section{}}}
	data, ok := table.data.(map[string]any)
	if !ok {
		r.fail(table.node.value, "defaults", "defaults must be a table, not "+kindOf(table.data))
	}
	for name, v := range members(data, table.node) {
		switch {
		case isSection(name) && name != "settings":
			r.section(name, v)
		default:
			r.fail(v.node.key, name, fmt.Sprintf("unknown section %q in [defaults]%s", name, didYouMean(name, sectionNames())))
		}
	}
	return r.layer, r.problems
}

// A value is a TOML value and its place.
type value struct {
	data any
	node *node
}

// members yields what a table holds in the order of the text.
func members(data map[string]any, n *node) func(yield func(string, value) bool) {
	names := make([]string, 0, len(data))
	for name := range data {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Compare(n.kid(a).key.start, n.kid(b).key.start)
	})
	return func(yield func(string, value) bool) {
		for _, name := range names {
			if !yield(name, value{data[name], n.kid(name)}) {
				return
			}
		}
	}
}

func isSection(name string) bool {
	return name != "" && slices.Contains(sectionNames(), name)
}

// sectionNames returns the sections that a unit file may have.
func sectionNames() []string {
	return []string{"socket", "service", "sandbox", "access", "log", "proxy", "internal"}
}

// section reads [name], or each [[name]].
func (r *layerReader) section(name string, v value) {
	tables, isList := r.tables(name, v)
	if isList && name != "socket" {
		r.fail(v.node.key, name, fmt.Sprintf("[%s] can be given once only", name))
		return
	}
	for _, t := range tables {
		s := section{entries: entries{}, at: t.node.key}
		for key, kv := range members(t.data.(map[string]any), t.node) {
			r.add(s.entries, name, key, kv)
		}
		r.emptyLater(name, s)
		if name == "socket" {
			r.layer.sockets, r.layer.list = append(r.layer.sockets, s), isList
		} else {
			r.layer.sections[name] = s
		}
	}
}

// tables returns the tables of a section.
func (r *layerReader) tables(name string, v value) (tables []value, isList bool) {
	switch data := v.data.(type) {
	case map[string]any:
		return []value{{data, v.node}}, false
	case []map[string]any:
		for i, t := range data {
			tables = append(tables, value{t, v.node.elems[i]})
		}
		return tables, true
	case []any:
		for i, t := range data {
			if _, ok := t.(map[string]any); !ok {
				r.fail(v.node.elems[i].value, name, fmt.Sprintf("%s must hold tables, not %s", name, kindOf(t)))
				continue
			}
			tables = append(tables, value{t, v.node.elems[i]})
		}
		return tables, true
	default:
		r.fail(v.node.value, name, fmt.Sprintf("%s must be a table, not %s", name, kindOf(v.data)))
		return nil, false
	}
}

// emptyLater refuses a section that does nothing yet, even where it says nothing: its author counts on it.
func (r *layerReader) emptyLater(name string, s section) {
	if len(table().sections[name]) == 0 || len(s.entries) > 0 {
		return
	}
	for _, k := range table().sections[name] {
		if k.InForce() {
			return
		}
	}
	if !slices.ContainsFunc(r.problems, func(p Problem) bool { return strings.HasPrefix(p.Key, name+".") }) {
		r.fail(s.at, name, fmt.Sprintf("[%s] is not supported yet", name))
	}
}

// add takes a value in, if its key has an effect.
func (r *layerReader) add(to entries, section, name string, v value) {
	k := LookupKey(section, name)
	in := ""
	if section != "" {
		in = fmt.Sprintf(" in [%s]", section)
	}
	full := strings.TrimPrefix(section+"."+name, ".")
	switch {
	case k == nil:
		r.fail(v.node.key, full, fmt.Sprintf("unknown key %s%s%s", quoteShort(name), in, r.hint(section, name)))
	case !k.InForce():
		r.fail(v.node.key, full, fmt.Sprintf("%q%s is not supported yet", name, in))
	case r.layer.inherited && k.own:
		r.fail(v.node.key, full, fmt.Sprintf("%q%s cannot be a default", name, in))
	default:
		to[name] = entry{key: k, value: v.data, node: v.node, doc: r.layer.doc, inherited: r.layer.inherited}
	}
}

// hint says what was probably meant by an unknown key: a key of another section, or one that is spelt like it.
func (r *layerReader) hint(section, name string) string {
	for _, home := range table().home(name) {
		switch home {
		case "":
			return "; it belongs before the first section"
		case "settings":
			return "; it belongs in [settings] of sockbridge.toml"
		default:
			return fmt.Sprintf("; it belongs in [%s]", home)
		}
	}
	known := table().names(section)
	if section == "" {
		known = append(known, sectionNames()...)
	}
	return didYouMean(name, known)
}

func (r *layerReader) fail(at span, key, msg string) {
	p := r.layer.doc.problem(at, Error, msg)
	p.Unit, p.Key = r.unit, key
	r.problems = append(r.problems, p)
}
