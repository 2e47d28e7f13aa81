package access

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"sockbridge/units"
)

func prefixes(list ...string) (p []netip.Prefix) {
	for _, s := range list {
		p = append(p, netip.MustParsePrefix(s))
	}
	return p
}

func TestDecide(t *testing.T) {
	local := units.Access{OnlyFromSet: true, OnlyFrom: prefixes("127.0.0.0/8", "::1/128")}
	for _, test := range []struct {
		rules  units.Access
		peer   string
		reason string // empty: allowed
	}{
		{units.Access{}, "203.0.113.9", ""},
		{local, "127.0.0.1", ""},
		{local, "::ffff:127.0.0.1", ""},
		{local, "::1", ""},
		{local, "203.0.113.9", OnlyFrom},
		{local, "2001:db8::1", OnlyFrom},
		{units.Access{OnlyFromSet: true}, "127.0.0.1", OnlyFrom},
		{units.Access{NoAccess: prefixes("10.0.0.0/8")}, "10.1.2.3", NoAccess},
		{units.Access{NoAccess: prefixes("10.0.0.0/8")}, "11.1.2.3", ""},
		// Both match: no_access wins, however narrow the other is.
		{units.Access{OnlyFromSet: true, OnlyFrom: prefixes("10.1.2.3/32"), NoAccess: prefixes("10.0.0.0/8")}, "10.1.2.3", NoAccess},
		{units.Access{OnlyFromSet: true, OnlyFrom: prefixes("fe80::/10")}, "fe80::1%eth0", ""},
		{units.Access{OnlyFromSet: true, OnlyFrom: prefixes("0.0.0.0/0")}, "2001:db8::1", OnlyFrom},
		{units.Access{OnlyFromSet: true, OnlyFrom: prefixes("::/0")}, "192.0.2.1", OnlyFrom},
	} {
		got := New(test.rules).Decide(netip.MustParseAddr(test.peer))
		if got.Reason != test.reason || got.Allowed != (test.reason == "") {
			t.Errorf("%+v, peer %s: %+v", test.rules, test.peer, got)
		}
	}
	if v := New(local).Decide(netip.Addr{}); !v.Allowed {
		t.Error("a peer without an address is refused by an address rule")
	}
}

// contains is what a prefix means, bit by bit.
func contains(p netip.Prefix, a netip.Addr) bool {
	if p.Addr().Is4() != a.Is4() {
		return false
	}
	x, y := p.Addr().AsSlice(), a.AsSlice()
	for i := range p.Bits() {
		if (x[i/8]^y[i/8])&(0x80>>(i%8)) != 0 {
			return false
		}
	}
	return true
}

func anyContains(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if contains(p, a) {
			return true
		}
	}
	return false
}

// genAddr makes addresses that share long prefixes, so that rules and peers meet.
func genAddr(t *rapid.T, label string) netip.Addr {
	bits := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x7f, 0x80, 0xff}), 4, 4).Draw(t, label)
	if rapid.Bool().Draw(t, label+" is IPv4") {
		return netip.AddrFrom4([4]byte(bits))
	}
	a := [16]byte{0: 0x20}
	copy(a[rapid.IntRange(1, 12).Draw(t, label+" offset"):], bits)
	return netip.AddrFrom16(a)
}

func genPrefixes(t *rapid.T, label string) (list []netip.Prefix) {
	for range rapid.IntRange(0, 5).Draw(t, label) {
		a := genAddr(t, label)
		p, err := a.Prefix(rapid.IntRange(0, a.BitLen()).Draw(t, label+" bits"))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

func genAccess(t *rapid.T) units.Access {
	a := units.Access{NoAccess: genPrefixes(t, "no_access"), OnlyFromSet: rapid.Bool().Draw(t, "only_from set")}
	if a.OnlyFromSet {
		a.OnlyFrom = genPrefixes(t, "only_from")
	}
	return a
}

func allowed(a units.Access, peer netip.Addr) bool {
	peer = peer.Unmap()
	return !anyContains(a.NoAccess, peer) && (!a.OnlyFromSet || anyContains(a.OnlyFrom, peer))
}

func TestDecideAgreesWithTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, peer := genAccess(t), genAddr(t, "peer")
		if got := New(rules).Decide(peer); got.Allowed != allowed(rules, peer) {
			t.Fatalf("%+v, peer %v: %+v", rules, peer, got)
		}
	})
}
