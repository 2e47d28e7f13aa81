package controllers

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/supervise"
)

// maxBuilt is how long a text may be that is made while the program runs, for clients of version 1: they have always been given
// that much.
const maxBuilt = 63

// failed is an error whose text clients know by heart.
func failed(code, text string) error { return &control.Error{Text: text, Code: code} }

// usage is an error in what was asked for, rather than in doing it.
func usage(text string) error { return failed(control.CodeUsage, text) }

// built is an error whose text is made of what happened.
func built(c *control.Call, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if c != nil && c.Session.Version() < control.Version2 && len(text) > maxBuilt {
		text = text[:maxBuilt]
	}
	return failed(control.CodeFailed, text)
}

// strerror is the text of strerror(3): Go has the same texts, but begins them in lower case.
func strerror(err error) string {
	text := err.Error()
	if number := unix.Errno(0); errors.As(err, &number) {
		text = number.Error()
	}
	r, n := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(r)) + text[n:]
}

// arguments are those of a command that were not read yet.
type arguments struct {
	call *control.Call
	rest []string
}

func argumentsOf(c *control.Call) *arguments { return &arguments{c, c.Args} }

// next returns the next argument; false: there is none.
func (a *arguments) next() (string, bool) {
	if len(a.rest) == 0 {
		return "", false
	}
	first := a.rest[0]
	a.rest = a.rest[1:]
	return first, true
}

// or returns the next argument, or an error of the given text.
func (a *arguments) or(text string) (string, error) {
	s, ok := a.next()
	if !ok {
		return "", usage(text)
	}
	return s, nil
}

// end is an error of the given text if there is another argument.
func (a *arguments) end(text string) error {
	if len(a.rest) > 0 {
		return usage(text)
	}
	return nil
}

// integer reads an optional minus and decimal digits.
func (a *arguments) integer() (int64, error) {
	s, _ := a.next()
	return integer(s)
}

func integer(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || s[0] == '+' {
		return 0, usage("Expected integer")
	}
	return n, nil
}

// name reads a name, with the texts for none and a bad one.
func (a *arguments) name(expected, invalid string) (string, error) {
	s, _ := a.next()
	switch {
	case s == "":
		return "", usage(expected)
	case !a.call.Session.Limits().ValidName(s):
		return "", usage(invalid)
	}
	return s, nil
}

func (a *arguments) serviceName() (string, error) {
	return a.name("Expected service name", "Invalid service name")
}

// service reads the name of a service that exists.
func (a *arguments) service(s *Server) (*supervise.Service, error) {
	name, err := a.serviceName()
	if err != nil {
		return nil, err
	}
	found := s.engine.Service(name)
	if found == nil {
		return nil, failed(control.CodeNoSuchUnit, "No such service")
	}
	return found, nil
}

func (a *arguments) handleName() (string, error) {
	return a.name("Expected file descriptor name", "Invalid file descriptor name")
}

// newHandle reads the name of a handle that may be made or replaced.
func (a *arguments) newHandle(s *Server) (string, error) {
	name, err := a.handleName()
	if err != nil {
		return "", err
	}
	if h := s.engine.Handle(name); h != nil && h.Fixed {
		return "", usage("File descriptor cannot be altered")
	}
	return name, nil
}

// handle reads the name of a handle that exists.
func (a *arguments) handle(s *Server) (*supervise.Handle, error) {
	name, err := a.handleName()
	if err != nil {
		return nil, err
	}
	h := s.engine.Handle(name)
	if h == nil {
		return nil, failed(control.CodeNoSuchUnit, "No such file descriptor")
	}
	return h, nil
}

// signal reads a signal by its name, with or without SIG, or by its number.
func (a *arguments) signal() (unix.Signal, error) {
	s, _ := a.next()
	if s == "" {
		return 0, usage("Expected signal argument")
	}
	if s[0] >= '0' && s[0] <= '9' {
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			return 0, usage("Invalid signal number")
		}
		return unix.Signal(n), nil
	}
	if sig, ok := signalByName(s); ok {
		return sig, nil
	}
	return 0, usage("Invalid signal argument")
}

// signalByName takes names with and without SIG, in capitals as the C library has them.
func signalByName(s string) (unix.Signal, bool) {
	sig := unix.SignalNum("SIG" + strings.TrimPrefix(s, "SIG"))
	return sig, sig != 0
}

// signalName is the other direction; what has no name is SIG-?.
func signalName(sig unix.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return name
	}
	return "SIG-?"
}
