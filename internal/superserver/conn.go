package superserver

import (
	"golang.org/x/sys/unix"

	"sockbridge/activation"
	"sockbridge/internal/launch"
	"sockbridge/internal/supervise"
	"sockbridge/units"
)

// prepare is what the instance of a connection runs and is given.
func (a *acceptor) prepare(c *supervise.Client) (supervise.Prepared, error) {
	given, err := a.unit.given(c)
	return supervise.Prepared{Program: a.unit.program, Launch: given, Group: true}, err
}

// given is the connection as descriptor 3, or as 0 and 1, and what is told of it.
func (u *unit) given(c *supervise.Client) (s launch.Start, err error) {
	fd := c.FD()
	if s.Streams, err = u.streams(fd); err != nil {
		return s, err
	}
	passed := activation.Connection{
		Number: c.Number(), Unit: u.conf.Name, Protocols: protocols(u.conf), Remote: c.Remote(),
		Stdin: u.conf.Service.StandardInput.Kind == units.StreamSocket,
	}
	if from, ok := c.Socket().(*socket); ok {
		passed.Name = from.listener.Name
	}
	if !passed.Stdin {
		s.Files = []int{fd}
	}
	// Both are only told to the service; of a client that has left they are unknown.
	if local, err := unix.Getsockname(fd); err == nil {
		passed.Local = activation.EndpointOf(local)
	}
	if cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE); err == nil {
		passed.Cookie = cookie
	}
	s.Env, s.Announce = passed.AppendEnviron(nil), passed.Announces()
	return s, nil
}
