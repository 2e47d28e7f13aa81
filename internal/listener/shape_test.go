package listener

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

func TestShapeThatIsBoundIsTheOneThatWasAskedFor(t *testing.T) {
	for name, a := range everyKind(t) {
		t.Run(name, func(t *testing.T) {
			_, l := one(t, a)
			sh, err := shapeOf(l.FD)
			if err != nil || sh != l.shape {
				t.Errorf("the kernel says %+v, %v; want %+v", sh, err, l.shape)
			}
			if n, ok := sh.network(); n != a.Network || !ok {
				t.Errorf("network is %v, %v; want %v", n, ok, a.Network)
			}
			got, err := addressOf(l.FD, sh)
			if err != nil || a.Port == 0 && got.Path != a.Path || got.IP != a.IP {
				t.Errorf("address is %+v, %v; want %+v", got, err, a)
			}
		})
	}
}

func TestPortAloneWithoutIPv6(t *testing.T) {
	a := tcpAt(netip.IPv6Unspecified(), 80)
	a.DualStack = true
	s := socket(a)
	sh := host{}.shapeFor(a, &s)
	if sh.domain != unix.AF_INET {
		t.Fatalf("family is %d, want IPv4", sh.domain)
	}
	sa, err := sockaddr(a, sh, -1)
	if in4, ok := sa.(*unix.SockaddrInet4); !ok || err != nil || in4.Port != 80 || in4.Addr != [4]byte{} {
		t.Errorf("bound to %+v, %v", sa, err)
	}
	if got := (&slot{addr: a, shape: sh}).inheritedKey(); got != "tcp 0.0.0.0:80" {
		t.Errorf("adopted as %q", got)
	}
}

func TestShapesThatNoUnitCanName(t *testing.T) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	mustSucceed(t, err)
	defer closeQuietly(fd)
	sh, err := shapeOf(fd)
	mustSucceed(t, err)
	if _, ok := sh.network(); ok {
		t.Error("netlink is a network of units")
	}
	if _, err := addressOf(fd, sh); err == nil {
		t.Error("netlink has an address")
	}
}
