package controllers

import (
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"sockbridge/activation"
	"sockbridge/control"
	"sockbridge/internal/supervise"
)

// connName stands for the connection in the service.fds of a service that accepts.
const connName = "conn"

// templateFDs are the descriptors of a service that accepts whose list was never set: those of inetd(8).
var templateFDs = []string{connName, connName, "null"}

// drainTimeout is how long connections may go on when their template ends.
const drainTimeout = 30 * time.Second

// A template starts an instance of a service for each connection to a handle.
type template struct {
	server *Server
	name   string
	handle string
	limits []string // as they were written
	engine *supervise.Template
	config supervise.TemplateConfig
}

// event is service.accept as it was set.
func (t *template) event() []string {
	return append([]string{"service.accept", t.name, t.handle}, t.limits...)
}

func (s *Server) serviceAccept(c *control.Call) error {
	a := argumentsOf(c)
	service, err := s.define(a)
	if err != nil {
		return err
	}
	name := service.Name()
	if len(a.rest) > 0 && a.rest[0] == "-" {
		s.closeTemplate(name)
		s.Broadcast("", "service.accept", name, "-")
		return nil
	}
	h, err := a.handle(s)
	if err != nil {
		return err
	}
	if !h.Accepts {
		return usage("no connections wait behind the file descriptor")
	}
	config, err := s.templateConfig(c, name, h, a.rest)
	if err != nil {
		return err
	}
	return s.setTemplate(name, h, slices.Clone(a.rest), config)
}

// templateConfig reads the limits.
func (s *Server) templateConfig(c *control.Call, name string, h *supervise.Handle, limits []string) (supervise.TemplateConfig, error) {
	config := supervise.TemplateConfig{
		Name: name, Sockets: []supervise.Acceptable{supervise.Plain{FD: h.FD}}, DrainTimeout: drainTimeout,
		Prepare: func(client *supervise.Client) (supervise.Prepared, error) { return s.prepareClient(name, client) },
	}
	for _, limit := range limits {
		key, value, _ := strings.Cut(limit, "=")
		known, ok := setTemplateLimit(&config, key, value)
		switch {
		case !known:
			return config, built(c, `unknown option "%s"`, key)
		case !ok:
			return config, built(c, `invalid value for option "%s"`, key)
		}
	}
	return config, nil
}

func setTemplateLimit(config *supervise.TemplateConfig, key, value string) (known, ok bool) {
	switch key {
	case "max_connections":
		return true, positive(&config.Limit, value)
	case "max_per_source":
		return true, positive(&config.Share, value)
	case "on_limit":
		config.Refuse = value == "refuse"
		return true, value == "refuse" || value == "wait"
	}
	return false, false
}

func positive(to *int, value string) bool {
	n, ok := number(value, 31)
	*to = int(n)
	return ok && n > 0 && n <= math.MaxInt32
}

// setTemplate begins to accept, or goes on differently.
func (s *Server) setTemplate(name string, h *supervise.Handle, limits []string, config supervise.TemplateConfig) error {
	s.stopping(name, &config)
	t := s.templates[name]
	var err error
	if t == nil {
		t = &template{server: s, name: name}
		t.engine, err = s.engine.NewTemplate(config)
	} else {
		err = t.engine.Configure(config)
	}
	s.templates[name] = t
	t.handle, t.limits, t.config = h.Name, limits, config
	s.Broadcast("", t.event()...)
	if err != nil {
		return failed(control.CodeFailed, err.Error())
	}
	return nil
}

// stopping is how instances end, as the options of the service have it.
func (s *Server) stopping(name string, config *supervise.TemplateConfig) {
	d := s.engine.Service(name).Definition()
	config.StopSignal, config.StopTimeout = d.StopSignal, d.StopTimeout
}

// configureTemplate has a template follow the options of its service.
func (s *Server) configureTemplate(name string) {
	if t := s.templates[name]; t != nil {
		s.stopping(name, &t.config)
		s.trouble(t.engine.Configure(t.config))
	}
}

// closeTemplate ends accepting; connections may go on for a while.
func (s *Server) closeTemplate(name string) {
	if t := s.templates[name]; t != nil {
		delete(s.templates, name)
		t.engine.Close(func() {})
	}
}

// followHandle has the templates follow a handle that was replaced or deleted: without it they accept nobody.
func (s *Server) followHandle(h *supervise.Handle, deleted bool) {
	for name, t := range s.templates {
		if t.handle != h.Name {
			continue
		}
		if deleted || !h.Accepts {
			s.closeTemplate(name)
			s.Broadcast("", "service.accept", name, "-")
			continue
		}
		t.config.Sockets = []supervise.Acceptable{supervise.Plain{FD: h.FD}}
		s.trouble(t.engine.Configure(t.config))
	}
}

var errNoArgs = errors.New("no args configured for service")

// prepareClient is what the instance of a connection runs and is given.
func (s *Server) prepareClient(name string, c *supervise.Client) (supervise.Prepared, error) {
	service := s.engine.Service(name)
	if service == nil || len(service.Definition().Args) == 0 || service.Definition().Args[0] == "" {
		return supervise.Prepared{}, errNoArgs
	}
	own := s.own(name)
	program, err := own.compile(service)
	if err != nil {
		return supervise.Prepared{}, err
	}
	names := service.Definition().FDs
	if names == nil {
		names = templateFDs
	}
	for _, fd := range names {
		if s.undefined(fd) || fd == controlCommand || fd == controlEvent || fd == controlSocket {
			return supervise.Prepared{}, &supervise.MissingHandleError{Name: fd}
		}
	}
	p := supervise.Prepared{Program: program, Group: own.settings.pgrp || own.settings.setsid}
	p.Launch = s.descriptors(names, map[string]int{connName: c.FD()})
	connection := activation.Connection{
		Number: c.Number(), Unit: name, Protocols: []activation.Protocol{activation.UCSPI}, Stdin: true, Remote: c.Remote(),
	}
	p.Launch.Env = connection.AppendEnviron(nil)
	return p, nil
}
