package access

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Offsets in the network header, which a socket filter reaches from skfNetOff (linux/filter.h).
const (
	skfNetOff  = 0xfff00000 // SKF_NET_OFF as the unsigned number that an instruction holds
	ipv4Source = skfNetOff + 12
	ipv6Source = skfNetOff + 8
)

// maxInstructions is the kernel's BPF_MAXINSNS.
const maxInstructions = 4096

// The filter's answers: how many bytes of the packet to keep.
const (
	keep = 0xffffffff
	drop = 0
)

// Filter compiles the list into a classic BPF program for SO_ATTACH_FILTER (socket(7)), for sockets from which the service
// accepts by itself so that we never see its peers: packets of denied peers are dropped by the kernel, their connects time out,
// and nobody counts them. It returns nil where the list denies nobody.
func (l *List) Filter() ([]unix.SockFilter, error) {
	if !l.rules.OnlyFromSet && len(l.rules.NoAccess) == 0 {
		return nil, nil
	}
	v4, v6 := l.family(netip.Addr.Is4), l.family(netip.Addr.Is6)
	// A jump forward reaches 255 instructions, so the long way round the IPv4 part is an unconditional one.
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: skfNetOff},
		{Code: unix.BPF_ALU | unix.BPF_RSH | unix.BPF_K, K: 4},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 4, Jt: 1, Jf: 0},
		{Code: unix.BPF_JMP | unix.BPF_JA, K: uint32(len(v4))},
	}
	program = append(append(program, v4...), v6...)
	if len(program) > maxInstructions {
		return nil, fmt.Errorf("only_from and no_access need %d instructions of a socket filter, the kernel takes %d; "+
			"merge prefixes or use accept = true", len(program), maxInstructions)
	}
	return program, nil
}

// family compiles the rules for one family; the part ends in an answer on every path.
func (l *List) family(is func(netip.Addr) bool) []unix.SockFilter {
	var part []unix.SockFilter
	add := func(list []netip.Prefix, answer uint32) {
		for _, p := range list {
			if is(p.Addr()) {
				part = append(part, test(p, answer)...)
			}
		}
	}
	add(l.rules.NoAccess, drop)
	add(l.rules.OnlyFrom, keep)
	if l.rules.OnlyFromSet {
		return append(part, ret(drop))
	}
	return append(part, ret(keep))
}

// test answers if the source address lies in p, and goes on behind itself if not.
func test(p netip.Prefix, answer uint32) []unix.SockFilter {
	base, bytes := uint32(ipv6Source), p.Addr().AsSlice()
	if p.Addr().Is4() {
		base = ipv4Source
	}
	var code []unix.SockFilter
	for i := 0; i*32 < p.Bits(); i++ {
		mask := uint32(0xffffffff)
		if rest := p.Bits() - i*32; rest < 32 {
			mask <<= 32 - rest
		}
		code = append(
			code,
			unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: base + uint32(i*4)},
			unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: mask},
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: binary.BigEndian.Uint32(bytes[i*4:]) & mask},
		)
	}
	code = append(code, ret(answer))
	for i := range code {
		if code[i].Code == unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K {
			code[i].Jf = uint8(len(code) - 1 - i)
		}
	}
	return code
}

func ret(answer uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: answer}
}
