package controllers

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/launch"
	"sockbridge/internal/supervise"
)

// The handles that stand for a controller of its own at each start.
const (
	controlCommand = "control.cmd"
	controlEvent   = "control.event"
	controlSocket  = "control.socket"
)

// A recipe is what a program was compiled from.
type recipe struct {
	executable executable
	args       []string
	dir        string
	generation int
	notify     string
}

func (r recipe) equal(other recipe) bool {
	return r.executable == other.executable && r.dir == other.dir && r.generation == other.generation &&
		r.notify == other.notify && slices.Equal(r.args, other.args)
}

// Prepare is supervise.Starter's, for every service of a controller: our environment, our working directory, our session and
// process group unless its options say otherwise, and exactly the descriptors of its list.
func (s *Server) Prepare(service *supervise.Service, _ bool) (supervise.Prepared, error) {
	own := s.own(service.Name())
	program, err := own.compile(service)
	if err != nil {
		return supervise.Prepared{}, err
	}
	p := supervise.Prepared{Program: program, Group: own.settings.pgrp || own.settings.setsid}
	names := fdsOf(service)
	child, err := s.controller(own, service, names)
	if err != nil {
		return p, err
	}
	if child >= 0 {
		p.Release = func() { closeQuietly(child) }
	}
	p.Launch = s.descriptors(names, map[string]int{
		controlCommand: child, controlEvent: child, controlSocket: child,
	})
	return p, nil
}

// descriptors are what a list of names means for a start. Some names stand for descriptors of that start alone.
func (s *Server) descriptors(names []string, special map[string]int) launch.Start {
	fds := make([]int, max(len(names), 3))
	for i := range fds {
		fds[i] = launch.Closed
	}
	for i, name := range names {
		if fd, ok := special[name]; ok {
			fds[i] = fd
		} else if h := s.engine.Handle(name); h != nil {
			fds[i] = h.FD
		}
	}
	return launch.Start{Streams: [3]int(fds), Files: fds[3:]}
}

// compile returns the program of a service, which is made anew only if something of it has changed.
func (o *service) compile(service *supervise.Service) (*launch.Program, error) {
	args := service.Definition().Args
	if len(args) == 0 {
		args = []string{""} // as execvp(3) fails without any
	}
	dir := o.settings.dir
	if dir == "" {
		dir = workingDirectory()
	}
	r := recipe{executable: find(args[0], dir), args: args, dir: dir, generation: o.settings.generation}
	if o.settings.notify {
		address, err := o.server.notifyAddress()
		if err != nil {
			return nil, err
		}
		r.notify = address
	}
	if o.program != nil && o.made.equal(r) {
		return o.program, nil
	}
	program, err := o.server.o.Launcher.Compile(o.spec(r))
	if err != nil {
		return nil, fmt.Errorf("cannot start %q: %w", o.name, err)
	}
	o.program, o.made = program, r
	return program, nil
}

func (o *service) spec(r recipe) launch.Spec {
	set := &o.settings
	spec := launch.Spec{
		Unit: o.name, Path: r.executable.path, Argv: r.args, Env: o.environment(r.notify), Dir: r.dir, Umask: set.umask,
		Nice: set.nice, Limits: set.limits, KeepLimits: true, KeepIgnored: true, Identity: set.identity,
		KeepSession: !set.setsid && !set.pgrp, Leader: set.pgrp && !set.setsid,
	}
	if r.executable.isPlainScript() {
		spec.Path = "/bin/sh"
		spec.Argv = append([]string{"/bin/sh", r.executable.path}, r.args[1:]...)
	}
	return spec
}

// environment is ours, with what the options add.
func (o *service) environment(notify string) []string {
	env := ownEnvironment()
	for _, variable := range o.settings.env {
		env = setVariable(env, variable)
	}
	if notify != "" {
		env = setVariable(env, "NOTIFY_SOCKET="+notify)
	}
	return env
}

// ownEnvironment is ours. Of a name that is there twice the first counts, as for getenv(3).
func ownEnvironment() []string {
	var env []string
	seen := map[string]bool{}
	for _, variable := range os.Environ() {
		name, _, ok := strings.Cut(variable, "=")
		if ok && name != "" && !seen[name] {
			seen[name] = true
			env = append(env, variable)
		}
	}
	return env
}

// workingDirectory is ours, even where its path is not known any more.
func workingDirectory() string {
	var buf [unix.PathMax]byte
	n, err := unix.Getcwd(buf[:])
	if err != nil || n < 2 || buf[0] != '/' {
		return "/proc/self/cwd"
	}
	return string(buf[:n-1])
}

// serving is how many sessions are not those of clients.
func (s *Server) serving() (n int) {
	for _, session := range s.sessions {
		if !session.client {
			n++
		}
	}
	return n
}

// controller makes the session of a service that has control handles, and returns the service's end; -1: it has none.
func (s *Server) controller(own *service, service *supervise.Service, names []string) (int, error) {
	reads, writes := slices.Contains(names, controlEvent), slices.Contains(names, controlCommand)
	if slices.Contains(names, controlSocket) {
		reads, writes = true, true
	}
	if !reads && !writes {
		return -1, nil
	}
	if s.free <= 0 || s.serving() >= s.o.MaxSessions-s.o.ForClients {
		return -1, fmt.Errorf("no free controllers for service %q: %w", own.name, unix.EAGAIN)
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("cannot make the control socket of service %q: %w", own.name, err)
	}
	ours, err := launch.Keep(fds[0])
	if err != nil {
		closeQuietly(fds[1])
		return -1, err
	}
	l := Link{Read: ours, Write: ours, Rights: own.settings.rights}
	if s.o.Compatible {
		l.Rights = control.Admin
	}
	if !writes {
		l.Read = -1
		s.trouble(unix.Shutdown(ours, unix.SHUT_RD))
	}
	if !reads {
		l.Write = -1
		s.trouble(unix.Shutdown(ours, unix.SHUT_WR))
	}
	session := s.newSession(l, os.Geteuid())
	session.begin()
	if own.control == nil {
		own.control = map[*supervise.Instance]*Session{}
	}
	own.fresh = append(own.fresh, session)
	s.loop.Soon(func() { own.match(service) })
	return fds[1], nil
}
