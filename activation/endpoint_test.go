package activation_test

import (
	"net/netip"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sockbridge/activation"
)

func TestEndpointOf(t *testing.T) {
	for _, test := range []struct {
		name    string
		address unix.Sockaddr
		want    activation.Endpoint
		text    string
	}{
		{"IPv4", &unix.SockaddrInet4{Addr: [4]byte{203, 0, 113, 9}, Port: 51312}, inet("203.0.113.9:51312"), "203.0.113.9:51312"},
		{"IPv6", &unix.SockaddrInet6{Addr: netip.IPv6Loopback().As16(), Port: 40000}, inet("[::1]:40000"), "[::1]:40000"},
		{"IPv6 with a zone", &unix.SockaddrInet6{Addr: netip.MustParseAddr("fe80::1").As16(), Port: 1, ZoneId: 2}, inet("[fe80::1]:1"), "[fe80::1]:1"},
		{"IPv4-mapped", &unix.SockaddrInet6{Addr: netip.MustParseAddr("::ffff:192.0.2.1").As16(), Port: 80}, inet("192.0.2.1:80"), "192.0.2.1:80"},
		{"IPv6 wildcard", &unix.SockaddrInet6{Port: 80}, inet("[::]:80"), "[::]:80"},
		{"Unix path", &unix.SockaddrUnix{Name: "/run/client.sock"}, unixPath("/run/client.sock"), "/run/client.sock"},
		{"Unix abstract", &unix.SockaddrUnix{Name: "@client"}, unixPath("@client"), "@client"},
		{"Unix unnamed", &unix.SockaddrUnix{}, unixPath(""), "unnamed"},
		{"vsock", &unix.SockaddrVM{CID: 3, Port: 1024}, activation.Endpoint{Family: activation.FamilyVsock, CID: 3, Port: 1024}, "vsock:3:1024"},
		{"a family without a form", &unix.SockaddrNetlink{}, activation.Endpoint{}, "unknown"},
		{"none", nil, activation.Endpoint{}, "unknown"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := activation.EndpointOf(test.address)
			if diff := cmp.Diff(test.want, got, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
				t.Errorf("EndpointOf (-want +got):\n%s", diff)
			}
			if got.String() != test.text {
				t.Errorf("String = %q, want %q", got.String(), test.text)
			}
		})
	}
}

// Package unix calls unnamed sockets of the kernel "@".
func TestEndpointOfUnnamedPeer(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0]) //nolint:errcheck // of a test
	defer unix.Close(pair[1]) //nolint:errcheck // of a test
	address, err := unix.Getpeername(pair[0])
	if err != nil {
		t.Fatal(err)
	}
	if got := activation.EndpointOf(address); got != unixPath("") {
		t.Errorf("EndpointOf = %+v, want an unnamed socket", got)
	}
}

func TestEndpointStringOfCredentials(t *testing.T) {
	e := activation.Endpoint{Family: activation.FamilyUnix, Cred: &unix.Ucred{Pid: 812, Uid: 1000, Gid: 100}}
	if got, want := e.String(), "pid 812 uid 1000"; got != want {
		t.Errorf("String = %q, want %q", got, want)
	}
}

func TestEndpointStringCleansPath(t *testing.T) {
	for path, want := range map[string]string{
		"/run/a\nREMOTE_ADDR=1.2.3.4": "/run/a?REMOTE_ADDR=1.2.3.4",
		"/run/\x1b[2J\x7f":            "/run/?[2J?",
		"/run/\u009b2J":               "/run/?2J", // CSI as one C1 character
		"/run/\xff\xfe":               "/run/??",
		"/run/grün":                   "/run/grün",
		strings.Repeat("x", 200):      strings.Repeat("x", 108),
	} {
		if got := unixPath(path).String(); got != want {
			t.Errorf("String of %q = %q, want %q", path, got, want)
		}
	}
}

func TestFamilyString(t *testing.T) {
	if got := activation.Family(200).String(); got != "unknown" {
		t.Errorf("String of a family out of range = %q", got)
	}
}

func FuzzEndpoint(f *testing.F) {
	f.Add("/run/a\nB=1", uint64(1))
	f.Add("@\x00\xff", uint64(0))
	f.Fuzz(func(t *testing.T, path string, cookie uint64) {
		remote := unixPath(path)
		if text := remote.String(); !printable(text) {
			t.Errorf("String of %q = %q", path, text)
		}
		c := activation.Connection{Protocols: everyProtocol, Cookie: cookie, Name: path, Remote: remote}
		for _, variable := range c.AppendEnviron(nil) {
			if !printable(variable) || !strings.Contains(variable, "=") {
				t.Errorf("variable %q of path %q", variable, path)
			}
		}
		l := activation.Listening{Protocols: []activation.Protocol{activation.Systemd}, Sockets: []activation.Socket{{Name: path}, {Name: path}}}
		if names := l.Environ()[1]; strings.Count(names, ":") != 1 || !printable(names) {
			t.Errorf("%q for names %q", names, path)
		}
	})
}

// printable reports whether text is one line of at most 600 bytes that drives no terminal.
func printable(text string) bool {
	return len(text) <= 600 && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

var everyProtocol = []activation.Protocol{activation.Systemd, activation.Upstart, activation.UCSPI}

func inet(addrPort string) activation.Endpoint {
	ap := netip.MustParseAddrPort(addrPort)
	family := activation.FamilyInet6
	if ap.Addr().Is4() {
		family = activation.FamilyInet
	}
	return activation.Endpoint{Family: family, AddrPort: ap}
}

func unixPath(path string) activation.Endpoint {
	return activation.Endpoint{Family: activation.FamilyUnix, Path: path}
}
