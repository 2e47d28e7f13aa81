package superserver

import (
	"time"

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
	// pause leaves clients in the kernel's queue until resume. Who was accepted is served, and what runs goes on; a new
	// configuration changes nothing of it.
	pause()
	resume()
	// drain turns new clients away, or ends that. Where the service accepts by itself they wait as under pause.
	drain(on bool)
	// stats and the lists after it are what is the case at this moment.
	stats() stats
	// connections are the clients that are served or wait, in the order of their coming; the instances, where the service
	// accepts by itself.
	connections() []connection
	// shares are the sources of those clients, sorted.
	shares() []share
	// save returns what another program needs to go on, and tells k of descriptors; nil is nothing. restore goes on with it, in
	// place of configure.
	save(k *keeper) *savedRunner
	restore(v *savedRunner) error
}

// A stats is a unit in numbers. accepted = served + refused + clientGone + spawnFailed + conns + waiting holds at every moment.
type stats struct {
	accept  bool // an instance a connection; else only starts and running are counted
	conns   int  // connections that have an instance
	waiting int  // those that were accepted and have none yet
	limit   int  // max_connections, or the number of instances where the service accepts by itself; units.Infinity is none
	share   int  // max_connections_per_source, units.Infinity is none

	accepted, served, refused, clientGone, spawnFailed uint64

	starts  uint64 // instances so far
	running int    // instances
}

// A connection is one client, or one instance where the service accepts by itself.
type connection struct {
	id     string // UNIT/PID where the service accepts by itself
	peer   string // "-" there
	source string // empty there
	pid    int    // 0 while it waits
	since  time.Time
	live   bool // it has an instance
	// signal sends a signal to the process group of the instance. TERM and KILL turn away a client that waits; other
	// signals to one are an error.
	signal func(unix.Signal) error
	// stop asks the instance to end, once, and ends it when its time is over; it turns away a client that waits.
	stop func()
}

// A share is how many connections one source has.
type share struct {
	source string
	count  int
}

// A unit is one that is served.
type unit struct {
	server  *Server
	conf    *units.Unit
	program *launch.Program
	output  output
	runner  runner
	left    bool // it is of an earlier generation: no listener is its
}

func (s *Server) add(conf *units.Unit, program *launch.Program) {
	u := &unit{server: s, conf: conf, program: program, output: output{server: s, unit: conf.Name, read: -1, write: -1}}
	u.runner = u.newRunner()
	s.units[conf.Name] = u
	if v := s.takeRestored(conf); v != nil {
		s.report(conf.Name, u.restore(v))
		s.impose(s.accountOf(conf.Name))
		return
	}
	s.report(conf.Name, u.runner.configure())
}

func (u *unit) newRunner() runner {
	if u.conf.Accept() {
		return newAcceptor(u)
	}
	return &shared{unit: u}
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

func (u *unit) listeners() []*listener.Listener {
	if u.left {
		return nil
	}
	return u.server.listeners.Listeners(u.conf.Name)
}

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
