package control

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// Between two attempts to connect to a server whose queue of connections is full.
const (
	firstRetry = time.Millisecond
	lastRetry  = 50 * time.Millisecond
)

// Dial connects to the control socket at path and asks for version 2. While the server's queue of connections is full it tries
// again until ctx ends. Besides the context's, errors that callers act on are [ErrNotRunning], [ErrPermission], [ErrVersion] and
// [ErrClosed], the latter when the server hangs up at once.
func Dial(ctx context.Context, path string) (*Client, error) {
	conn, err := connect(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to control socket %q: %w", path, err)
	}
	c, err := NewClient(ctx, conn)
	if err != nil {
		return nil, fmt.Errorf("cannot talk to control socket %q: %w", path, err)
	}
	return c, nil
}

// NewClient makes a client of a connection that is there, such as the descriptor that a service has as control.socket, and asks
// for version 2. The client owns the connection, also when it fails. Errors are those of [Dial].
func NewClient(ctx context.Context, conn net.Conn) (*Client, error) {
	c := newClient(conn)
	if err := c.greet(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	go c.read() // Close waits for it, by way of c.ended
	return c, nil
}

func connect(ctx context.Context, path string) (net.Conn, error) {
	var dialer net.Dialer
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		conn, err := dialer.DialContext(ctx, "unix", path)
		if err == nil || !errors.Is(err, syscall.EAGAIN) {
			return conn, meaning(err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// meaning adds the sentinel that belongs to an error of connect(2).
func meaning(err error) error {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w (%w)", ErrNotRunning, err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w (%w)", ErrPermission, err)
	}
	return err
}

// greet asks for version 2. What a server of version 1 sends unasked is kept for Next.
func (c *Client) greet(ctx context.Context) error {
	release := interrupt(ctx, c.conn.SetDeadline)
	defer release()
	// A server that refuses us may have said why, and closed the connection before this arrives.
	_, writeErr := c.conn.Write(Version1.Append(nil, "proto", "2"))
	for {
		line, err := c.readLine()
		if err != nil {
			return ended(ctx, cmp.Or(writeErr, err))
		}
		switch fields, _ := Version1.Split(line); {
		case string(line) == "proto\t2":
			return nil
		case fields[0] == "error":
			return greetError(fields)
		default:
			c.deliver(fields)
		}
	}
}

func greetError(fields []string) error {
	if len(fields) > 1 && fields[1] == errUnknown.Text+": proto" {
		return ErrVersion
	}
	return answerError(fields[1:])
}

// ended is why nothing more can be read or written: the context, if that has ended, or the connection.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w (%w)", ErrClosed, err)
}

// interrupt makes what waits on a connection return when ctx ends, by its deadline, until release is called.
func interrupt(ctx context.Context, deadline func(time.Time) error) (release func()) {
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(fired)
		_ = deadline(time.Unix(1, 0)) // fails only on a connection that is closed, on which nothing waits
	})
	return func() {
		if !stop() {
			<-fired
		}
		_ = deadline(time.Time{}) // likewise
	}
}

func newClient(conn net.Conn) *Client {
	return &Client{
		conn:   conn,
		reader: bufio.NewReader(conn),
		events: make(chan []string, maxEvents),
		sender: make(chan struct{}, 1),
		ended:  make(chan struct{}),
	}
}
