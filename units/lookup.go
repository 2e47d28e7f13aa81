package units

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strconv"
	"strings"
	"syscall"
)

// A Lookup is what loading asks of the host. A function that is nil is the system's. Errors that wrap fs.ErrNotExist
// mean that there is no such thing. The functions are called by one goroutine at a time.
type Lookup struct {
	// User returns the account of a user by name or decimal number, without Groups.
	User func(name string) (Account, error)
	// Group returns the number and the name of a group by name or decimal number. A number needs no group of its own.
	Group func(name string) (gid int, group string, err error)
	// Groups returns the groups of a user as initgroups(3) sets them: gid, and those that list the user. Sorted.
	Groups func(user string, gid int) ([]int, error)
	// Self returns the manager's own account, complete.
	Self func() (Account, error)

	// Host returns the addresses of a host name.
	Host func(ctx context.Context, name string) ([]netip.Addr, error)
	// Service returns the port of a service name on "tcp" or "udp".
	Service func(ctx context.Context, network, name string) (uint16, error)
	// BindV6Only returns net.ipv6.bindv6only: whether IPv6 sockets take no IPv4 clients unless told.
	BindV6Only func() bool
	// MostFiles returns fs.nr_open: the highest limit of descriptors that a process can have.
	MostFiles func() uint64

	// Executable returns why a path cannot be executed.
	Executable func(path string) error
	// Variable returns a variable of the manager's environment.
	Variable func(name string) (string, bool)
	// File returns the content of an environment_file of a service that runs as owner. It is the owner's, or root's where
	// root alone can put it, and no other can write it; with an owner of -1 it is anybody's.
	File func(path string, owner int) ([]byte, error)
}

// withSystem returns l with the system's functions where it has none.
func (l *Lookup) withSystem() *Lookup {
	var filled Lookup
	if l != nil {
		filled = *l
	}
	a := &accounts{}
	fill(&filled.User, a.user)
	fill(&filled.Group, a.findGroup)
	fill(&filled.Groups, a.groups)
	fill(&filled.Self, a.self)
	fill(&filled.Host, systemHost)
	fill(&filled.Service, systemService)
	fill(&filled.BindV6Only, systemBindV6Only)
	fill(&filled.MostFiles, systemMostFiles)
	fill(&filled.Executable, systemExecutable)
	fill(&filled.Variable, os.LookupEnv)
	fill(&filled.File, systemFile)
	return &filled
}

// fill sets the function *f where it is nil.
func fill[F any](f *F, system F) {
	if reflect.ValueOf(*f).IsNil() {
		*f = system
	}
}

func systemHost(ctx context.Context, name string) ([]netip.Addr, error) {
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return nil, fs.ErrNotExist
	}
	return ips, err
}

func systemService(ctx context.Context, network, name string) (uint16, error) {
	port, err := net.DefaultResolver.LookupPort(ctx, network, name)
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return 0, fs.ErrNotExist
	}
	return uint16(port), err
}

func systemBindV6Only() bool {
	text, err := os.ReadFile("/proc/sys/net/ipv6/bindv6only")
	return err == nil && strings.TrimSpace(string(text)) == "1" // no such file: no IPv6, nothing to take
}

// systemMostFiles returns the kernel's own bound where the sysctl cannot be read: setrlimit(2) has the last word.
func systemMostFiles() uint64 {
	text, err := os.ReadFile("/proc/sys/fs/nr_open")
	n, perr := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || perr != nil {
		return math.MaxInt32
	}
	return n
}

func systemExecutable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return reason(err)
	case !info.Mode().IsRegular():
		return errors.New("not a file")
	case info.Mode()&0o111 == 0:
		return syscall.EACCES
	}
	return nil
}
