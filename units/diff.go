package units

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// ChangeKind says what became of a unit between two generations.
type ChangeKind int

// The kinds of changes.
const (
	Added ChangeKind = iota
	Removed
	Changed
)

// A Change is one unit that is not as it was.
type Change struct {
	Kind     ChangeKind
	Unit     string
	Old, New *Unit // nil where it is not there
	Keys     []KeyChange
}

// A KeyChange is one value that is not as it was. Key is as for [Unit.Origin].
type KeyChange struct{ Key, Old, New string }

// String returns the change as reload prints it: "+ tftp", "- talk", "~ finger (socket.max_connections 64 → 128)".
func (c Change) String() string {
	if c.Kind != Changed {
		return [...]string{Added: "+ ", Removed: "- "}[c.Kind] + c.Unit
	}
	keys := make([]string, len(c.Keys))
	for i, k := range c.Keys {
		keys[i] = k.String()
	}
	return fmt.Sprintf("~ %s (%s)", c.Unit, strings.Join(keys, ", "))
}

func (k KeyChange) String() string {
	return fmt.Sprintf("%s %s → %s", k.Key, orNone(k.Old), orNone(k.New))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return excerptOf(s)
}

// Diff returns the units that differ between two generations, by name. Values are compared, not texts: a comment
// changes nothing. A nil Set has no units.
func Diff(before, after *Set) []Change { return diff(before.units(), after.units()) }

func diff(before, after []*Unit) []Change {
	var changes []Change
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && before[0].Name < after[0].Name:
			changes = append(changes, Change{Kind: Removed, Unit: before[0].Name, Old: before[0]})
			before = before[1:]
		case len(before) == 0 || after[0].Name < before[0].Name:
			changes = append(changes, Change{Kind: Added, Unit: after[0].Name, New: after[0]})
			after = after[1:]
		default:
			if keys := before[0].changes(after[0]); len(keys) > 0 {
				changes = append(changes, Change{Kind: Changed, Unit: after[0].Name, Old: before[0], New: after[0], Keys: keys})
			}
			before, after = before[1:], after[1:]
		}
	}
	return changes
}

func (s *Set) units() []*Unit {
	if s == nil {
		return nil
	}
	return s.Units
}

// Same reports whether two units have the same effective values, wherever those were written.
func (u *Unit) Same(other *Unit) bool { return len(u.changes(other)) == 0 }

// changes returns the values in which other differs from u.
func (u *Unit) changes(other *Unit) []KeyChange {
	if u == other || u.hash == other.hash && u.answers == other.answers && u.hash != [sha256.Size]byte{} {
		return nil
	}
	sockets := max(len(u.Sockets), len(other.Sockets))
	before, after := u.values(sockets), other.values(sockets)
	was := make(map[string]string, len(before))
	for _, v := range before {
		was[v.Key] = v.Text
	}
	var keys []KeyChange
	for _, v := range after {
		if was[v.Key] != v.Text {
			keys = append(keys, KeyChange{v.Key, was[v.Key], v.Text})
		}
		delete(was, v.Key)
	}
	for _, v := range before { // those of sockets that are gone
		if text := was[v.Key]; text != "" {
			keys = append(keys, KeyChange{v.Key, text, ""})
		}
	}
	if before, after := u.order(), other.order(); len(keys) == 0 && before != after {
		keys = append(keys, KeyChange{"socket order", before, after})
	}
	return keys
}

// order returns the addresses in the order of the descriptors, which those of two listen_ keys can change alone.
func (u *Unit) order() string {
	var words []string
	for _, a := range u.Addresses() {
		words = append(words, a.Key())
	}
	return quoteList(words)
}
