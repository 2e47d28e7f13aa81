package access

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"sockbridge/units"
)

// execute runs a program on a packet's network header as the kernel does, and fails on whatever the kernel would refuse.
func execute(t *rapid.T, program []unix.SockFilter, header []byte) uint32 {
	var a uint32
	for pc := 0; pc < len(program); pc++ {
		in := program[pc]
		switch in.Code {
		case unix.BPF_LD | unix.BPF_B | unix.BPF_ABS:
			a = uint32(header[in.K-skfNetOff])
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			a = binary.BigEndian.Uint32(header[in.K-skfNetOff:])
		case unix.BPF_ALU | unix.BPF_RSH | unix.BPF_K:
			a >>= in.K
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= in.K
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(in.K)
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			if a == in.K {
				pc += int(in.Jt)
			} else {
				pc += int(in.Jf)
			}
		case unix.BPF_RET | unix.BPF_K:
			return in.K
		default:
			t.Fatalf("unknown instruction %+v", in)
		}
	}
	t.Fatal("the program does not end in an answer")
	return 0
}

func header(from netip.Addr) []byte {
	h := make([]byte, 40)
	if from.Is4() {
		h[0] = 0x45
		copy(h[12:], from.AsSlice())
	} else {
		h[0] = 0x60
		copy(h[8:], from.AsSlice())
	}
	return h
}

func TestFilterAgreesWithDecide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, peer := genAccess(t), genAddr(t, "peer")
		list := New(rules)
		program, err := list.Filter()
		if err != nil {
			t.Fatal(err)
		}
		got := program == nil || execute(t, program, header(peer)) != drop
		if want := list.Decide(peer).Allowed; got != want {
			t.Fatalf("%+v, peer %v: filter says %v, Decide %v", rules, peer, got, want)
		}
	})
}

func TestFilterTooLong(t *testing.T) {
	var rules units.Access
	for i := range maxInstructions / 4 {
		rules.NoAccess = append(rules.NoAccess, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24))
	}
	if _, err := New(rules).Filter(); err == nil {
		t.Error("a program that the kernel refuses was returned")
	}
	rules.NoAccess = rules.NoAccess[:1000]
	program, err := New(rules).Filter()
	if err != nil {
		t.Fatal(err)
	}
	attach(t, listen(t, netip.MustParseAddr("127.0.0.1")), program)
}

func listen(t *testing.T, at netip.Addr) int {
	t.Helper()
	family, addr := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Addr: at.As16()})
	if at.Is4() {
		family, addr = unix.AF_INET, &unix.SockaddrInet4{Addr: at.As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if at.Is6() {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
	}
	if err := errors.Join(err, unix.Bind(fd, addr), unix.Listen(fd, 8)); err != nil {
		t.Fatal(err)
	}
	return fd
}

func attach(t *testing.T, fd int, program []unix.SockFilter) {
	t.Helper()
	fprog := &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, fprog); err != nil {
		t.Fatal(err)
	}
}

// connects reports whether a client at from gets a connection to port within a moment.
func connects(t *testing.T, from string, port int) bool {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: netip.MustParseAddr(from).As4()}); err != nil {
		t.Fatal(err)
	}
	err = unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port})
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		t.Fatal(err)
	}
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end); {
		if n, err := unix.Poll(poll, 50); n == 1 && err == nil {
			return poll[0].Revents&unix.POLLOUT != 0
		}
	}
	return false
}

// The kernel runs the same program: denied clients get no connection, on an IPv4 socket and on a dual-stack one.
func TestFilterInTheKernel(t *testing.T) {
	t.Parallel()
	list := New(units.Access{OnlyFromSet: true, OnlyFrom: prefixes("127.0.1.0/24", "::1/128"), NoAccess: prefixes("127.0.1.7/32")})
	program, err := list.Filter()
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"127.0.0.1", "::"} {
		fd := listen(t, netip.MustParseAddr(at))
		attach(t, fd, program)
		sa, err := unix.Getsockname(fd)
		if err != nil {
			t.Fatal(err)
		}
		var port int
		switch a := sa.(type) {
		case *unix.SockaddrInet4:
			port = a.Port
		case *unix.SockaddrInet6:
			port = a.Port
		}
		for from, want := range map[string]bool{"127.0.1.1": true, "127.0.1.7": false, "127.0.2.1": false} {
			if got := connects(t, from, port); got != want {
				t.Errorf("listening at %s, client %s: connected %v, want %v", at, from, got, want)
			}
		}
	}
}
