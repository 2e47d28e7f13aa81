package units

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"
)

// maxSunPath is the longest path of a Unix socket, and the longest abstract name with its "@": sun_path of unix(7) has
// 108 bytes, of which a path needs one for its end. A name could be a byte longer, but many programs could not use it.
const maxSunPath = 107

var errAddress = errors.New(`is not an address, such as "127.0.0.1:80", "[::1]:80", "80", "/run/x.sock", "@name" or "vsock:2:80"`)

// A resolver turns the names of hosts and services into numbers.
type resolver interface {
	host(name string) ([]netip.Addr, error)
	service(network, name string) (uint16, error)
}

// An addressParser reads the addresses of one listen_ key.
type addressParser struct {
	resolver resolver
	stream   bool // listen_stream, not listen_datagram
}

// parseAddresses returns the sockets that an element of a listen_ key means: a host name may have several addresses.
func parseAddresses(e entry, r resolver) ([]Address, error) {
	s, err := e.str()
	if err != nil {
		return nil, err
	}
	p := addressParser{resolver: r, stream: e.key.Name == "listen_stream"}
	switch {
	case strings.HasPrefix(s, "/") || strings.HasPrefix(s, "@"):
		return one(nodeAddress(s, e.key.Name))
	case e.key.Name == "listen_fifo" || e.key.Name == "listen_sequential_packet":
		return nil, fmt.Errorf("%s is not an absolute path%s", quoteShort(s), map[bool]string{true: ` or "@name"`}[e.key.Name != "listen_fifo"])
	case strings.HasPrefix(s, "vsock:"):
		return p.vsock(s)
	default:
		return p.inet(s)
	}
}

func one(a Address, err error) ([]Address, error) {
	if err != nil {
		return nil, err
	}
	return []Address{a}, nil
}

// nodeAddress reads a path or an abstract name.
func nodeAddress(s, key string) (Address, error) {
	network := map[string]Network{
		"listen_stream": UnixStream, "listen_datagram": UnixDatagram, "listen_sequential_packet": UnixPacket, "listen_fifo": FIFO,
	}[key]
	if s[0] == '@' {
		return abstractAddress(s, network)
	}
	if base := path.Base(s); strings.HasSuffix(s, "/") || base == "." || base == ".." {
		return Address{}, fmt.Errorf("%s is a folder", quoteShort(s))
	}
	clean := path.Clean(s)
	if len(clean) > maxSunPath && network != FIFO {
		return Address{}, fmt.Errorf("%s is longer than %d bytes", quoteShort(s), maxSunPath)
	}
	return Address{Network: network, Path: clean}, nil
}

func abstractAddress(s string, network Network) (Address, error) {
	switch {
	case network == FIFO:
		return Address{}, fmt.Errorf("%s is not an absolute path", quoteShort(s))
	case s == "@":
		return Address{}, fmt.Errorf("%s has no name", quoteShort(s))
	case len(s) > maxSunPath:
		return Address{}, fmt.Errorf("%s is longer than %d bytes", quoteShort(s), maxSunPath)
	}
	return Address{Network: network, Path: s}, nil
}

// vsock reads vsock:CID:PORT; no CID is any.
func (p addressParser) vsock(s string) ([]Address, error) {
	cid, port, ok := strings.Cut(strings.TrimPrefix(s, "vsock:"), ":")
	c, cidErr := strconv.ParseUint(cid, 10, 32)
	if cid == "" {
		c, cidErr = anyCID, nil
	}
	n, portErr := strconv.ParseUint(port, 10, 32)
	switch {
	case !p.stream:
		return nil, fmt.Errorf("%s: vsock has only streams", quoteShort(s))
	case !ok || cidErr != nil || portErr != nil || n == 0 || n == anyCID:
		return nil, fmt.Errorf("%s is not a vsock address: vsock:CID:PORT", quoteShort(s))
	}
	return []Address{{Network: VsockStream, CID: uint32(c), Port: uint32(n)}}, nil
}

// inet reads host:port, [v6]:port, [v6]:port%dev and a port alone.
func (p addressParser) inet(s string) ([]Address, error) {
	host, port, device, err := splitInet(s)
	if err != nil {
		return nil, err
	}
	n, err := p.port(port)
	if err != nil {
		return nil, fmt.Errorf("%s %w", quoteShort(s), err)
	}
	a := Address{Network: UDP, Port: uint32(n), Device: device}
	if p.stream {
		a.Network = TCP
	}
	if host == "" {
		a.IP, a.DualStack = netip.IPv6Unspecified(), true
		return []Address{a}, nil
	}
	return p.on(a, s, host)
}

// on returns a on each address of a host.
func (p addressParser) on(a Address, s, host string) ([]Address, error) {
	ips, err := p.host(host)
	if err != nil {
		return nil, fmt.Errorf("%s %w", quoteShort(s), err)
	}
	if a.Device != "" && !ips[0].Is6() {
		return nil, fmt.Errorf("%s has a device, which only an IPv6 address takes", quoteShort(s))
	}
	var all []Address
	for _, ip := range ips {
		a.IP = ip
		all = append(all, a)
	}
	return all, nil
}

// splitInet takes an address apart; a port alone has no host, [v6] is given without its brackets.
func splitInet(s string) (host, port, device string, err error) {
	if s != "" && allDigits(s) {
		return "", s, "", nil
	}
	i := strings.LastIndexByte(s, ':')
	if i <= 0 {
		return "", "", "", fmt.Errorf("%s %w", quoteShort(s), errAddress)
	}
	host, port = s[:i], s[i+1:]
	port, device, hasDevice := strings.Cut(port, "%")
	if hasDevice && deviceName(device) != nil {
		return "", "", "", fmt.Errorf("%s has no interface behind %q", quoteShort(s), "%")
	}
	inner, bracketed := strings.CutPrefix(host, "[")
	if bracketed {
		host, bracketed = strings.CutSuffix(inner, "]")
	}
	ip, perr := netip.ParseAddr(host)
	if bracketed != (perr == nil && ip.Is6()) || strings.Contains(host, "%") {
		return "", "", "", fmt.Errorf("%s %w", quoteShort(s), errAddress)
	}
	return host, port, device, nil
}

func (p addressParser) host(s string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(s); err == nil {
		return []netip.Addr{ip.Unmap()}, nil
	}
	if !hostName(s) || allDigits(strings.ReplaceAll(s, ".", "")) { // 10.0.1 is no name, whatever a resolver makes of it
		return nil, errAddress
	}
	return p.resolver.host(s)
}

func (p addressParser) port(s string) (uint16, error) {
	if s != "" && allDigits(s) {
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil || n == 0 {
			return 0, errors.New("has a port that is not 1 to 65535")
		}
		return uint16(n), nil
	}
	if s == "" || !hostName(s) {
		return 0, errAddress
	}
	network := "udp"
	if p.stream {
		network = "tcp"
	}
	return p.resolver.service(network, s)
}
