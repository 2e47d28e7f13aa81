package controllers

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What is accepted prints as flags that are accepted again, and mean the same.
func FuzzSocketFlags(f *testing.F) {
	for _, s := range []string{
		"", "unix,listen", "tcp,listen=7x,nonblock", "udp,tcp", "inet6,inet,dgram", "vsock,listen=", "mode=620,owner=0,group=0,backlog=9,v6only",
		"tcp,,reuseport,nodelay,keepalive", "listen=0", "bogus", "mode=888", "tcp=1", "mkdir,bind,seqpacket",
	} {
		f.Add(s, "127.0.0.1:80")
	}
	for _, a := range []string{"*:80", "[::1]:0", "[::]", "*", "@x", "/run/x", "2:80", ":1", "1.2.3.4:65536", "[::1%lo]:1", "]:", "[", "\x00"} {
		f.Add("tcp", a)
		f.Add("inet6", a)
		f.Add("vsock", a)
		f.Add("", a)
	}
	f.Fuzz(func(t *testing.T, flags, address string) {
		if strings.Contains(flags, "owner") || strings.Contains(flags, "group") {
			return // they ask the host
		}
		r, err := parseSocket(flags)
		if err != nil {
			return
		}
		r.address = address
		r.settle()
		again, err := parseSocket(r.text())
		if err != nil {
			t.Fatalf("%q prints as %q: %v", flags, r.text(), err)
		}
		again.address = address
		again.settle()
		if again.text() != r.text() || again.domain() != r.domain() || again.backlog != r.backlog || again.mode != r.mode {
			t.Errorf("%q prints as %q, which is read as %q", flags, r.text(), again.text())
		}
		where, err := r.parse()
		if err == nil && where != nil {
			checkPort(t, where)
		}
	})
}

func checkPort(t *testing.T, where unix.Sockaddr) {
	t.Helper()
	port := 0
	switch a := where.(type) {
	case *unix.SockaddrInet4:
		port = a.Port
	case *unix.SockaddrInet6:
		port = a.Port
	case *unix.SockaddrUnix:
		if a.Name == "" || len(a.Name) > maxUnixPath {
			t.Errorf("path %q", a.Name)
		}
	}
	if port < 0 || port > 65535 {
		t.Errorf("port %d", port)
	}
}

func FuzzFileFlags(f *testing.F) {
	f.Add("read,write,append")
	f.Add(",,create,trunc,mkdir,nonblock")
	f.Add("read=1")
	f.Fuzz(func(t *testing.T, flags string) {
		r, err := parseFile(flags)
		if err != nil {
			return
		}
		again, err := parseFile(r.text())
		if err != nil || again.text() != r.text() || again.flags() != r.flags() {
			t.Errorf("%q prints as %q: %+v, %v", flags, r.text(), again, err)
		}
	})
}

func FuzzPipeFlags(f *testing.F) {
	f.Add("unix,dgram,nonblock")
	f.Add("-,tcp")
	f.Add("vsock")
	f.Fuzz(func(t *testing.T, flags string) {
		r, err := parsePipe(flags)
		if err != nil {
			return
		}
		if from, to := r.texts(); from == "" || to == "" || r.sockets != (from == to) {
			t.Errorf("%q is %q and %q", flags, from, to)
		}
	})
}

func FuzzServiceOptions(f *testing.F) {
	f.Add("umask=022\tnice=-5\trlimit.core=0:infinity\tenv=A=B\tkill_signal=SIGINT\tkill_timeout=5\tcontrol=admin\tdir=/")
	f.Add("rlimit.=1\tsession=maybe\tnotify=yes\t=\tenv=\t")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "user") || strings.Contains(text, "group") {
			return // they ask the host
		}
		s, err := parseSettings(nil, strings.Split(text, "\t"))
		if err != nil {
			return
		}
		if s.umask > 0o777 || s.killTimeout < 0 || len(s.env) > maxVariables || s.nice != nil && (*s.nice < -20 || *s.nice > 19) {
			t.Errorf("%q is %+v", text, s)
		}
	})
}
