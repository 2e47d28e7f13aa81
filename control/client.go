package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
)

// Bounds of a client: against a server that is none.
const (
	maxLine   = 8 << 20  // a line of events
	maxAnswer = 64 << 20 // the lines of one answer
	maxEvents = 1024     // events that wait for Next
)

// A Client is a connection to a server, in version 2. It is safe for concurrent use. One goroutine reads, from [Dial] until the
// connection has ended; Close waits for it.
type Client struct {
	conn   net.Conn
	reader *bufio.Reader // greet's, then that of the reading goroutine
	events chan []string
	lost   bool          // events were dropped; of the reading goroutine
	sender chan struct{} // held by whoever writes
	ended  chan struct{} // closed when nothing more is read

	mu       sync.Mutex
	requests []*request // guarded by mu: sent and not answered, in their order
	last     uint64     // guarded by mu: number of the last request
	closed   bool       // guarded by mu: nothing more is read
}

// A request is one command that was sent.
type request struct {
	token   string
	done    chan struct{} // closed when err and lines are final
	lines   [][]string
	size    int
	err     error
	settled bool // guarded by the client's mu: done is closed
}

// Do sends a command and returns the events that came until it had ended. The server executes commands one after another, so
// several that are sent at the same time wait for each other; events that the server sends to all and that come meanwhile are
// among the lines, since nothing tells them apart: who follows events has a client of its own for that.
//
// The error of the command is an *[Error]; the lines before it are returned too. When ctx ends, Do returns its error; the command
// is executed all the same, and its answer discarded. Further errors are [ErrClosed], [ErrOverflow] and [ErrTooMuch].
func (c *Client) Do(ctx context.Context, fields ...string) ([][]string, error) {
	if len(fields) == 0 {
		return nil, errMissingArgument
	}
	r, err := c.send(ctx, fields)
	if err != nil {
		return nil, err
	}
	select {
	case <-r.done:
		return r.lines, r.err
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		r.settle(ctx.Err())
		return nil, r.err
	}
}

// Next waits for an event that came while no command was executed: what was subscribed to, or what all are told. At most 1024
// wait for it; when more come they are dropped, and an event `overflow` says so, as that of the server does. The error is the
// context's or [ErrClosed].
func (c *Client) Next(ctx context.Context) ([]string, error) {
	select {
	case event := <-c.events:
		return event, nil
	default:
	}
	select {
	case event := <-c.events:
		return event, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.ended:
	}
	select {
	case event := <-c.events: // the last words
		return event, nil
	default:
		return nil, ErrClosed
	}
}

// Close ends the connection; a Do or Next that waits returns [ErrClosed].
func (c *Client) Close() error {
	err := c.conn.Close()
	<-c.ended
	if errors.Is(err, net.ErrClosed) { // the server was first
		return nil
	}
	return err
}

// send writes a command as a whole or ends the connection: half a line would spoil the next one.
func (c *Client) send(ctx context.Context, fields []string) (*request, error) {
	select {
	case c.sender <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-c.sender }()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	r := c.expect()
	if r == nil {
		return nil, ErrClosed
	}
	release := interrupt(ctx, c.conn.SetWriteDeadline)
	n, err := c.conn.Write(Version2.Append(nil, slices.Concat([]string{"id", r.token}, fields)...))
	release()
	if err == nil {
		return r, nil
	}
	if n == 0 && ctx.Err() != nil {
		c.forget(r)
		return nil, ctx.Err()
	}
	_ = c.conn.Close() // fails only if it is closed; ends the reading, which tells all who wait
	return nil, ended(ctx, err)
}

// expect adds a request for what is about to be sent; nil if nothing more is read.
func (c *Client) expect() *request {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.last++
	r := &request{token: strconv.FormatUint(c.last, 10), done: make(chan struct{})}
	c.requests = append(c.requests, r)
	return r
}

// forget takes back a request that was not sent.
func (c *Client) forget(r *request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.requests, r); i >= 0 {
		c.requests = slices.Delete(c.requests, i, i+1)
	}
}

// settle decides a request; what comes later changes nothing. The client's mu is held.
func (r *request) settle(err error) {
	if r.settled {
		return
	}
	if err != nil {
		r.err = err
	}
	r.settled = true
	close(r.done)
}

// take adds a line to the answer. The client's mu is held.
func (r *request) take(fields []string, size int) {
	if r.settled {
		return
	}
	if r.size += size; r.size > maxAnswer {
		r.lines = nil
		r.settle(fmt.Errorf("%w: more than %d bytes", ErrTooMuch, maxAnswer))
		return
	}
	r.lines = append(r.lines, fields)
}
