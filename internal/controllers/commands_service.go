package controllers

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"sockbridge/control"
	"sockbridge/internal/supervise"
)

func (s *Server) serviceCommands() []control.Command {
	admin, operate := control.Admin, control.Operate
	return []control.Command{
		{
			Name: "service.tags", Args: "NAME [TAG…]", Rights: admin, Run: s.serviceTags,
			Help: "sets the tags of a service, which mean nothing to us; as the next three, it makes the service if there is none",
		},
		{
			Name: "service.args", Args: "NAME [ARG…]", Rights: admin, Run: s.serviceArgs,
			Help: "sets the program, looked up in PATH, and its arguments",
		},
		{
			Name: "service.fds", Args: "NAME [HANDLE…]", Rights: admin, Run: s.serviceFds,
			Help: "sets the descriptors of the service from 0 on; - is closed; without any it has none; never set, three times null",
		},
		{
			Name: "service.auto_up", Args: "NAME INTERVAL|- [TRIGGER…]", Rights: admin, Run: s.serviceAutoUpCommand,
			Help: "starts the service by itself for always, for a pending signal, or for `fd.readable=HANDLE`",
		},
		{
			Name: "service.start", Args: "NAME [WHEN|-]", Rights: operate, Run: s.serviceStart,
			Help: "starts a service now or at a second of CLOCK_MONOTONIC; - takes a planned start back",
		},
		{
			Name: "service.signal", Args: "NAME SIGNAL [group]", Rights: operate, Run: s.serviceSignal,
			Help: "sends a signal to the service's process or to its process group",
		},
		{
			Name: "service.stop", Args: "NAME [SECONDS]", Rights: operate, Run: s.serviceStop,
			Help: "asks the service to end, and kills it after SECONDS (its kill_timeout, or 90)",
		},
		{
			Name: "service.delete", Args: "NAME", Rights: admin, Run: s.serviceDelete,
			Help: "forgets a service that does not run",
		},
		{
			Name: "service.accept", Args: "NAME HANDLE|- [LIMIT…]", Rights: admin, Run: s.serviceAccept,
			Help: "starts one instance of the service for each connection to HANDLE; conn in its service.fds stands for the " +
				"connection, and never set they are `conn⇥conn⇥null`; limits are max_connections=N, max_per_source=N and " +
				"on_limit=wait|refuse; - ends it",
		},
	}
}

// define reads the name of a service, and makes it if there is none.
func (s *Server) define(a *arguments) (*supervise.Service, error) {
	name, err := a.serviceName()
	if err != nil {
		return nil, err
	}
	service, err := s.engine.Define(name, "")
	if err != nil {
		return nil, s.engineError(err)
	}
	if d := service.Definition(); d.Starter == nil {
		d.Starter, d.StopTimeout = s, defaultKillTimeout
		if err := service.Set(d); err != nil {
			return nil, s.engineError(err)
		}
	}
	return service, nil
}

func (s *Server) serviceTags(c *control.Call) error {
	a := argumentsOf(c)
	service, err := s.define(a)
	if err != nil {
		return err
	}
	d := service.Definition()
	d.Tags = slices.Clone(a.rest) // the arguments hold their call, and that its session
	if err := s.set(service, d); err != nil {
		return failed(control.CodeFailed, "unable to set tags")
	}
	s.Broadcast("", serviceTags(service)...)
	return nil
}

func (s *Server) serviceArgs(c *control.Call) error {
	a := argumentsOf(c)
	service, err := s.define(a)
	if err != nil {
		return err
	}
	d := service.Definition()
	d.Args = slices.Clone(a.rest)
	if err := s.set(service, d); err != nil {
		return failed(control.CodeFailed, "unable to set argv")
	}
	s.Broadcast("", serviceArgs(service)...)
	return nil
}

func (s *Server) serviceFds(c *control.Call) error {
	a := argumentsOf(c)
	service, err := s.define(a)
	if err != nil {
		return err
	}
	fds := append([]string{}, a.rest...) // not nil: no descriptor at all is a setting too
	for _, name := range fds {
		if name != "" && !c.Session.Limits().ValidName(name) {
			return usage("invalid fd name")
		}
		if s.undefined(name) {
			c.Emit("warning", fmt.Sprintf(`fd "%s" is not yet defined`, name))
		}
	}
	d := service.Definition()
	d.FDs = fds
	if err := s.set(service, d); err != nil {
		return failed(control.CodeFailed, "unable to set file descriptors")
	}
	s.Broadcast("", s.serviceFDs(service)...)
	return nil
}

// undefined reports whether a name in a list of descriptors stands for nothing so far.
func (s *Server) undefined(name string) bool {
	return name != supervise.Closed && name != connName && s.engine.Handle(name) == nil
}

// readable begins the trigger of those who wait at a handle.
const readable = "fd.readable="

