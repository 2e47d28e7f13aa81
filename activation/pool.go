package activation

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// given holds what this process was given and nobody took yet.
var given = pool{load: func() ([]FD, error) { return thisProcess().passed() }}

// A pool gives each descriptor to one owner.
type pool struct {
	load func() ([]FD, error) // called once, by the first take

	mu     sync.Mutex
	loaded bool
	err    error // of load: every take fails
	fds    []FD
}

// take removes the descriptors of a kind from the pool.
func (p *pool) take(want kind) ([]FD, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.loaded {
		p.fds, p.err = p.load()
		p.loaded = true
	}
	if p.err != nil {
		return nil, p.err
	}
	var taken, rest []FD
	for _, fd := range p.fds {
		k, err := kindOf(fd.FD)
		if err != nil {
			return nil, fmt.Errorf("cannot look at descriptor %d: %w", fd.FD, err)
		}
		if k == want {
			taken = append(taken, fd)
		} else {
			rest = append(rest, fd)
		}
	}
	p.fds = rest
	if len(taken) == 0 {
		return nil, ErrNotActivated
	}
	return taken, nil
}

// passed returns the descriptors of the first convention that announces any; inetd's announces nothing.
func (p process) passed() ([]FD, error) {
	fds, err := p.inherited(true)
	if err != nil || len(fds) > 0 {
		return fds, errors.Join(err, p.unset(upstartFDs)) // the same sockets, where both are set
	}
	fds, err = p.upstartFDs()
	if err != nil || len(fds) > 0 {
		return fds, err
	}
	return []FD{{FD: unix.Stdin, Name: unknownName}}, nil
}

// kind is what a descriptor is good for.
type kind int

const (
	noSocket kind = iota
	listening
	datagrams
	connected
)

func kindOf(fd int) (kind, error) {
	socketType, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	switch {
	case errors.Is(err, unix.ENOTSOCK), errors.Is(err, unix.EBADF): // standard input may be closed
		return noSocket, nil
	case err != nil:
		return noSocket, err
	case socketType == unix.SOCK_DGRAM:
		return datagrams, nil
	}
	accepts, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return noSocket, err
	}
	if accepts != 0 {
		return listening, nil
	}
	return connected, nil
}
