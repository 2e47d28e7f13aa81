package controllers

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/launch"
	"sockbridge/internal/listener"
	"sockbridge/internal/loop"
)

const (
	// doorBacklog is how many clients may wait before they are accepted.
	doorBacklog = 2
	// fullPause is how often the log is told that clients wait for a free controller.
	fullPause = 5 * time.Second
	// acceptPause follows an accept(2) for which the kernel has no room.
	acceptPause = 100 * time.Millisecond
)

// A door is the control socket.
type door struct {
	server *Server
	fd     int
	path   string // that we made; empty: somebody else did
	events *loop.Watch
	pause  *loop.Timer
}

// Listen serves the controllers that connect to a listening socket, which it takes ownership of, in place of the one before.
func (s *Server) Listen(fd int) error {
	if err := s.DeleteSocket(); err != nil {
		s.trouble(err)
	}
	return s.open(&door{server: s, fd: fd})
}

// CreateSocket listens at a path, where only we ourselves may connect. It replaces a control socket that is there, and a socket
// file at the path that nobody serves.
func (s *Server) CreateSocket(path string) error {
	if s.socket != nil && s.socket.path == path {
		if err := s.DeleteSocket(); err != nil {
			return err
		}
	}
	fd, err := s.bindDoor(path)
	if err != nil {
		return fmt.Errorf("cannot make control socket %q: %w", path, err)
	}
	s.trouble(s.DeleteSocket())
	return s.open(&door{server: s, fd: fd, path: path})
}

func (s *Server) bindDoor(path string) (int, error) {
	if path == "@" || strings.IndexByte(path, 0) >= 0 {
		return -1, unix.EINVAL // bind(2) would end the path at a NUL, and choose a name for "@"
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err == nil {
		fd, err = launch.Keep(fd)
	}
	if err != nil {
		return -1, err
	}
	if path != "" && path[0] == '@' {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	} else {
		err = s.loose.BindNode(fd, path, listener.Node{UID: -1, GID: -1, Mode: 0o700})
	}
	if err == nil {
		err = unix.Listen(fd, doorBacklog)
	}
	if err != nil {
		closeQuietly(fd)
		return -1, err
	}
	return fd, nil
}

// DeleteSocket closes the control socket and removes its file, if there is one. Sessions stay.
func (s *Server) DeleteSocket() error {
	d := s.socket
	if d == nil {
		return nil
	}
	s.socket = nil
	d.pause.Stop()
	s.trouble(d.events.Close())
	if d.path != "" && d.path[0] != '@' {
		s.trouble(s.loose.RemoveNode(d.fd, d.path))
	}
	if err := unix.Close(d.fd); err != nil {
		return fmt.Errorf("cannot close control socket: %w", err)
	}
	return nil
}

func (s *Server) open(d *door) error {
	if err := unix.SetNonblock(d.fd, true); err != nil {
		closeQuietly(d.fd)
		return fmt.Errorf("cannot set mode of control socket: %w", err)
	}
	var err error
	if d.events, err = s.loop.Watch(d.fd, loop.Readable, func(loop.Events) { d.accept() }); err != nil {
		closeQuietly(d.fd)
		return err
	}
	s.socket = d
	return nil
}

// accept takes one controller a round. While there is no place for one, those who connect wait in the kernel's queue.
func (d *door) accept() {
	if d.server.free <= 0 {
		d.server.log(control.LevelWarning, "No free controllers to accpet socket connection")
		d.rest(fullPause)
		return
	}
	fd, _, err := unix.Accept4(d.fd, unix.SOCK_CLOEXEC)
	if err == nil {
		fd, err = launch.Keep(fd)
	}
	switch {
	case again(err) || errors.Is(err, unix.ECONNABORTED):
		return
	case err != nil:
		d.server.log(control.LevelError, "accept: "+strerror(err))
		d.rest(acceptPause)
		return
	}
	d.server.welcome(fd)
}

// welcome begins the session of a client of the control socket.
func (s *Server) welcome(fd int) {
	rights, uid := s.rightsOf(fd)
	session := s.newSession(Link{Read: fd, Write: fd, Rights: rights}, uid)
	session.client = true
	session.begin()
}

// rest leaves the socket alone for a while.
func (d *door) rest(pause time.Duration) {
	d.server.trouble(d.events.Set(0))
	d.pause.Stop()
	d.pause = d.server.loop.After(pause, d.resume)
}

func (d *door) resume() {
	d.pause.Stop()
	d.pause = nil
	d.server.trouble(d.events.Set(loop.Readable))
}

// admit has those who wait come in: there is a place again. Without a door it does nothing.
func (d *door) admit() {
	if d != nil && d.pause != nil && d.server.free > 0 {
		d.resume()
	}
}
