package test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A client is one command line of the client command.
type client struct {
	network, address string

	in         string // what each connection says; Go's escapes such as \n are understood
	expect     string // what each reply must contain, if anything
	n          int    // connections in all
	concurrent int    // of them at once
	timeout    time.Duration
}

// maxConnections bounds what a script can do to the machine.
const maxConnections = 100_000

// cmdClient prints every reply as it was read. It fails when a connection does, when a reply is not as expected, or
// when one does not end within the time; with ! it must fail.
func cmdClient(ts *testscript.TestScript, neg bool, args []string) {
	out, err := runClient(args)
	write(ts, out)
	if (err != nil) != neg {
		ts.Fatalf("client: %v", err)
	}
}

func runClient(args []string) (string, error) {
	c, err := parseClient(args)
	if err != nil {
		return "", err
	}
	return c.run()
}

func parseClient(args []string) (client, error) {
	if len(args) < 2 {
		return client{}, errors.New("usage: client NETWORK ADDRESS [-in TEXT] [-expect TEXT] [-n N] [-c N] [-timeout DURATION]")
	}
	c := client{network: args[0], address: args[1]}
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("in", "", unescape(&c.in))
	flags.Func("expect", "", unescape(&c.expect))
	flags.IntVar(&c.n, "n", 1, "")
	flags.IntVar(&c.concurrent, "c", 1, "")
	flags.DurationVar(&c.timeout, "timeout", patience, "")
	if err := flags.Parse(args[2:]); err != nil {
		return client{}, err
	}
	return c, c.check(flags.Args())
}

func (c client) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected %q", rest)
	case c.network != "tcp" && c.network != "unix":
		return fmt.Errorf("network %q is neither tcp nor unix", c.network)
	case c.n < 1 || c.n > maxConnections || c.concurrent < 1:
		return fmt.Errorf("-n %d -c %d is out of range", c.n, c.concurrent)
	}
	return nil
}

// unescape returns a flag's function that stores a text with Go's escapes resolved.
func unescape(to *string) func(string) error {
	return func(text string) error {
		for text != "" {
			char, _, rest, err := strconv.UnquoteChar(text, 0)
			if err != nil {
				return err
			}
			*to, text = *to+string(char), rest
		}
		return nil
	}
}

// run makes all connections, and returns the replies and the first error of each that failed.
func (c client) run() (string, error) {
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		replies strings.Builder // below mu
		errs    []error         // below mu
	)
	turns := make(chan struct{}, c.n)
	for range c.n {
		turns <- struct{}{}
	}
	close(turns)
	for range min(c.concurrent, c.n) {
		wg.Go(func() {
			for range turns {
				reply, err := c.connect()
				mu.Lock()
				replies.WriteString(reply)
				if err != nil {
					errs = append(errs, err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(errs) > 0 {
		return replies.String(), fmt.Errorf("%d of %d connections failed, the first so: %w", len(errs), c.n, errs[0])
	}
	return replies.String(), nil
}

// connect makes one connection: it says its text, closes its half, and reads until the service has closed the other.
func (c client) connect() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, c.network, c.address)
	if err != nil {
		return "", err
	}
	defer conn.Close() //nolint:errcheck // all was read, or has failed already
	if err := conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return "", err
	}
	reply, err := c.talk(conn.(halfCloser))
	if err == nil && !strings.Contains(reply, c.expect) {
		err = fmt.Errorf("the reply %q does not contain %q", reply, c.expect)
	}
	return reply, err
}

// A halfCloser is a connection of TCP or of a Unix stream socket.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// talk forgives a service that answers and closes without waiting for what it is told.
func (c client) talk(conn halfCloser) (string, error) {
	_, writeErr := io.WriteString(conn, c.in)
	closeErr := conn.CloseWrite()
	reply, err := io.ReadAll(conn)
	if err == nil && len(reply) == 0 {
		err = errors.Join(writeErr, closeErr)
	}
	return string(reply), err
}
