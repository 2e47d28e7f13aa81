package units

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestSystemNames(t *testing.T) {
	l := (*Lookup)(nil).withSystem()
	ips, err := l.Host(t.Context(), "localhost")
	if err != nil || len(ips) == 0 || !ips[0].IsLoopback() {
		t.Errorf("localhost is %v, %v", ips, err)
	}
	if port, err := l.Service(t.Context(), "tcp", "http"); err != nil || port != 80 {
		t.Errorf("http is %d, %v", port, err)
	}
	if port, err := l.Service(t.Context(), "udp", "no-such-service"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a service that is not there is %d, %v", port, err)
	}
	want, err := os.ReadFile("/proc/sys/net/ipv6/bindv6only")
	if got := l.BindV6Only(); got != (err == nil && strings.TrimSpace(string(want)) == "1") {
		t.Errorf("bindv6only is %v, the file says %q, %v", got, want, err)
	}
}

// A function of a Lookup that is set is asked; the others are the system's.
func TestPartOfALookup(t *testing.T) {
	l := (&Lookup{BindV6Only: func() bool { return true }}).withSystem()
	if !l.BindV6Only() || l.User == nil || l.File == nil || l.Self == nil {
		t.Errorf("%+v", l)
	}
}

// What the host cannot answer is an error with its reason, not an account that is not there.
func TestLookupsThatFail(t *testing.T) {
	broken := errors.New("broken")
	lookup := fakeLookup()
	lookup.User = func(string) (Account, error) { return Account{}, broken }
	lookup.Self = func() (Account, error) { return Account{}, broken }
	host(t, map[string]string{"conf.d/a.toml": web("81")})
	set := loadDirs(t, func(o *Options) { o.Lookup = lookup })
	expect(t, set, nil, []string{"a"}, nil, "conf.d/a.toml:5:8: error: user cannot be looked up: broken")
	write(t, map[string]string{"conf.d/a.toml": service})
	set = loadDirs(t, func(o *Options) { o.Lookup, o.UID = lookup, 1000 })
	expect(t, set, nil, []string{"a"}, nil, "conf.d/a.toml:1:1: error: the manager's account cannot be looked up: broken")
	lookup = fakeLookup()
	lookup.Groups = func(string, int) ([]int, error) { return nil, broken }
	write(t, map[string]string{"conf.d/a.toml": web("81")})
	set = loadDirs(t, func(o *Options) { o.Lookup = lookup })
	expect(t, set, nil, []string{"a"}, nil, `conf.d/a.toml:3:1: error: the groups of user "www" cannot be looked up: broken`)
}

// Of the limits a service has those that are written; the rest are whoever starts it to set.
func TestLimits(t *testing.T) {
	if got := loadUnit(t, web("81")).Service.Limits; len(got) > 0 {
		t.Errorf("limits that nobody wrote: %v", got)
	}
	want := []ResourceLimit{
		{Name: "core", Resource: unix.RLIMIT_CORE},
		{Name: "nofile", Resource: unix.RLIMIT_NOFILE, Soft: 5, Hard: 5},
	}
	u := loadUnit(t, web("81")+"limit_core = 0\nlimit_nofile = 5\n")
	if diff := cmp.Diff(want, u.Service.Limits); diff != "" {
		t.Error(diff)
	}
}

// No process can have a higher limit of descriptors than fs.nr_open, not even root's.
func TestMostFiles(t *testing.T) {
	for limit, ok := range map[string]bool{
		"1048576": true, "'10:1048576'": true, "1048577": false, "'10:infinity'": false, "'infinity'": false,
	} {
		got := messages(t, web("81")+"limit_nofile = "+limit)
		switch {
		case ok && len(got) > 0:
			t.Errorf("limit_nofile = %s: %q", limit, got)
		case !ok && (len(got) != 1 || !strings.HasSuffix(got[0], "is above 1048576, the most that fs.nr_open allows")):
			t.Errorf("limit_nofile = %s: %q", limit, got)
		}
	}
	if most := (*Lookup)(nil).withSystem().MostFiles(); most < 1024 {
		t.Errorf("fs.nr_open is %d", most)
	}
}

