package supervise

import (
	"errors"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/activation"
)

// Every cell of the table leads somewhere or nowhere on purpose, and what is over is over.
func TestLifeOfClients(t *testing.T) {
	reached := map[clientState]bool{clientArrived: true}
	for state := range clientStates {
		if state.String() == "" {
			t.Errorf("state %d has no name", state)
		}
		for in := range clientInputs {
			if in.String() == "" {
				t.Errorf("input %d has no name", in)
			}
			next := clientLife[state][in]
			if next > neverClient {
				t.Errorf("%v, %v leads to %d", state, in, next)
			}
			if next == clientArrived {
				t.Errorf("%v, %v arrives again", state, in) // an empty cell
			}
			if state > clientLive && next != neverClient {
				t.Errorf("%v is not the end: %v leads to %v", state, in, next)
			}
			reached[next] = true
		}
	}
	if len(reached) != int(clientStates)+1 {
		t.Errorf("only %v can be reached", reached)
	}
}

func TestSourceOf(t *testing.T) {
	inet := func(s string) activation.Endpoint {
		a := netip.MustParseAddrPort(s)
		family := activation.FamilyInet6
		if a.Addr().Is4() {
			family = activation.FamilyInet
		}
		return activation.Endpoint{Family: family, AddrPort: a}
	}
	for _, test := range []struct {
		endpoint activation.Endpoint
		want     string
	}{
		{inet("203.0.113.9:1"), "203.0.113.9"},
		{inet("[2001:db8:0:1:2:3:4:5]:1"), "2001:db8:0:1::/64"},
		{activation.Endpoint{Family: activation.FamilyUnix, Cred: &unix.Ucred{Uid: 1000}}, "uid 1000"},
		{activation.Endpoint{Family: activation.FamilyVsock, CID: 3, Port: 9}, "cid 3"},
		{activation.Endpoint{}, "unknown"},
	} {
		if got := sourceOf(test.endpoint).String(); got != test.want {
			t.Errorf("source of %v is %q, want %q", test.endpoint, got, test.want)
		}
	}
	if sourceOf(inet("[2001:db8::1]:1")) != sourceOf(inet("[2001:db8::2]:2")) {
		t.Error("one network counts as two sources")
	}
	if sourceOf(inet("192.0.2.1:1")) == sourceOf(inet("192.0.2.2:1")) {
		t.Error("two addresses count as one source")
	}
}

// The share of a Unix socket's clients is counted by user.
func TestTemplateOfAUnixSocket(t *testing.T) {
	d := openDoor(t, cat, nil)
	path := filepath.Join(t.TempDir(), "s")
	listener, errSocket := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	client, errClient := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	for _, fd := range []int{listener, client} {
		t.Cleanup(func() { _ = unix.Close(fd) })
	}
	address := &unix.SockaddrUnix{Name: path}
	err := errors.Join(errSocket, errClient, unix.Bind(listener, address), unix.Listen(listener, 8), unix.Connect(client, address))
	if err != nil {
		t.Fatal(err)
	}
	d.template.AcceptFrom(Plain{listener})
	d.counts(Counters{Live: 1})
	want := source{family: activation.FamilyUnix, id: uint32(unix.Getuid())}
	if c := d.template.Clients()[0]; c.Source() != want.String() || c.Remote().Cred == nil || int(c.Remote().Cred.Pid) != unix.Getpid() {
		t.Errorf("client %q of source %q, want %q", c.Peer(), c.Source(), want)
	}
	if err := unix.Shutdown(client, unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	d.until("served", func() bool { return d.template.Counters().Served == 1 })
}

// A socket that others share keeps its blocking mode, and nobody waits in accept.
func TestPlain(t *testing.T) {
	d := openDoor(t, cat, nil)
	p := Plain{d.queue.fd}
	for _, nonBlocking := range []bool{false, true} {
		if err := unix.SetNonblock(p.FD, nonBlocking); err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.Take(); !errors.Is(err, unix.EAGAIN) {
			t.Errorf("nobody is there, and Take says %v", err)
		}
		d.call()
		fd, peer, err := p.Take()
		if err != nil || activation.EndpointOf(peer).Family != activation.FamilyInet {
			t.Fatalf("Take: %v, %v", peer, err)
		}
		flags, errFlags := unix.FcntlInt(uintptr(p.FD), unix.F_GETFL, 0)
		if errFlags != nil || (flags&unix.O_NONBLOCK != 0) != nonBlocking {
			t.Errorf("the mode was changed: %#x, %v", flags, errFlags)
		}
		if on, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || on != unix.FD_CLOEXEC {
			t.Errorf("flags of the connection: %d, %v", on, err)
		}
		if err := errors.Join(p.SetUp(fd), p.Mend(), unix.Close(fd)); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := (Plain{-1}).Take(); !errors.Is(err, unix.EBADF) {
		t.Errorf("a descriptor that is none: %v", err)
	}
}

func BenchmarkTemplateAdmits(b *testing.B) {
	t := &Template{engine: &Engine{}, clients: map[string]*Client{}, sources: map[source]int{}}
	from := source{family: activation.FamilyInet, network: netip.MustParsePrefix("192.0.2.1/32")}
	b.ReportAllocs()
	for b.Loop() {
		t.counts[clientArrived]++
		c := &Client{template: t, id: t.engine.NewConn(), source: from, accepted: time.Time{}}
		c.feed(clientAdmitted)
		c.feed(clientBegun)
		c.feed(clientEnded)
	}
}

// Whenever an instance is killed, also while its start goes on, its client is accounted for and what was lent is given back.
func TestTemplateKillsStarts(t *testing.T) {
	const all = 30
	d := openDoor(t, cat, nil)
	for range all {
		c := d.call()
		d.accept()
		for _, here := range d.template.Clients() {
			here.Kill()
		}
		c.hears("")
	}
	d.until("all are accounted for", func() bool {
		c := d.template.Counters()
		return c.Served+c.SpawnFailed == all && c.Accepted == all
	})
	if len(d.template.Clients()) != 0 || d.lent != 0 {
		t.Errorf("%d clients are left, %d lent", len(d.template.Clients()), d.lent)
	}
}
