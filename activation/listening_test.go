package activation_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sockbridge/activation"
)

func TestListeningEnviron(t *testing.T) {
	both := []activation.Protocol{activation.Systemd, activation.Upstart}
	web := activation.Socket{Name: "http", Addr: inet("127.0.0.1:8080")}
	vsock := activation.Endpoint{Family: activation.FamilyVsock, CID: 3, Port: 1024}
	for _, test := range []struct {
		name string
		l    activation.Listening
		want []string
	}{
		{
			"systemd",
			activation.Listening{Unit: "web", Protocols: []activation.Protocol{activation.Systemd}, Sockets: []activation.Socket{web}},
			[]string{"LISTEN_FDS=1", "LISTEN_FDNAMES=http"},
		},
		{
			"Upstart and IPv4",
			activation.Listening{Unit: "web", Protocols: []activation.Protocol{activation.Upstart}, Sockets: []activation.Socket{web}},
			[]string{"UPSTART_FDS=3", "UPSTART_EVENTS=socket", "UPSTART_JOB=web", "UPSTART_INSTANCE=", "PROTO=inet", "PORT=8080", "ADDR=127.0.0.1"},
		},
		{
			"Upstart and IPv6",
			activation.Listening{Unit: "web", Instance: "2", Protocols: []activation.Protocol{activation.Upstart}, Sockets: []activation.Socket{{Addr: inet("[::]:80")}}},
			[]string{"UPSTART_FDS=3", "UPSTART_EVENTS=socket", "UPSTART_JOB=web", "UPSTART_INSTANCE=2", "PROTO=inet6", "PORT=80", "ADDR=::"},
		},
		{
			"Upstart and a Unix path",
			activation.Listening{Unit: "db", Protocols: []activation.Protocol{activation.Upstart}, Sockets: []activation.Socket{{Addr: unixPath("/run/db.sock")}}},
			[]string{"UPSTART_FDS=3", "UPSTART_EVENTS=socket", "UPSTART_JOB=db", "UPSTART_INSTANCE=", "PROTO=unix", "SOCKET_PATH=/run/db.sock"},
		},
		{
			"Upstart and an abstract name",
			activation.Listening{Unit: "db", Protocols: []activation.Protocol{activation.Upstart}, Sockets: []activation.Socket{{Addr: unixPath("@db")}}},
			[]string{"UPSTART_FDS=3", "UPSTART_EVENTS=socket", "UPSTART_JOB=db", "UPSTART_INSTANCE=", "PROTO=unix", "SOCKET_PATH=@db"},
		},
		{
			"Upstart and vsock, which it does not know",
			activation.Listening{Unit: "guest", Protocols: []activation.Protocol{activation.Upstart}, Sockets: []activation.Socket{{Addr: vsock}}},
			[]string{"UPSTART_FDS=3", "UPSTART_EVENTS=socket", "UPSTART_JOB=guest", "UPSTART_INSTANCE="},
		},
		{
			"both and a FIFO",
			activation.Listening{Unit: "pipe", Protocols: both, Sockets: []activation.Socket{{}}},
			[]string{"LISTEN_FDS=1", "LISTEN_FDNAMES=pipe", "UPSTART_FDS=3", "UPSTART_EVENTS=socket", "UPSTART_JOB=pipe", "UPSTART_INSTANCE="},
		},
		{
			"both and two sockets",
			activation.Listening{Unit: "web", Protocols: both, Sockets: []activation.Socket{web, {Addr: unixPath("/run/web.sock")}}},
			[]string{
				"LISTEN_FDS=2", "LISTEN_FDNAMES=http:web",
				"UPSTART_FDS=3 4", "UPSTART_EVENTS=socket", "UPSTART_JOB=web", "UPSTART_INSTANCE=", "PROTO=inet", "PORT=8080", "ADDR=127.0.0.1",
			},
		},
		{
			"names that would break their list",
			activation.Listening{Protocols: []activation.Protocol{activation.Systemd}, Sockets: []activation.Socket{{Name: "a:b"}, {Name: "c\nd"}, {}}},
			[]string{"LISTEN_FDS=3", "LISTEN_FDNAMES=a_b:c_d:unknown"},
		},
		{"UCSPI, which knows no listening sockets", activation.Listening{Unit: "web", Protocols: []activation.Protocol{activation.UCSPI}, Sockets: []activation.Socket{web}}, nil},
		{"no protocol", activation.Listening{Unit: "web", Sockets: []activation.Socket{web}}, nil},
		{"no socket", activation.Listening{Unit: "web", Protocols: everyProtocol}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.l.Environ()); diff != "" {
				t.Errorf("Environ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListeningCutsLongNames(t *testing.T) {
	l := activation.Listening{Protocols: []activation.Protocol{activation.Systemd}, Sockets: []activation.Socket{{Name: strings.Repeat("n", 1000)}}}
	if got, want := l.Environ()[1], "LISTEN_FDNAMES="+strings.Repeat("n", 255); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestListeningAnnounces(t *testing.T) {
	sockets := []activation.Socket{{Name: "http"}}
	for _, test := range []struct {
		l    activation.Listening
		want bool
	}{
		{activation.Listening{Protocols: everyProtocol, Sockets: sockets}, true},
		{activation.Listening{Protocols: []activation.Protocol{activation.Upstart, activation.UCSPI}, Sockets: sockets}, false},
		{activation.Listening{Protocols: everyProtocol}, false},
	} {
		if got := test.l.Announces(); got != test.want {
			t.Errorf("Announces of %+v = %t", test.l, got)
		}
	}
}
