package superserver

import (
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"sockbridge/control"
)

// The codes of refusals, as control has them.
const (
	codeUsage        = control.CodeUsage
	codeNoUnit       = control.CodeNoSuchUnit
	codeNoConn       = control.CodeNoSuchConn
	codeBusy         = control.CodeBusy
	codeNotListening = control.CodeNotListening
	codeFailed       = control.CodeFailed
)

// refusal is the error that a command answers.
func refusal(code, format string, args ...any) error {
	return &control.Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// commands are the manager's own, beside those of the engine. Their records need fields that hold any byte, so all but ping need
// version 2 of the protocol.
func (s *Server) commands() []control.Command {
	return slices.Concat(
		[]control.Command{
			{Name: "ping", Rights: control.Read, Help: "answers `pong`", Run: ping},
			{Name: "info", Rights: control.Read, Version: control.Version2, Help: "tells of the manager itself", Run: s.info},
		},
		s.unitCommands(), s.orderCommands(), s.connCommands(), s.reloadCommands(), s.upgradeCommands(), s.logCommands(),
	)
}

func ping(c *control.Call) error {
	c.Emit("pong")
	return nil
}

func (s *Server) info(c *control.Call) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	r := record{"info"}
	r.text("version", s.options.Version)
	r.number("pid", os.Getpid())
	r.time("started", s.started)
	r.number("generation", s.generation)
	r.time("generation_loaded", s.loadedAt)
	r.number("protocol", int(control.Version2))
	r.number("units", len(s.accounts))
	r.number("uid", os.Geteuid())
	r.text("control", s.options.Control)
	c.Emit(r...)
	return nil
}

// arguments refuses a command with fewer or more arguments than it takes; most < 0 is no bound.
func arguments(c *control.Call, least, most int) error {
	switch {
	case len(c.Args) < least:
		return refusal(codeUsage, "missing argument")
	case most >= 0 && len(c.Args) > most:
		return refusal(codeUsage, "unexpected argument %q", c.Args[most])
	}
	return nil
}

// oneWord reads an optional last argument that can only be this word.
func oneWord(c *control.Call, at int, word string) (bool, error) {
	if len(c.Args) <= at {
		return false, nil
	}
	if c.Args[at] != word {
		return false, refusal(codeUsage, "expected %q, not %q", word, c.Args[at])
	}
	return true, nil
}

// emitAll sends lines as fast as their reader takes them.
func emitAll(c *control.Call, lines []record) {
	c.Stream(func() bool {
		if len(lines) > 0 {
			c.Emit(lines[0]...)
			lines = lines[1:]
		}
		return len(lines) > 0
	})
}

// What globs may be in one command: each is matched with each name, while everybody waits. Of names there may be any number.
const (
	maxGlobs     = 32
	maxGlobBytes = 1024 // together
)

// Patterns are what units are named by in a command: names, and globs as path.Match has them. Without any, all are meant.
type patterns struct {
	names map[string]struct{}
	globs []string
}

// patternsOf reads patterns; those that are names must be of units.
func (s *Server) patternsOf(args []string) (patterns, error) {
	length := 0
	p := patternsFrom(args)
	for _, glob := range p.globs {
		length += len(glob)
		if _, err := path.Match(glob, ""); err != nil {
			return p, refusal(codeUsage, "%q is not a pattern", glob)
		}
	}
	if len(p.globs) > maxGlobs || length > maxGlobBytes {
		return p, refusal(codeUsage, "too many patterns: at most %d, of %d bytes together", maxGlobs, maxGlobBytes)
	}
	for _, name := range args {
		if !isGlob(name) && s.accounts[name] == nil && len(s.runners(name)) == 0 {
			return p, noSuchUnit(name)
		}
	}
	return p, nil
}

func isGlob(s string) bool { return strings.ContainsAny(s, `*?[\`) }

// patternsFrom tells names from globs.
func patternsFrom(args []string) (p patterns) {
	for _, one := range args {
		switch {
		case isGlob(one):
			p.globs = append(p.globs, one)
		case p.names == nil:
			p.names = map[string]struct{}{one: {}}
		default:
			p.names[one] = struct{}{}
		}
	}
	return p
}

// list is what patternsFrom makes the same patterns of.
func (p patterns) list() []string { return append(slices.Sorted(maps.Keys(p.names)), p.globs...) }

// all reports whether all names are meant.
func (p patterns) all() bool { return len(p.names)+len(p.globs) == 0 }

// match reports whether a name is meant.
func (p patterns) match(name string) bool {
	if _, ok := p.names[name]; ok || p.all() {
		return true
	}
	return slices.ContainsFunc(p.globs, func(one string) bool {
		ok, _ := path.Match(one, name) // a bad one was refused
		return ok
	})
}

// signalOf reads a signal by its name, with or without SIG, or its number.
func signalOf(text string) (unix.Signal, error) {
	name := strings.ToUpper(text)
	if sig := unix.SignalNum("SIG" + strings.TrimPrefix(name, "SIG")); sig != 0 {
		return sig, nil
	}
	var n int
	if _, err := fmt.Sscanf(text+"\n", "%d\n", &n); err == nil && n > 0 && n <= lastSignal {
		return unix.Signal(n), nil
	}
	return 0, refusal(codeUsage, "%q is not a signal", text)
}

// lastSignal is the highest number of a real-time signal (signal(7)).
const lastSignal = 64
