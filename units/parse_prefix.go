package units

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// parsePrefix reads an address or a CIDR prefix. Those of IPv4 that are written as IPv6 become what they are, since
// peers are compared that way.
func parsePrefix(e entry) (netip.Prefix, error) {
	s, err := e.str()
	if err != nil {
		return netip.Prefix{}, err
	}
	p, err := prefixOf(s)
	if err != nil && looksLikeHost(s) {
		return p, fmt.Errorf("%s is a host name, which is not supported yet: only addresses and CIDR prefixes are", quoteShort(s))
	}
	if errors.Is(err, errMixed) {
		return p, fmt.Errorf("%s %w", quoteShort(s), err)
	}
	if err != nil {
		return p, fmt.Errorf("%s is not an address or a CIDR prefix, such as 10.0.0.0/8", quoteShort(s))
	}
	return p, nil
}

var (
	errZone  = errors.New("has a zone")
	errMixed = errors.New("holds IPv4 and more: a prefix of IPv4 written as IPv6 has 96 bits at least")
)

func prefixOf(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, errors.Join(err, errZone)
		}
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, err
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return p, errMixed
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// looksLikeHost reports whether s was meant as a name: letters other than those of a hexadecimal number, or a domain.
func looksLikeHost(s string) bool {
	return hostName(strings.TrimPrefix(s, ".")) && strings.ContainsFunc(s, func(r rune) bool { return r|0x20 >= 'g' && r|0x20 <= 'z' })
}

// hostName checks for the letters of RFC 1123 and the underscore that some hosts have.
func hostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || strings.ContainsFunc(label, func(r rune) bool {
			return (r|0x20 < 'a' || r|0x20 > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}) {
			return false
		}
	}
	return true
}
