package proxy

import (
	"fmt"
	"strconv"

	"sockbridge/control"
)

// commands are those that only this program has: those of its log and of its end.
func (p *program) commands() []control.Command {
	return []control.Command{
		{
			Name: "log.filter", Args: "[LEVEL|+|-]", Rights: control.Admin, Run: p.logFilter,
			Help: "leaves LEVEL and all below out of the log, or one level more (+) or less (-), and tells the level",
		},
		{
			Name: "log.dest", Args: "fd NAME", Rights: control.Admin, Run: p.logDest,
			Help: "has the log go to a handle, now or as soon as there is one of that name",
		},
		{
			Name: "terminate", Args: "CODE [GUARD]", Rights: control.Admin, Run: p.terminate,
			Help: "ends the program, not the services; with the guard's code and the exec on exit only, if a guard is set",
		},
		{
			Name: "terminate.guard", Args: "+|- CODE", Rights: control.Admin, Run: p.terminateGuard,
			Help: "sets the guard, or takes it back",
		},
		{
			Name: "terminate.exec_args", Args: "[ARG…]", Rights: control.Admin, Run: p.terminateExec,
			Help: "sets what is executed in place of the program when it ends; nothing without arguments",
		},
	}
}

func usage(text string) error { return &control.Error{Text: text, Code: control.CodeUsage} }

// argument returns the argument of that number.
func argument(c *control.Call, n int) (text string, ok bool) {
	if n < len(c.Args) {
		return c.Args[n], true
	}
	return "", false
}

func integer(text string) (int64, error) {
	n, ok := parseInteger(text)
	if !ok {
		return 0, usage("Expected integer")
	}
	return n, nil
}

func (p *program) logFilter(c *control.Call) error {
	switch text, given := argument(c, 0); {
	case !given:
	case text == "+":
		p.log.Step(+1)
	case text == "-":
		p.log.Step(-1)
	default:
		level, err := control.ParseLevel(text)
		if err != nil {
			return usage("Invalid loglevel argument")
		}
		p.log.SetFilter(level)
	}
	c.Emit("log.filter", p.log.Filter().String())
	return nil
}

func (p *program) logDest(c *control.Call) error {
	kind, given := argument(c, 0)
	switch {
	case !given:
		return usage("missing argument")
	case kind != "fd":
		return usage("Unknown logging type")
	}
	name, given := argument(c, 1)
	switch {
	case !given:
		return usage("missing argument")
	case !c.Session.Limits().ValidName(name):
		return usage("Invalid file descriptor name")
	}
	fd := -1
	if h := p.engine.Handle(name); h != nil {
		fd = h.FD
	}
	if fd < 0 {
		c.Emit("warning", fmt.Sprintf("fd \"%s\" does not exist", name))
	}
	p.log.direct(name, fd)
	return nil
}

func (p *program) terminate(c *control.Call) error {
	text, _ := argument(c, 0)
	code, err := integer(text)
	if err == nil && p.ending.guard != 0 {
		err = p.ending.unlock(argument(c, 1))
	}
	if err != nil {
		return err
	}
	p.end(int(code & 0xFF))
	return nil
}

// unlock reports whether the code lets the program end.
func (e *ending) unlock(text string, given bool) error {
	if !given {
		return usage("terminate guard code required")
	}
	code, err := integer(text)
	switch {
	case err != nil:
		return err
	case code != e.guard:
		return usage("incorrect terminate guard code")
	case e.args == nil:
		return usage("cannot exit, and exec-on-exit is not configured")
	}
	return nil
}

func (p *program) terminateGuard(c *control.Call) error {
	sign, _ := argument(c, 0)
	if sign != "+" && sign != "-" {
		return usage("expected + or -")
	}
	text, _ := argument(c, 1)
	code, err := integer(text)
	if err != nil {
		return err
	}
	return p.ending.setGuard(sign == "+", code)
}

// setGuard sets the guard or takes it back.
func (e *ending) setGuard(on bool, code int64) error {
	switch {
	case code == 0:
		return usage("code cannot be 0")
	case on && e.guard != 0:
		return usage("terminate guard code is already set")
	case on:
		e.guard = code
	case e.guard == 0:
		return usage("terminate guard was not set")
	case e.guard != code:
		return usage("incorrect guard code")
	default:
		e.guard = 0
	}
	return nil
}

func (p *program) terminateExec(c *control.Call) error {
	if !p.ending.setArgs(c.Args) {
		return usage("exec arguments exceed buffer size (" + strconv.Itoa(maxExec) + ")")
	}
	return nil
}
