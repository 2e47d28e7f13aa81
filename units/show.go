package units

import (
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Value is one key of a unit with the value that it has, written or not.
type Value struct {
	Key    string // as for [Unit.Origin]
	Text   string // as a unit file could write it; "" where nothing is set
	Origin Origin // zero for a default
}

// Values returns every key in force, in the order of the table.
func (u *Unit) Values() []Value {
	all := u.values(len(u.Sockets))
	for i := range all {
		all[i].Origin = u.Origin(all[i].Key)
	}
	return all
}

// values returns the values without their origins, with keys named as in a unit of a number of sockets.
func (u *Unit) values(sockets int) []Value {
	var all []Value
	for _, k := range table().rows {
		switch {
		case !k.InForce() || k.aside:
		case k.Section != "socket":
			all = append(all, Value{Key: k.String(), Text: k.text(slot{unit: u})})
		default:
			for i := range u.Sockets {
				all = append(all, Value{Key: socketKey(k, i, sockets), Text: k.text(slot{unit: u, socket: &u.Sockets[i]})})
			}
		}
	}
	return all
}

// socketKey returns the name of a key of the socket with index i of n.
func socketKey(k *Key, i, n int) string {
	if i = numbered(i, n); i == 0 {
		return k.String()
	}
	return fmt.Sprintf("%s.%d.%s", k.Section, i, k.Name)
}

// text returns the effective value of the key.
func (k *Key) text(s slot) string {
	if k.show != nil {
		return k.show(s)
	}
	if k.Type == TypeAddresses {
		return listenText(k.Name, s.socket)
	}
	switch p := k.field(s).(type) {
	case *string:
		return *p
	case *[]string:
		return quoteList(*p)
	case *bool:
		return strconv.FormatBool(*p)
	case *int:
		return strconv.Itoa(*p)
	case **int:
		return optionalText(*p)
	case *int64:
		return nonZero(*p, strconv.FormatInt(*p, 10))
	case *Limit:
		return p.String()
	case *time.Duration:
		return durationText(int64(*p))
	case *fs.FileMode:
		return fmt.Sprintf("%04o", *p)
	case *Stream:
		return p.String()
	case *BindIPv6Only:
		return k.Words[*p]
	case *OnLimit:
		return k.Words[*p]
	case *[]netip.Prefix:
		return prefixesText(*p)
	}
	return ""
}

// String returns the limit as a unit file writes it.
func (l Limit) String() string {
	if l == Infinity {
		return "infinity"
	}
	return strconv.Itoa(int(l))
}

func optionalText(p *int) string {
	if p == nil {
		return ""
	}
	return strconv.Itoa(*p)
}

func nonZero(n int64, text string) string {
	if n == 0 {
		return ""
	}
	return text
}

func quoteList(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = strconv.Quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

func prefixesText(prefixes []netip.Prefix) string {
	words := make([]string, len(prefixes))
	for i, p := range prefixes {
		words[i] = p.String()
		if p.IsSingleIP() {
			words[i] = p.Addr().String()
		}
	}
	return quoteList(words)
}

func listenText(key string, s *Socket) string {
	var words []string
	for _, a := range s.Listen {
		switch {
		case a.Network.key() != key:
		case a.DualStack:
			words = append(words, strconv.Itoa(int(a.Port)))
		default:
			words = append(words, a.String())
		}
	}
	return quoteList(words)
}

// idText returns who owns a node; -1 is nobody in particular.
func idText(id int) string {
	if id < 0 {
		return ""
	}
	return strconv.Itoa(id)
}

// showExecStart shows nothing where a script is in its place.
func showExecStart(s slot) string {
	if s.unit.Service.Script != "" {
		return ""
	}
	return quoteList(s.unit.Service.ExecStart)
}

func showUser(s slot) string {
	a := s.unit.Service.Account
	return fmt.Sprintf("%s (%d)", a.User, a.UID)
}

func showGroup(s slot) string {
	a := s.unit.Service.Account
	return fmt.Sprintf("%s (%d)", a.Group, a.GID)
}

func showGroups(s slot) string {
	return strings.Trim(fmt.Sprint(s.unit.Service.Account.Groups), "[]")
}

// shownByEnvironment is for the keys that end up in the value of environment.
func shownByEnvironment(slot) string { return "" }

func showOnlyFrom(s slot) string {
	if !s.unit.Access.OnlyFromSet {
		return ""
	}
	return prefixesText(s.unit.Access.OnlyFrom)
}

func limitText(limits []ResourceLimit, name string) string {
	i := slices.IndexFunc(limits, func(l ResourceLimit) bool { return l.Name == name })
	if i < 0 {
		return ""
	}
	return limitValue(limits[i].Soft) + ":" + limitValue(limits[i].Hard)
}

func limitValue(n uint64) string {
	if n == infinite {
		return "infinity"
	}
	return strconv.FormatUint(n, 10)
}
