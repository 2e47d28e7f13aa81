package proxy

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/launch"
	"sockbridge/internal/supervise"
)

// maxInherited bounds the numbers of the descriptors that become handles.
const maxInherited = 1024

// inheritedFDs are the descriptors from 3 on that our parent left open for us. What Go and we open ourselves is close-on-exec,
// and what is inherited cannot be.
func inheritedFDs() (list []int) {
	for fd := 3; fd < maxInherited; fd++ {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC == 0 {
			list = append(list, fd)
		}
	}
	return list
}

// setCloseOnExec has descriptors not stay open in programs of ours by accident.
func setCloseOnExec(fds []int) {
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
}

// nameInherited makes handles of the descriptors that we were started with: stdin, stdout and stderr, and fd_N. Their handles
// are copies, so that the numbers 0 to 2 are always something, whatever becomes of the names.
func (p *program) nameInherited(fds []int) {
	for fd, name := range []string{"stdin", "stdout", stderrName} {
		if err := p.nameStandard(fd, name); err != nil {
			p.log.Write(control.LevelError, err.Error())
		}
	}
	for _, fd := range fds {
		h := introspect("fd_"+strconv.Itoa(fd), fd)
		kept, err := launch.Keep(fd)
		if err == nil {
			h.FD = kept
			err = p.add(h)
		}
		if err != nil {
			p.log.Write(control.LevelError, fmt.Sprintf("cannot make a handle of descriptor %d: %v", fd, err))
		}
	}
}

// nameStandard makes the handle of a standard descriptor. Where that serves a controller, or the program goes into the
// background, the name means /dev/null.
func (p *program) nameStandard(fd int, name string) error {
	source := fd
	if fd == unix.Stderr {
		source = p.log.stderr()
	}
	h := introspect(name, source)
	if p.taken(fd) {
		h = &supervise.Handle{Name: name, Kind: "file", Flags: "read", Text: unknown}
		if fd > 0 {
			h.Flags = "write"
		}
		source = p.engine.Handle("null").FD
	} else {
		p.standard[name] = fd
	}
	copied, err := unix.FcntlInt(uintptr(source), unix.F_DUPFD_CLOEXEC, launch.LongLived)
	if err == nil {
		h.FD = copied
		err = p.add(h)
	}
	if err != nil {
		return fmt.Errorf("cannot make the handle %q: %w", name, err)
	}
	return nil
}

// taken reports whether a standard descriptor is not for services.
func (p *program) taken(fd int) bool {
	s := p.settings
	switch {
	case s.daemonize:
		return true
	case fd == 0:
		return s.interactive || s.config == configStdin
	}
	return fd == 1 && s.interactive
}

// add gives a handle to the engine, or closes its descriptor.
func (p *program) add(h *supervise.Handle) error {
	err := p.engine.AddHandles(h)
	if err != nil {
		closeQuietly(h.FD)
	}
	return err
}

// unknown is the description of a descriptor of which only the kernel knows what it is.
const unknown = "unknown"

// introspect describes a descriptor as far as the kernel tells.
func introspect(name string, fd int) *supervise.Handle {
	h := &supervise.Handle{Name: name, FD: fd, Kind: "file", Text: unknown}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		flags = 0
	}
	if shape, ok := socketShape(fd); ok {
		h.Kind, h.Flags = "socket", shape
	} else {
		h.Flags = [...]string{unix.O_RDONLY: "read", unix.O_WRONLY: "write", unix.O_RDWR: "read,write", 3: "read"}[flags&unix.O_ACCMODE]
		if flags&unix.O_APPEND != 0 {
			h.Flags += ",append"
		}
	}
	if flags&unix.O_NONBLOCK != 0 {
		h.Flags += ",nonblock"
	}
	return h
}

// socketShape is family and type of a socket, and whether it listens; false: it is none.
func socketShape(fd int) (string, bool) {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return "", false
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return "", false
	}
	shape := word(domain, map[int]string{unix.AF_UNIX: "unix", unix.AF_INET: "inet", unix.AF_INET6: "inet6", unix.AF_VSOCK: "vsock"}) + "," +
		word(kind, map[int]string{unix.SOCK_STREAM: "stream", unix.SOCK_DGRAM: "dgram", unix.SOCK_SEQPACKET: "seqpacket"})
	return shape, true
}

func word(n int, words map[int]string) string {
	if w := words[n]; w != "" {
		return w
	}
	return unknown
}