func (s *Server) serviceAutoUpCommand(c *control.Call) error {
	a := argumentsOf(c)
	service, err := s.define(a)
	if err != nil {
		return err
	}
	d := service.Definition()
	if err := setInterval(a, &d); err != nil {
		return err
	}
	triggers, ok := parseTriggers(c, a.rest)
	if !ok {
		if err := service.Set(d); err != nil { // with the interval
			return s.engineError(err)
		}
		return usage("unable to set auto_up triggers")
	}
	own := s.own(service.Name())
	own.triggers = nil
	if len(triggers) > 0 {
		own.triggers = slices.Clone(a.rest)
	}
	d.Triggers = triggers
	if err := service.Set(d); err != nil {
		return failed(control.CodeFailed, "unable to set auto_up triggers")
	}
	s.Broadcast("", s.serviceAutoUp(service)...)
	return nil
}

// setInterval reads an interval; - keeps the one before.
func setInterval(a *arguments, d *supervise.Definition) error {
	text, _ := a.next()
	if text == "-" {
		d.Interval = max(d.Interval, time.Second)
		return nil
	}
	n, err := integer(text)
	switch {
	case err != nil:
		return err
	case n < 1 || n > math.MaxInt32:
		return usage("invalid interval")
	}
	d.Interval = time.Duration(n) * time.Second
	return nil
}

// parseTriggers reads triggers up to the first empty field. The slice is a new one, so that the engine sets it anew.
func parseTriggers(c *control.Call, fields []string) ([]supervise.Trigger, bool) {
	var triggers []supervise.Trigger
	for _, field := range fields {
		t, ok := parseTrigger(c, field)
		switch {
		case field == "":
			return triggers, true
		case !ok:
			return nil, false
		}
		triggers = append(triggers, t)
	}
	return triggers, true
}

func parseTrigger(c *control.Call, field string) (supervise.Trigger, bool) {
	if field == "always" {
		return supervise.Trigger{Always: true}, true
	}
	if name, ok := strings.CutPrefix(field, readable); ok {
		return supervise.Trigger{Readable: name}, c.Session.Limits().ValidName(name)
	}
	sig, ok := signalByName(field)
	return supervise.Trigger{Signal: sig}, ok
}

func triggerText(t supervise.Trigger) string {
	switch {
	case t.Always:
		return "always"
	case t.Readable != "":
		return readable + t.Readable
	}
	return signalName(t.Signal)
}

func (s *Server) serviceStart(c *control.Call) error {
	a := argumentsOf(c)
	service, err := a.service(s)
	if err != nil {
		return err
	}
	when, timed := a.next()
	if when == "-" {
		return s.engineError(service.Cancel())
	}
	at := time.Duration(0)
	if timed {
		if at, err = s.timestamp(when); err != nil {
			return err
		}
	}
	if args := service.Definition().Args; len(args) == 0 || args[0] == "" {
		return failed(control.CodeFailed, "no args configured for service")
	}
	return s.engineError(service.Start(at))
}

// timestamp reads a second of CLOCK_MONOTONIC that is still to come.
func (s *Server) timestamp(text string) (time.Duration, error) {
	n, err := integer(text)
	now := s.loop.Monotonic(s.loop.Now())
	if err != nil || n > math.MaxInt64/int64(time.Second) || n < 0 || time.Duration(n)*time.Second < now {
		return 0, usage("invalid timestamp")
	}
	return time.Duration(n) * time.Second, nil
}

func (s *Server) serviceSignal(c *control.Call) error {
	a := argumentsOf(c)
	service, err := a.service(s)
	if err != nil {
		return err
	}
	sig, err := a.signal()
	if err != nil {
		return err
	}
	group, err := a.group()
	if err != nil {
		return err
	}
	if service.Running() == 0 {
		return failed(control.CodeFailed, supervise.ErrNotRunning.Error())
	}
	if err := service.Signal(sig, group); err != nil {
		of := "pid"
		if group {
			of = "pgid"
		}
		return built(c, "can't kill %s (%s %d): %s", service.Name(), of, service.Status().PID, strerror(err))
	}
	return nil
}

// group reads the flags of service.signal.
func (a *arguments) group() (group bool, err error) {
	flags, ok := a.next()
	if !ok {
		return false, nil
	}
	for flag := range strings.SplitSeq(flags, ",") {
		if flag != "group" {
			return false, built(a.call, `unknown option "%s"`, flag)
		}
		group = true
	}
	return group, nil
}

func (s *Server) serviceStop(c *control.Call) error {
	a := argumentsOf(c)
	service, err := a.service(s)
	if err != nil {
		return err
	}
	timeout := service.Definition().StopTimeout
	if text, ok := a.next(); ok {
		n, err := integer(text)
		if err != nil {
			return err
		}
		if n < 0 || n > math.MaxInt32 {
			return usage("invalid timeout (must be 0..7FFFFFFF)")
		}
		timeout = time.Duration(n) * time.Second
	}
	return s.engineError(service.Stop(timeout))
}

func (s *Server) serviceDelete(c *control.Call) error {
	service, err := argumentsOf(c).service(s)
	if err != nil {
		return err
	}
	name := service.Name()
	if service.Running() > 0 {
		return s.engineError(supervise.ErrRunning)
	}
	s.closeTemplate(name)
	if err := s.engine.Delete(name); err != nil {
		return s.engineError(err)
	}
	delete(s.services, name)
	return nil
}
