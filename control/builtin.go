package control

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Builtin returns the commands that every session has: those about the session itself.
func Builtin() []Command {
	return []Command{
		{Name: "echo", Args: "[ANYTHING…]", Help: "sends the fields back, without the name; nothing if there are none", Run: echo},
		{Name: "exit", Help: "ends the connection when all output is written", Run: exit},
		{
			Name: "conn.event_timeout", Args: "RESET CLOSE", Run: eventTimeout,
			Help: "sets how many seconds the client may read nothing, until its commands run on without output, and until the connection is closed",
		},
		{Name: "proto", Args: "VERSION", Help: "changes the version of the protocol, and answers `proto⇥VERSION`", Run: proto},
		{Name: "seq", Args: "on|off", Version: Version2, Help: "puts a number before every event from now on, or no longer", Run: seq},
		{
			Name: "id", Args: "TOKEN COMMAND [ARG…]", Version: Version2, Run: nestedID,
			Help: "runs the command; `ok⇥TOKEN` or `error⇥TOKEN⇥TEXT⇥CODE` follows its last event",
		},
	}
}

// echo sends the rest of the line back. Version 1 ends it at a NUL, as C does.
func echo(c *Call) error {
	fields := c.Args
	if c.Session.version < Version2 {
		_, rest, _ := strings.Cut(c.Raw, "\t")
		if before, _, found := strings.Cut(rest, "\x00"); found {
			fields, _ = Version1.split(nil, before)
		}
	}
	if len(fields) > 1 || len(fields) == 1 && fields[0] != "" {
		c.Emit(fields...)
	}
	return nil
}

func exit(c *Call) error {
	c.Session.Leave()
	return nil
}

func eventTimeout(c *Call) error {
	reset, err := timeoutArg(c, 0)
	if err != nil {
		return err
	}
	closing, err := timeoutArg(c, 1)
	if err != nil {
		return err
	}
	if reset > closing {
		return &Error{Text: "reset timeout is greater than close timeout", Code: CodeUsage}
	}
	c.Session.reset, c.Session.close = reset, closing
	return nil
}

func timeoutArg(c *Call, i int) (time.Duration, error) {
	if i >= len(c.Args) || !isInteger(c.Args[i]) {
		return 0, &Error{Text: "Expected integer", Code: CodeUsage}
	}
	n, err := strconv.ParseInt(c.Args[i], 10, 64)
	if err != nil || n < 0 || n > math.MaxInt32 {
		return 0, &Error{Text: "invalid timeout (must be 0..7FFFFFFF)", Code: CodeUsage}
	}
	return time.Duration(n) * time.Second, nil
}

// isInteger reports whether a field is an integer as the protocol writes it: a minus perhaps, and digits.
func isInteger(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func proto(c *Call) error {
	s := c.Session
	switch {
	case len(c.Args) == 0 || !isInteger(c.Args[0]):
		return &Error{Text: "Expected integer", Code: CodeUsage}
	case c.Args[0] == "1":
		s.version, s.numbered = Version1, false
	case c.Args[0] == "2":
		s.version = Version2
	default:
		return &Error{Text: "unsupported protocol version", Code: CodeUsage}
	}
	c.Emit("proto", c.Args[0])
	return nil
}

func seq(c *Call) error {
	switch {
	case len(c.Args) == 0:
		return errMissingArgument
	case c.Args[0] == "on" && !c.Session.numbered:
		c.Session.numbered, c.Session.number = true, 0
	case c.Args[0] == "on":
	case c.Args[0] == "off":
		c.Session.numbered = false
	default:
		return &Error{Text: "expected on or off", Code: CodeUsage}
	}
	return nil
}

// nestedID runs only for an id without arguments or within another one: dispatch takes off the first.
func nestedID(c *Call) error {
	if c.named {
		return &Error{Text: "id cannot be within id", Code: CodeUsage}
	}
	return errMissingArgument
}
