package listener

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// A Problem is why a unit cannot have one of its addresses.
type Problem struct { //nolint:errname // shown one by one, returned by no function as an error
	Unit string
	Addr units.Address
	Err  error  // "cannot bind tcp 0.0.0.0:80: address already in use"
	Hint string // who or what is in the way and what to do about it; empty where that is not known
}

func (p Problem) Error() string { return fmt.Sprintf("unit %q: %v", p.Unit, p.Err) }

func (p Problem) Unwrap() error { return p.Err }

func (c *Change) problem(sl *slot, err error) Problem {
	return Problem{Unit: sl.unit.Name, Addr: sl.addr, Err: err, Hint: c.hint(sl, err)}
}

// hints are those that follow from the error alone.
var hints = []struct {
	errno unix.Errno
	text  string
}{
	{unix.EADDRNOTAVAIL, "no interface has this address now; free_bind = true binds it all the same"},
	{unix.EROFS, "a folder under /run is the usual place"},
	{unix.ENOSPC, "the disk is full"},
	{unix.EDQUOT, "the disk quota is used up"},
	{unix.EMFILE, "the limit of open files is reached: raise it with ulimit -n"},
	{unix.ENFILE, "the host's limit of open files is reached: raise the sysctl fs.file-max"},
	{unix.EAFNOSUPPORT, "the kernel does not have this kind of socket"},
	{unix.EPROTONOSUPPORT, "the kernel does not have this protocol"},
	{unix.ENODEV, "there is no such network device now"},
	{unix.ENOTDIR, "a part of the path is a file, not a folder"},
	{unix.ELOOP, "a part of the path is a symbolic link in a circle"},
	{unix.EEXIST, "remove it, if nobody needs it, or choose another path"},
	{unix.EPERM, "this needs privileges: root, or CAP_NET_ADMIN for options of sockets and CAP_CHOWN for owners of nodes"},
}

// hint tells who is in the way, or what to do.
func (c *Change) hint(sl *slot, err error) string {
	a := sl.addr
	internet := a.Network == units.TCP || a.Network == units.UDP
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return c.hintInUse(a)
	case errors.Is(err, unix.EACCES) && internet:
		return "ports below 1024 need root, CAP_NET_BIND_SERVICE, or a lower sysctl net.ipv4.ip_unprivileged_port_start"
	case errors.Is(err, unix.EACCES):
		return "the manager's account may not write in that folder"
	case errors.Is(err, unix.ENAMETOOLONG):
		return fmt.Sprintf("the path has %d bytes, and a Unix socket's at most %d; symlinks can lead to a shorter one", len(a.Path), maxPath)
	}
	for _, h := range hints {
		if errors.Is(err, h.errno) {
			return h.text
		}
	}
	return ""
}

func (c *Change) hintInUse(a units.Address) string {
	for _, l := range c.set.live {
		if territory(l.Addr) == territory(a) {
			return fmt.Sprintf("unit %q listens on %s", l.Unit, l.Addr)
		}
	}
	if p, ok := c.census.holder(a); ok {
		return fmt.Sprintf("%v has it", p)
	}
	return "another process has it"
}
