package superserver

import (
	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/listener"
	"sockbridge/units"
)

// A runner serves a unit. Both kinds keep what runs when they are given a new configuration.
type runner interface {
	// unwatch stops watching the listeners, so that they may be changed or closed.
	unwatch()
	// configure serves the unit as it is now: its listeners, program and limits.
	configure() error
	// restart asks instances that hold listeners to end, so that the next ones get those of now.
	restart()
	// inherit tells an heir how to serve those who wait at its listener.
	inherit(h *heir)
	// close accepts no more clients, serves those it has accepted, and calls gone when nothing is left.
	close(gone func())
	// hurry turns away clients that were accepted and are not yet served. It comes after close.
	hurry()
	// kill ends all instances at once.
	kill()
}

// A unit is one that is served.
type unit struct {
	server  *Server
	conf    *units.Unit
	program *launch.Program
	output  output
	runner  runner
}

func (s *Server) add(conf *units.Unit, program *launch.Program) {
	u := &unit{server: s, conf: conf, program: program, output: output{server: s, unit: conf.Name, read: -1, write: -1}}
	u.runner = u.newRunner()
	s.units[conf.Name] = u
	s.report(conf.Name, u.runner.configure())
}

func (u *unit) newRunner() runner {
	if u.conf.Accept() {
		return newAcceptor(u)
	}
	return &shared{unit: u}
}

// remove stops serving the unit; its instances end in their own time.
func (s *Server) remove(u *unit) {
	delete(s.units, u.conf.Name)
	s.leave(u.runner, u.output.close)
}

// leave closes a runner, and calls then when nothing of it is left.
func (s *Server) leave(r runner, then func()) {
	s.leaving[r] = struct{}{}
	r.close(func() {
		delete(s.leaving, r)
		then()
		s.stopIfDone()
		if s.retryLoad {
			s.retryLoad = false
			s.reload()
		}
	})
}

func (u *unit) listeners() []*listener.Listener { return u.server.listeners.Listeners(u.conf.Name) }

func (u *unit) publish(e event.Event) {
	e.Unit = u.conf.Name
	u.server.publish(e)
}

// compile makes the unit's part of every start.
func (s *Server) compile(u *units.Unit) (*launch.Program, error) {
	v := &u.Service
	path, argv := v.Program()
	spec := launch.Spec{
		Unit: u.Name, Path: path, Argv: argv, Env: v.Environment,
		Dir: v.WorkingDirectory, Root: v.RootDirectory, Umask: uint32(v.Umask.Perm()), Nice: v.Nice,
	}
	for _, l := range v.Limits {
		spec.Limits = append(spec.Limits, launch.Limit{Name: l.Name, Resource: l.Resource, Soft: l.Soft, Hard: l.Hard})
	}
	if v.Account.Named {
		spec.Identity = &launch.Identity{UID: v.Account.UID, GID: v.Account.GID, Groups: v.Account.Groups}
	}
	for i, stream := range []units.Stream{v.StandardInput, v.StandardOutput, v.StandardError} {
		if stream.Kind == units.StreamInherit && i > 0 {
			spec.Files[i] = spec.Files[i-1] // the launcher opens it once
			continue
		}
		spec.Files[i] = streamFile(stream, i == 0)
	}
	return s.launcher.Compile(spec)
}

// streamFile is what the child opens by itself for a stream; most are given to it.
func streamFile(s units.Stream, input bool) launch.File {
	flags := unix.O_WRONLY | unix.O_CREAT
	switch s.Kind {
	case units.StreamFile:
		if input {
			flags = unix.O_RDONLY
		}
	case units.StreamAppend:
		flags |= unix.O_APPEND
	case units.StreamTruncate:
		flags |= unix.O_TRUNC
	case units.StreamNull, units.StreamSocket, units.StreamLog, units.StreamInherit:
		return launch.File{}
	}
	return launch.File{Path: s.Path, Flags: flags, Mode: 0o640}
}

// streams are the descriptors 0, 1 and 2 of a start whose socket, where a stream asks for it, is this one.
func (u *unit) streams(socket int) (fds [3]int, err error) {
	v := &u.conf.Service
	for i, stream := range []units.Stream{v.StandardInput, v.StandardOutput, v.StandardError} {
		switch stream.Kind {
		case units.StreamSocket:
			fds[i] = socket
		case units.StreamInherit:
			fds[i] = fds[max(i-1, 0)]
		case units.StreamLog:
			fds[i], err = u.output.writer()
		case units.StreamNull, units.StreamFile, units.StreamAppend, units.StreamTruncate:
			fds[i] = -1
		}
		if err != nil {
			return fds, err
		}
	}
	return fds, nil
}
