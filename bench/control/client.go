package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// A client is a connection with blocking calls and no buffer but its own: what a controller written in C would be.
type client struct {
	fd   int
	rest []byte // read, not returned
	room []byte
}

// patience is how long an answer may take, in seconds.
const patience = 10

func dial(path string) (*client, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot make a socket: %w", err)
	}
	c := &client{fd: fd, room: make([]byte, 64<<10)}
	err = errors.Join(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: patience}),
		unix.Connect(fd, &unix.SockaddrUnix{Name: path}))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot connect to %q: %w", path, err), c.close())
	}
	return c, nil
}

func (c *client) close() error { return unix.Close(c.fd) }

// send writes all of the data; the kernel takes a few lines at once.
func (c *client) send(data []byte) error {
	n, err := unix.Write(c.fd, data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return fmt.Errorf("cannot send: %w", err)
	}
	return nil
}

// line is the next line, without its end. It is valid until the next call.
func (c *client) line() ([]byte, error) {
	for {
		line, rest, ok := bytes.Cut(c.rest, []byte{'\n'})
		if ok {
			c.rest = rest
			return line, nil
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads once, behind what is left.
func (c *client) fill() error {
	left := copy(c.room, c.rest)
	if left == len(c.room) {
		return errors.New("cannot read a line: it is too long")
	}
	n, err := read(c.fd, c.room[left:])
	c.rest = c.room[:left+n]
	return err
}

// read is interrupted by the signals of Go's own scheduler, since a socket with a time limit is not read on after them.
func read(fd int, to []byte) (int, error) {
	n, err := unix.Read(fd, to)
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Read(fd, to)
	}
	switch {
	case errors.Is(err, unix.EAGAIN):
		return 0, fmt.Errorf("cannot read: no answer within %d s", patience)
	case err != nil:
		return 0, fmt.Errorf("cannot read: %w", err)
	case n == 0:
		return 0, fmt.Errorf("cannot read: %w", io.ErrUnexpectedEOF)
	}
	return n, nil
}

// until reads lines up to one that begins so.
func (c *client) until(prefix string) error {
	for {
		line, err := c.line()
		if err != nil {
			return fmt.Errorf("waiting for %q: %w", prefix, err)
		}
		switch {
		case bytes.HasPrefix(line, []byte("error\t")):
			return fmt.Errorf("waiting for %q: %q", prefix, line)
		case bytes.HasPrefix(line, []byte(prefix)):
			return nil
		}
	}
}

// pipeline sends the data as fast as it is taken, and calls received with what comes back, until that says it is all.
func (c *client) pipeline(data []byte, received func([]byte) (all bool, err error)) error {
	for {
		p := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN}}
		if len(data) > 0 {
			p[0].Events |= unix.POLLOUT
		}
		n, err := unix.Poll(p, patience*1000)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("cannot poll: %w", err)
		case n == 0:
			return fmt.Errorf("cannot read: no answer within %d s", patience)
		}
		if p[0].Revents&unix.POLLOUT != 0 {
			if data, err = c.push(data); err != nil {
				return err
			}
		}
		if p[0].Revents&^unix.POLLOUT == 0 {
			continue
		}
		if n, err = read(c.fd, c.room); err != nil {
			return err
		}
		if all, err := received(c.room[:n]); all || err != nil {
			return err
		}
	}
}

// push sends what can be sent now, and returns the rest.
func (c *client) push(data []byte) ([]byte, error) {
	n, err := unix.SendmsgN(c.fd, data[:min(len(data), len(c.room))], nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		return nil, fmt.Errorf("cannot send: %w", err)
	}
	return data[max(n, 0):], nil
}
