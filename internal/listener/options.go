package listener

import (
	"fmt"
	"math"
	"reflect"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// An option is one key of [socket] that is a number to setsockopt(2). Accepted TCP connections inherit all of them but
// priority, since Linux makes a connection as a copy of its listener; for the rest there is SetUpConnection.
type option struct {
	key   string
	on    func(shape) bool
	value func(*units.Socket) (v int, set bool) // not set: the kernel's own value
	at    func(shape) []sockopt
}

// A sockopt is a level and a name of setsockopt(2).
type sockopt struct{ level, name int }

// options lists all of them in the order in which they are set, which matters once: IP_TOS overwrites SO_PRIORITY
// (ip(7)), so it comes first.
var options = []option{
	{"reuse_port", isInternet, flag(func(s *units.Socket) bool { return s.ReusePort }), both(unix.SO_REUSEPORT)},
	{"free_bind", isInternet, flag(func(s *units.Socket) bool { return s.FreeBind }), byFamily(unix.IP_FREEBIND, unix.IPV6_FREEBIND)},
	{"transparent", isInternet, flag(func(s *units.Socket) bool { return s.Transparent }), byFamily(unix.IP_TRANSPARENT, unix.IPV6_TRANSPARENT)},
	{"ip_tos", isInternet, number(func(s *units.Socket) *int { return s.IPTOS }), alsoMapped(unix.IP_TOS, unix.IPV6_TCLASS)},
	{"ip_ttl", isInternet, number(func(s *units.Socket) *int { return s.IPTTL }), alsoMapped(unix.IP_TTL, unix.IPV6_UNICAST_HOPS)},
	priority,
	{"mark", isInternet, number(func(s *units.Socket) *int { return s.Mark }), both(unix.SO_MARK)},
	{"keep_alive", isTCP, flag(func(s *units.Socket) bool { return s.KeepAlive }), both(unix.SO_KEEPALIVE)},
	{"keep_alive_time_sec", isTCP, seconds(func(s *units.Socket) time.Duration { return s.KeepAliveTimeSec }), tcp(unix.TCP_KEEPIDLE)},
	{"keep_alive_interval_sec", isTCP, seconds(func(s *units.Socket) time.Duration { return s.KeepAliveIntervalSec }), tcp(unix.TCP_KEEPINTVL)},
	{"keep_alive_probes", isTCP, positive(func(s *units.Socket) int { return s.KeepAliveProbes }), tcp(unix.TCP_KEEPCNT)},
	{"no_delay", isTCP, flag(func(s *units.Socket) bool { return s.NoDelay }), tcp(unix.TCP_NODELAY)},
	{"defer_accept_sec", isTCP, seconds(func(s *units.Socket) time.Duration { return s.DeferAcceptSec }), tcp(unix.TCP_DEFER_ACCEPT)},
	{"broadcast", isUDP, flag(func(s *units.Socket) bool { return s.Broadcast }), both(unix.SO_BROADCAST)},
	{"pass_packet_info", isUDP, flag(func(s *units.Socket) bool { return s.PassPacketInfo }), byFamily(unix.IP_PKTINFO, unix.IPV6_RECVPKTINFO)},
	{"pass_credentials", isUnix, flag(func(s *units.Socket) bool { return s.PassCredentials }), both(unix.SO_PASSCRED)},
}

var priority = option{"priority", isInternet, number(func(s *units.Socket) *int { return s.Priority }), both(unix.SO_PRIORITY)}

// Which sockets an option is for. Units put addresses of several families under the same options, so that an option
// is left out where it means nothing.
func isInternet(sh shape) bool { return sh.domain == unix.AF_INET || sh.domain == unix.AF_INET6 }
func isTCP(sh shape) bool      { return isInternet(sh) && sh.kind == unix.SOCK_STREAM }
func isUDP(sh shape) bool      { return isInternet(sh) && sh.kind == unix.SOCK_DGRAM }
func isUnix(sh shape) bool     { return sh.domain == unix.AF_UNIX }

func flag(of func(*units.Socket) bool) func(*units.Socket) (int, bool) {
	return func(s *units.Socket) (int, bool) { return 1, of(s) }
}

func number(of func(*units.Socket) *int) func(*units.Socket) (int, bool) {
	return func(s *units.Socket) (int, bool) {
		if p := of(s); p != nil {
			return *p, true
		}
		return 0, false
	}
}

func positive(of func(*units.Socket) int) func(*units.Socket) (int, bool) {
	return func(s *units.Socket) (int, bool) { return of(s), of(s) > 0 }
}

// seconds rounds up: half a second must not become "off".
func seconds(of func(*units.Socket) time.Duration) func(*units.Socket) (int, bool) {
	return func(s *units.Socket) (int, bool) {
		d := of(s)
		return int(min((d-1)/time.Second+1, math.MaxInt32)), d > 0
	}
}

func both(name int) func(shape) []sockopt {
	return func(shape) []sockopt { return []sockopt{{unix.SOL_SOCKET, name}} }
}

func tcp(name int) func(shape) []sockopt {
	return func(shape) []sockopt { return []sockopt{{unix.IPPROTO_TCP, name}} }
}

func byFamily(v4, v6 int) func(shape) []sockopt {
	return func(sh shape) []sockopt {
		if sh.domain == unix.AF_INET6 {
			return []sockopt{{unix.IPPROTO_IPV6, v6}}
		}
		return []sockopt{{unix.IPPROTO_IP, v4}}
	}
}

// alsoMapped sets the IPv4 option on IPv6 sockets too, for their IPv4 clients.
func alsoMapped(v4, v6 int) func(shape) []sockopt {
	return func(sh shape) []sockopt {
		if sh.domain == unix.AF_INET6 && !sh.v6Only {
			return []sockopt{{unix.IPPROTO_IP, v4}, {unix.IPPROTO_IPV6, v6}}
		}
		return byFamily(v4, v6)(sh)
	}
}

// set changes one option from what old says (nil: a socket with the kernel's values) to what s says.
func (o option) set(fd int, sh shape, old, s *units.Socket) error {
	v, set := o.value(s)
	if same(o.value, old, s) && !(o.key == priority.key && set && !same(number(tos), old, s)) {
		return nil
	}
	for _, at := range o.at(sh) {
		err := at.set(fd, sh, v, set)
		if err != nil && set {
			return fmt.Errorf("cannot set %s to %d: %w", o.key, v, err)
		}
		if err != nil {
			return fmt.Errorf("cannot reset %s: %w", o.key, err)
		}
	}
	return nil
}

func tos(s *units.Socket) *int { return s.IPTOS }

// same compares a value of two generations. Nothing set equals no generation.
func same(value func(*units.Socket) (int, bool), old, s *units.Socket) bool {
	v, set := value(s)
	if old == nil {
		return !set
	}
	oldV, oldSet := value(old)
	return set == oldSet && (v == oldV || !set)
}

// set gives the option its value, or without one what a new socket has.
func (at sockopt) set(fd int, sh shape, v int, set bool) error {
	if !set {
		var err error
		if v, err = at.kernels(sh); err != nil {
			return err
		}
	}
	return unix.SetsockoptInt(fd, at.level, at.name, v)
}

// kernels asks a new socket for its value of the option.
func (at sockopt) kernels(sh shape) (int, error) {
	fd, err := scratch(sh)
	if err != nil {
		return 0, err
	}
	defer closeQuietly(fd)
	return unix.GetsockoptInt(fd, at.level, at.name)
}

// scratch makes a socket to ask or to try on; it is never bound.
func scratch(sh shape) (int, error) {
	return unix.Socket(sh.domain, sh.kind|unix.SOCK_CLOEXEC, sh.protocol)
}

// applyOptions sets on fd everything in which s differs from old; old is nil for a new socket. A FIFO has no options.
func applyOptions(fd int, sh shape, old, s *units.Socket) error {
	if sh == (shape{}) {
		return nil
	}
	for _, o := range options {
		if o.on(sh) {
			if err := o.set(fd, sh, old, s); err != nil {
				return err
			}
		}
	}
	if err := setBuffers(fd, old, s); err != nil {
		return err
	}
	for _, w := range wordOptions {
		if err := w.set(fd, sh, old, s); err != nil {
			return err
		}
	}
	return nil
}

// sameOptions reports whether all is equal but the addresses. A reload of thousands of units mostly finds that.
func sameOptions(old, s *units.Socket) bool {
	if old == s {
		return true
	}
	a, b := *old, *s
	a.Listen, b.Listen = nil, nil
	return reflect.DeepEqual(a, b)
}

// rehearse tries a change of options on a socket of its own, so that a reload fails before it has changed anything.
func rehearse(sh shape, old, s *units.Socket) error {
	if sh == (shape{}) {
		return nil
	}
	fd, err := scratch(sh)
	if err != nil {
		return fmt.Errorf("cannot make socket: %w", err)
	}
	defer closeQuietly(fd)
	return applyOptions(fd, sh, old, s)
}
