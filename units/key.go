package units

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Key is one key of a unit file: a row of the table that reading, checking, printing, comparing and documenting go by.
type Key struct {
	Section string // "socket"; "" is the top level, "settings" a section of sockbridge.toml
	Name    string
	Type    Type

	// Default is the value of a unit that does not write the key, as TOML; "" where Unset says in words what happens.
	Default string
	Unset   string

	// Min and Max bound an integer, a limit, a size (bytes) or a duration (nanoseconds); both 0 is no bound.
	Min, Max int64
	// Infinite allows "infinity".
	Infinite bool
	// Words are the values of a choice, and what an integer takes beside numbers.
	Words []string

	Doc string // one sentence

	// The names of the same thing elsewhere, "" where there is none.
	Xinetd, Systemd, Upstart string

	whole bool                // a duration of whole seconds
	own   bool                // of one unit: cannot be a default
	aside bool                // says how to load, and is no value of a Unit
	field func(s slot) any    // a pointer to where the value goes; nil: not in force
	check func(string) error  // of a string, and of each string of a list
	show  func(s slot) string // the effective value where that is not what the field holds
}

// Type is the type of a key's value.
type Type string

// The types of values. What they look like is said in the head of docs/unit-file.md.
const (
	TypeString    Type = "string"
	TypeList      Type = "list"
	TypeBool      Type = "boolean"
	TypeInteger   Type = "integer"
	TypeNumber    Type = "number"
	TypeLimit     Type = "limit"
	TypeDuration  Type = "duration"
	TypeSize      Type = "size"
	TypeMode      Type = "mode"
	TypeChoice    Type = "choice"
	TypeTable     Type = "table"
	TypeStream    Type = "stream"
	TypeAddresses Type = "addresses"
	TypePrefixes  Type = "prefixes"
	TypeRLimit    Type = "resource limit"
	TypeRate      Type = "rate"
	TypeCommand   Type = "command"
)

// A Section is one table of a unit file.
type Section struct {
	Name string
	Doc  string
}

// Sections returns the sections in the order of the documentation.
func Sections() []Section {
	return []Section{
		{"", "Before the first section."},
		{"socket", "Addresses and the options of their sockets; `[[socket]]` once for each group of addresses with options of their own."},
		{"service", "The process behind the sockets."},
		{"sandbox", "What the process is kept from."},
		{"access", "Who may connect, when, and how often."},
		{"log", "What is written down about connections."},
		{"proxy", "For services that cannot take a descriptor: connections are carried to them."},
		{"internal", "Services that are built in."},
		{"settings", "Of the manager itself, in sockbridge.toml."},
	}
}

// InForce reports whether the key has an effect. A file that writes one that has not is refused.
func (k *Key) InForce() bool { return k.field != nil }

// String returns the key with its section, as in "socket.backlog".
func (k *Key) String() string {
	if k.Section == "" {
		return k.Name
	}
	return k.Section + "." + k.Name
}

// Range returns the values that the key takes, in words with TOML in backquotes; "" if its type says all.
func (k *Key) Range() string {
	var parts []string
	if len(k.Words) > 0 {
		parts = append(parts, "`"+strings.Join(k.Words, "`, `")+"`")
	}
	switch {
	case k.Max >= math.MaxInt64-1 && k.Min == 0:
		parts = append(parts, "0 or more")
	case k.Max >= math.MaxInt64-1:
		parts = append(parts, "more than 0")
	case k.Min != 0 || k.Max != 0:
		parts = append(parts, k.bound(k.Min)+" to "+k.bound(k.Max))
	}
	if k.Infinite && len(parts) > 0 {
		parts = append(parts, "`infinity`")
	}
	return strings.Join(parts, " or ")
}

func (k *Key) bound(n int64) string {
	switch k.Type {
	case TypeMode:
		return fmt.Sprintf("%#o", n)
	case TypeDuration:
		return durationText(n)
	default:
		return strconv.FormatInt(n, 10)
	}
}

// Keys returns every key there is, section by section in the order of the documentation. The rows are shared: do not
// change them.
func Keys() []*Key { return slices.Clone(table().rows) }

// LookupKey returns the key of a section; nil if there is none.
func LookupKey(section, name string) *Key { return table().sections[section][name] }

// A keyTable is the table of keys, and the ways into it.
type keyTable struct {
	rows     []*Key
	sections map[string]map[string]*Key
}

var table = sync.OnceValue(func() *keyTable {
	t := &keyTable{sections: make(map[string]map[string]*Key)}
	for _, rows := range [][]Key{
		topKeys, socketKeys, serviceKeys, limitKeys, processKeys, sandboxKeys, accessKeys, logKeys, proxyKeys, internalKeys, settingsKeys,
	} {
		for i := range rows {
			t.add(&rows[i])
		}
	}
	return t
})

func (t *keyTable) add(k *Key) {
	t.rows = append(t.rows, k)
	if t.sections[k.Section] == nil {
		t.sections[k.Section] = make(map[string]*Key)
	}
	t.sections[k.Section][k.Name] = k
}

// names returns the names of a section's keys, those in force first, so that they win among equally near suggestions.
func (t *keyTable) names(section string) []string {
	var names, later []string
	for _, k := range t.rows {
		switch {
		case k.Section != section:
		case k.InForce():
			names = append(names, k.Name)
		default:
			later = append(later, k.Name)
		}
	}
	return append(names, later...)
}

// home returns the sections that have a key of this name.
func (t *keyTable) home(name string) []string {
	var homes []string
	for _, s := range Sections() {
		if t.sections[s.Name][name] != nil {
			homes = append(homes, s.Name)
		}
	}
	return homes
}
