package control

import (
	"bufio"
	"errors"
	"fmt"
	"slices"
)

// read hands out what the server sends until the connection ends.
func (c *Client) read() {
	defer close(c.ended)
	err := errors.Join(c.readAll(), c.conn.Close()) // whatever it was, there is no going on
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, r := range c.requests {
		r.settle(fmt.Errorf("%w (%w)", ErrClosed, err))
	}
	c.requests = nil
}

func (c *Client) readAll() error {
	for {
		line, err := c.readLine()
		if err != nil {
			return err
		}
		fields, err := Version2.Split(line)
		if err != nil {
			return fmt.Errorf("cannot understand %q: %w", line, err)
		}
		c.handOut(fields, len(line))
	}
}

// readLine returns the next line without its line feed, valid until the next call.
func (c *Client) readLine() ([]byte, error) {
	line, err := c.reader.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = c.readLong(slices.Clone(line))
	}
	if err != nil {
		return nil, err
	}
	return line[:len(line)-1], nil
}

func (c *Client) readLong(line []byte) ([]byte, error) {
	for len(line) <= maxLine {
		more, err := c.reader.ReadSlice('\n')
		line = append(line, more...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
	return nil, fmt.Errorf("%w: a line of more than %d bytes", ErrTooMuch, maxLine)
}

// handOut gives a line to the request that is being answered, which is the oldest, or to Next.
func (c *Client) handOut(fields []string, size int) {
	if !c.answer(fields, size) {
		c.deliver(fields)
	}
}

// answer reports whether the line belongs to a request.
func (c *Client) answer(fields []string, size int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(fields) == 1 && fields[0] == "overflow" {
		c.loseAnswers()
		return false
	}
	if token, ok := answerToken(fields); ok {
		c.settleUpTo(token, fields)
		return true
	}
	if len(c.requests) == 0 {
		return false
	}
	c.requests[0].take(fields, size)
	return true
}

// answerToken returns the token if the line ends an answer.
func answerToken(fields []string) (token string, ok bool) {
	if len(fields) == 2 && fields[0] == "ok" || len(fields) == 4 && fields[0] == "error" {
		return fields[1], true
	}
	return "", false
}

// settleUpTo ends the request of the token. An unknown one was lost before, in an overflow.
func (c *Client) settleUpTo(token string, fields []string) {
	i := slices.IndexFunc(c.requests, func(r *request) bool { return r.token == token })
	if i < 0 {
		return
	}
	for _, r := range c.requests[:i] {
		r.settle(ErrOverflow)
	}
	var err error
	if fields[0] == "error" {
		err = answerError(fields[2:])
	}
	c.requests[i].settle(err)
	c.requests = slices.Delete(c.requests, 0, i+1)
}

// loseAnswers gives up all requests: lines of any may have been dropped. Their ends may still come, in their order.
func (c *Client) loseAnswers() {
	for _, r := range c.requests {
		r.settle(ErrOverflow)
	}
}

// answerError makes an error of its text and its code, which version 1 has not.
func answerError(fields []string) error {
	e := &Error{Code: CodeFailed}
	if len(fields) > 0 {
		e.Text = fields[0]
	}
	if len(fields) > 1 {
		e.Code = fields[1]
	}
	return e
}

// deliver queues an event for Next, or drops it: the answers behind it cannot wait for somebody who may never ask.
func (c *Client) deliver(event []string) {
	if c.lost && !c.offer([]string{"overflow"}) {
		return
	}
	c.lost = !c.offer(event)
}

func (c *Client) offer(event []string) bool {
	select {
	case c.events <- event:
		return true
	default:
		return false
	}
}
