package activation_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/google/go-cmp/cmp"

	"sockbridge/activation"
)

// systemdOnly is a unit's default; Upstart knows no connections.
var (
	systemdOnly = []activation.Protocol{activation.Systemd, activation.Upstart}
	ucspiOnly   = []activation.Protocol{activation.UCSPI}
	credentials = &unix.Ucred{Pid: 812, Uid: 1000, Gid: 100}
)

func TestConnectionAppendEnviron(t *testing.T) {
	v4, v4Local := inet("203.0.113.9:51312"), inet("192.0.2.1:25")
	v6, v6Local := inet("[2001:db8::9]:51312"), inet("[::1]:25")
	vsock := activation.Endpoint{Family: activation.FamilyVsock, CID: 3, Port: 1024}
	withCred := activation.Endpoint{Family: activation.FamilyUnix, Cred: credentials}
	for _, test := range []struct {
		name string
		c    activation.Connection
		want []string
	}{
		{
			"IPv4 as descriptor 3",
			activation.Connection{Protocols: systemdOnly, Local: v4Local, Remote: v4, Cookie: 77},
			[]string{"LISTEN_FDS=1", "LISTEN_FDNAMES=connection", "REMOTE_ADDR=203.0.113.9", "REMOTE_PORT=51312", "REMOTE_HOST=203.0.113.9", "SO_COOKIE=77"},
		},
		{
			"IPv6 with a name",
			activation.Connection{Protocols: systemdOnly, Local: v6Local, Remote: v6, Name: "smtp"},
			[]string{"LISTEN_FDS=1", "LISTEN_FDNAMES=smtp", "REMOTE_ADDR=2001:db8::9", "REMOTE_PORT=51312", "REMOTE_HOST=2001:db8::9"},
		},
		{
			"standard input",
			activation.Connection{Protocols: systemdOnly, Stdin: true, Local: v4Local, Remote: v4, Cookie: 77},
			[]string{"REMOTE_ADDR=203.0.113.9", "REMOTE_PORT=51312", "REMOTE_HOST=203.0.113.9", "SO_COOKIE=77"},
		},
		{
			"UCSPI and IPv4",
			activation.Connection{Protocols: ucspiOnly, Stdin: true, Local: v4Local, Remote: v4},
			[]string{
				"REMOTE_ADDR=203.0.113.9", "REMOTE_PORT=51312", "REMOTE_HOST=203.0.113.9",
				"PROTO=TCP", "TCPREMOTEIP=203.0.113.9", "TCPREMOTEPORT=51312", "TCPLOCALIP=192.0.2.1", "TCPLOCALPORT=25",
			},
		},
		{
			"UCSPI and IPv6",
			activation.Connection{Protocols: ucspiOnly, Local: v6Local, Remote: v6},
			[]string{
				"REMOTE_ADDR=2001:db8::9", "REMOTE_PORT=51312", "REMOTE_HOST=2001:db8::9",
				"PROTO=TCP", "TCPREMOTEIP=2001:db8::9", "TCPREMOTEPORT=51312", "TCPLOCALIP=::1", "TCPLOCALPORT=25",
			},
		},
		{
			"systemd and UCSPI",
			activation.Connection{Protocols: everyProtocol, Local: v4Local, Remote: v4},
			[]string{
				"LISTEN_FDS=1", "LISTEN_FDNAMES=connection",
				"REMOTE_ADDR=203.0.113.9", "REMOTE_PORT=51312", "REMOTE_HOST=203.0.113.9",
				"PROTO=TCP", "TCPREMOTEIP=203.0.113.9", "TCPREMOTEPORT=51312", "TCPLOCALIP=192.0.2.1", "TCPLOCALPORT=25",
			},
		},
		{"Unix path", activation.Connection{Stdin: true, Remote: unixPath("/run/client.sock")}, []string{"REMOTE_ADDR=/run/client.sock"}},
		{"Unix abstract", activation.Connection{Stdin: true, Remote: unixPath("@client")}, []string{"REMOTE_ADDR=@client"}},
		{"Unix path that breaks lines", activation.Connection{Stdin: true, Remote: unixPath("/x\nLD_PRELOAD=/x")}, []string{"REMOTE_ADDR=/x?LD_PRELOAD=/x"}},
		{"Unix unnamed", activation.Connection{Stdin: true, Remote: unixPath("")}, nil},
		{
			"UCSPI and Unix",
			activation.Connection{Protocols: ucspiOnly, Remote: withCred},
			[]string{"PROTO=UNIX", "UNIXREMOTEEUID=1000", "UNIXREMOTEEGID=100", "UNIXREMOTEPID=812"},
		},
		{
			"UCSPI without the local address",
			activation.Connection{Protocols: ucspiOnly, Remote: v4},
			[]string{
				"REMOTE_ADDR=203.0.113.9", "REMOTE_PORT=51312", "REMOTE_HOST=203.0.113.9",
				"PROTO=TCP", "TCPREMOTEIP=203.0.113.9", "TCPREMOTEPORT=51312",
			},
		},
		{"UCSPI and Unix without credentials", activation.Connection{Protocols: ucspiOnly, Remote: unixPath("")}, []string{"PROTO=UNIX"}},
		{"vsock", activation.Connection{Protocols: ucspiOnly, Remote: vsock}, []string{"REMOTE_ADDR=3", "REMOTE_PORT=1024"}},
		{"a peer that left", activation.Connection{Protocols: everyProtocol, Local: v4Local}, []string{"LISTEN_FDS=1", "LISTEN_FDNAMES=connection"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.c.AppendEnviron(nil)); diff != "" {
				t.Errorf("AppendEnviron (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConnectionAppendEnvironKeepsEnv(t *testing.T) {
	shared := make([]string, 1, 8)
	shared[0] = "PATH=/usr/bin"
	got := activation.Connection{Remote: unixPath("/run/client.sock")}.AppendEnviron(shared)
	if diff := cmp.Diff([]string{"PATH=/usr/bin", "REMOTE_ADDR=/run/client.sock"}, got); diff != "" {
		t.Errorf("AppendEnviron (-want +got):\n%s", diff)
	}
}

func TestConnectionInstance(t *testing.T) {
	local, remote := inet("127.0.0.1:22"), inet("127.0.0.1:40000")
	vsock := func(cid, port uint32) activation.Endpoint {
		return activation.Endpoint{Family: activation.FamilyVsock, CID: cid, Port: port}
	}
	for _, test := range []struct {
		c    activation.Connection
		want string
	}{
		{activation.Connection{Number: 7, Local: local, Remote: remote}, "7-127.0.0.1:22-127.0.0.1:40000"},
		{activation.Connection{Local: inet("[::1]:22"), Remote: inet("[::1]:40000")}, "0-::1:22-::1:40000"},
		{activation.Connection{Number: 1<<64 - 1, Remote: activation.Endpoint{Family: activation.FamilyUnix, Path: "/x", Cred: credentials}}, "18446744073709551615-812-1000"},
		{activation.Connection{Number: 7, Remote: unixPath("/x\n")}, "7-unknown"},
		{activation.Connection{Number: 7, Local: vsock(2, 22), Remote: vsock(3, 1024)}, "7-2:22-3:1024"},
		{activation.Connection{Number: 7, Local: local}, "7-unknown"},
		{activation.Connection{Number: 7, Remote: remote}, "7-unknown-127.0.0.1:40000"},
	} {
		if got := test.c.Instance(); got != test.want {
			t.Errorf("Instance = %q, want %q", got, test.want)
		}
	}
}

func TestConnectionNames(t *testing.T) {
	c := activation.Connection{Unit: "ssh", Number: 7, Local: inet("127.0.0.1:22"), Remote: inet("203.0.113.9:51312")}
	if got, want := c.Peer(), "203.0.113.9:51312"; got != want {
		t.Errorf("Peer = %q, want %q", got, want)
	}
	if got, want := c.String(), "ssh@7-127.0.0.1:22-203.0.113.9:51312"; got != want {
		t.Errorf("String = %q, want %q", got, want)
	}
}

func TestConnectionAnnounces(t *testing.T) {
	for _, test := range []struct {
		c    activation.Connection
		want bool
	}{
		{activation.Connection{Protocols: everyProtocol}, true},
		{activation.Connection{Protocols: everyProtocol, Stdin: true}, false},
		{activation.Connection{Protocols: ucspiOnly}, false},
	} {
		if got := test.c.Announces(); got != test.want {
			t.Errorf("Announces of %+v = %t", test.c, got)
		}
	}
}

func TestConnectionAppendEnvironAllocatesOnce(t *testing.T) {
	c := busyConnection()
	env := make([]string, 0, 16)
	if allocs := testing.AllocsPerRun(100, func() { c.AppendEnviron(env) }); allocs > 1 {
		t.Errorf("AppendEnviron made %v allocations, want 1", allocs)
	}
}

func BenchmarkConnectionAppendEnviron(b *testing.B) {
	c := busyConnection()
	env := make([]string, 0, 16)
	b.ReportAllocs()
	for b.Loop() {
		c.AppendEnviron(env)
	}
}

func BenchmarkConnectionInstance(b *testing.B) {
	c := busyConnection()
	b.ReportAllocs()
	for b.Loop() {
		_ = c.Instance()
	}
}

// busyConnection sets as many variables as there can be, each as long as it can be.
func busyConnection() activation.Connection {
	longest := inet("[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535")
	return activation.Connection{Number: 1 << 40, Protocols: everyProtocol, Local: longest, Remote: longest, Cookie: 1<<64 - 1}
}
