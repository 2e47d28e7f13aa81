package supervise

import "slices"

// unitPrefix begins the keys of what belongs to units.
const unitPrefix = "unit/"

// UnitKey is where what a unit calls so is in the tables of an engine.
func UnitKey(name string) string { return unitPrefix + name }

// key is the place of a name in the tables of an engine.
func key(name, unit string) string {
	if unit == "" {
		return name
	}
	return unitPrefix + name
}

// A directory is a table by key that counts what controllers put there, and sorts their names only when it is asked.
type directory[T any] struct {
	entries map[string]T
	loose   int      // entries that are of no unit
	sorted  []string // of these, their names; a snapshot that is never changed
	stale   bool     // sorted is of another time
	name    func(T) (name, unit string)
}

func newDirectory[T any](name func(T) (name, unit string)) directory[T] {
	return directory[T]{entries: map[string]T{}, name: name}
}

func (d *directory[T]) put(t T) {
	name, unit := d.name(t)
	k := key(name, unit)
	if _, known := d.entries[k]; !known && unit == "" {
		d.loose++
		d.stale = true
	}
	d.entries[k] = t
}

func (d *directory[T]) remove(t T) {
	name, unit := d.name(t)
	delete(d.entries, key(name, unit))
	if unit == "" {
		d.loose--
		d.stale = true
	}
}

// names are those of entries that are of no unit, sorted bytewise. The slice must not be changed; it stays as it is.
func (d *directory[T]) names() []string {
	if d.stale {
		d.sorted = make([]string, 0, d.loose)
		for _, t := range d.entries {
			if name, unit := d.name(t); unit == "" {
				d.sorted = append(d.sorted, name)
			}
		}
		slices.Sort(d.sorted)
		d.stale = false
	}
	return d.sorted
}