// The kernel has no socket filters for MPTCP.
func TestAccessOfMPTCP(t *testing.T) {
	const want = `3:19: error: socket_protocol = "mptcp" cannot have only_from or no_access with accept = false: the kernel has no filter for it`
	text := func(listen, socket, access string) string {
		return "[socket]\nlisten_stream = ['" + listen + "']\nsocket_protocol = 'mptcp'\n" + socket + "\n[service]\nexec_start = ['/x']\nuser = 'www'\n[access]\n" + access
	}
	for text, bad := range map[string]bool{
		text("81", "", "only_from = ['::1']"):              true,
		text("81", "", "only_from = []"):                   true,
		text("81", "", "no_access = ['::1']"):              true,
		text("81", "", "no_access = []"):                   false,
		text("81", "accept = true", "no_access = ['::1']"): false,
		text("/run/x", "", "no_access = ['::1']"):          false,
		text("/run/x", "", ""):                             false,
	} {
		got := messages(t, text)
		if bad != (len(got) > 0) || bad && got[0] != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// A path and an abstract name fit where the listener puts them.
func TestLongestNames(t *testing.T) {
	for _, first := range []string{"/", "@"} {
		for n, ok := range map[int]bool{106: true, 107: false} {
			got := messages(t, strings.Replace(service, "81", first+strings.Repeat("x", n), 1)+"user = 'www'")
			if ok != (len(got) == 0) {
				t.Errorf("%s and %d bytes: %q", first, n, got)
			}
		}
	}
}

func TestDerivedDefaults(t *testing.T) {
	unit := func(socket, service string) *Unit {
		return loadUnit(t, "[socket]\nlisten_stream = ['/run/x']\n"+socket+"\n[service]\nexec_start = ['/x']\nuser = 'www'\n"+service)
	}
	for limit, want := range map[string]Limit{"64": 16, "7": 1, "1": 1, "3": 1, "'infinity'": Infinity} {
		if got := unit("accept = true\nmax_connections = "+limit, "").Sockets[0].MaxConnectionsPerSource; got != want {
			t.Errorf("max_connections %s leaves %v for a source, want %v", limit, got, want)
		}
	}
	for service, want := range map[string]StreamKind{"": StreamLog, "standard_input = 'socket'": StreamSocket, "standard_input = 'socket'\nstandard_output = 'null'": StreamNull} {
		s := unit("", service).Service
		if s.StandardOutput.Kind != want || s.StandardError.Kind != StreamLog {
			t.Errorf("%s: output %s, error %s", service, s.StandardOutput, s.StandardError)
		}
	}
	if u := unit("accept = true", ""); u.Sockets[0].FileDescriptorName != "connection" || !u.Accept() {
		t.Errorf("accept = true: %+v", u.Sockets[0])
	}
	if u := unit("", ""); u.Sockets[0].FileDescriptorName != "x" || u.Accept() {
		t.Errorf("accept = false: %+v", u.Sockets[0])
	}
}

func TestAddressForms(t *testing.T) {
	u := loadUnit(t, "[socket]\nlisten_stream = ['81', 'localhost:http', '[fe80::1]:82%eth0', '/run//x/../y', 'vsock::9']\n[service]\nexec_start = ['/x']\nuser = 'www'")
	var got []Address
	for _, a := range u.Addresses() {
		a.Origin = Origin{}
		got = append(got, a)
	}
	want := []Address{
		{Network: TCP, IP: netip.IPv6Unspecified(), Port: 81, DualStack: true},
		{Network: TCP, IP: netip.MustParseAddr("127.0.0.1"), Port: 80},
		{Network: TCP, IP: netip.MustParseAddr("::1"), Port: 80},
		{Network: TCP, IP: netip.MustParseAddr("fe80::1"), Port: 82, Device: "eth0"},
		{Network: UnixStream, Path: "/run/y"},
		{Network: VsockStream, CID: anyCID, Port: 9},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}
