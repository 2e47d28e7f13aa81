// Package access decides who may connect to a unit. Decisions are pure: they touch no descriptor, resolve no name and never
// wait.
//
// A peer that no_access matches is denied, whatever only_from says, as xinetd decides (xinetd.conf(5)); one that a set only_from
// does not match is denied too. An IPv4 peer on an IPv6 socket counts as IPv4.
package access

import (
	"net/netip"

	"sockbridge/units"
)

// A Verdict is the answer to one peer.
type Verdict struct {
	Allowed bool
	// Reason is one word for logs and counters, empty where the peer is allowed.
	Reason string
	// Rule is the prefix that decided; it is invalid where none did.
	Rule netip.Prefix
}

// The reasons of refusals by address.
const (
	NoAccess = "no_access" // an entry of no_access matches
	OnlyFrom = "only_from" // no entry of only_from matches
)

// A List is the address rules of a unit. It is immutable and safe for concurrent use.
type List struct{ rules units.Access }

// New returns the list of a unit's [access] table.
func New(rules units.Access) *List { return &List{rules} }

// Decide says whether peer may connect. A peer without an address, such as a Unix socket's, is not subject to address rules.
func (l *List) Decide(peer netip.Addr) Verdict {
	if !peer.IsValid() {
		return Verdict{Allowed: true}
	}
	peer = peer.Unmap().WithZone("")
	if rule, ok := match(l.rules.NoAccess, peer); ok {
		return Verdict{Reason: NoAccess, Rule: rule}
	}
	if !l.rules.OnlyFromSet {
		return Verdict{Allowed: true}
	}
	if rule, ok := match(l.rules.OnlyFrom, peer); ok {
		return Verdict{Allowed: true, Rule: rule}
	}
	return Verdict{Reason: OnlyFrom}
}

func match(list []netip.Prefix, peer netip.Addr) (netip.Prefix, bool) {
	for _, p := range list {
		if p.Contains(peer) {
			return p, true
		}
	}
	return netip.Prefix{}, false
}
