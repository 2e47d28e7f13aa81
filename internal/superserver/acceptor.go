package superserver

import (
	"cmp"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/activation"
	"sockbridge/internal/access"
	"sockbridge/internal/listener"
	"sockbridge/internal/supervise"
	"sockbridge/units"
)

// The reasons of refusals that are not about addresses; those are access's.
const (
	reasonTotal      = supervise.ReasonTotal
	reasonSource     = supervise.ReasonSource
	reasonSpawn      = supervise.ReasonSpawn
	reasonStopping   = supervise.ReasonStopping
	reasonOfDraining = supervise.ReasonDraining
)

// An acceptor serves a unit with accept = true: it says in the words of the engine's templates what the unit wants.
type acceptor struct {
	unit     *unit
	template *supervise.Template // nil until configure
	drained  time.Duration       // how long those may take whom another program has left us; 0: nobody is left
}

func newAcceptor(u *unit) *acceptor { return &acceptor{unit: u} }

func (a *acceptor) configure() (err error) {
	if a.template == nil {
		a.template, err = a.unit.server.engine.NewTemplate(a.config())
		return err
	}
	return a.template.Configure(a.config())
}

func (a *acceptor) config() supervise.TemplateConfig {
	conf := a.unit.conf
	limits := conf.Sockets[0] // they are the same for all sockets of a unit
	rules := access.New(conf.Access)
	c := supervise.TemplateConfig{
		Name: conf.Name, Unit: conf.Name,
		Limit: int(limits.MaxConnections), Share: int(limits.MaxConnectionsPerSource), Refuse: conf.Access.OnLimit == units.OnLimitRefuse,
		StopTimeout: conf.Service.TimeoutStopSec, DrainTimeout: a.unit.server.drainTimeout(),
		Decide: func(remote activation.Endpoint) (string, bool) {
			verdict := rules.Decide(remote.AddrPort.Addr())
			return verdict.Reason, verdict.Allowed
		},
		Prepare: a.prepare,
	}
	for _, l := range a.unit.listeners() {
		c.Sockets = append(c.Sockets, &socket{a.unit.server, l})
	}
	return c
}

// accept admits who waits at a listener that is none of the configuration.
func (a *acceptor) accept(l *listener.Listener) {
	if a.template != nil {
		a.template.AcceptFrom(&socket{a.unit.server, l})
	}
}

func (a *acceptor) unwatch() {
	if a.template != nil {
		a.template.Unwatch()
	}
}

// restart does nothing: instances hold connections, not listeners.
func (a *acceptor) restart() {}

// close takes the drain timeout of now: a reload may have changed it, and not the unit.
func (a *acceptor) close(gone func()) {
	if a.template == nil {
		gone()
		return
	}
	timeout := a.unit.server.drainTimeout()
	if a.drained > 0 {
		timeout = a.drained
	}
	a.template.CloseWithin(timeout, gone)
}

func (a *acceptor) hurry() {
	if a.template != nil {
		a.template.Hurry()
	}
}

func (a *acceptor) kill() {
	if a.template != nil {
		a.template.Kill()
	}
}

func (a *acceptor) pause() {
	if a.template != nil {
		a.template.Pause()
	}
}

func (a *acceptor) resume() {
	if a.template != nil {
		a.template.Resume()
	}
}

func (a *acceptor) drain(on bool) {
	if a.template != nil {
		a.template.Drain(on)
	}
}

func (a *acceptor) stats() stats {
	limits := a.unit.conf.Sockets[0]
	s := stats{accept: true, limit: int(limits.MaxConnections), share: int(limits.MaxConnectionsPerSource)}
	if a.template == nil {
		return s
	}
	c := a.template.Counters()
	s.conns, s.waiting, s.running = int(c.Live), int(c.Waiting), int(c.Live)
	s.accepted, s.served, s.refused, s.clientGone, s.spawnFailed = c.Accepted, c.Served, c.Refused, c.ClientGone, c.SpawnFailed
	s.starts = c.Starts
	return s
}

func (a *acceptor) connections() (list []connection) {
	if a.template == nil {
		return nil
	}
	for _, c := range a.template.Clients() {
		list = append(list, connectionOf(c))
	}
	return list
}

func connectionOf(c *supervise.Client) connection {
	return connection{
		id: c.ID(), peer: c.Peer(), source: c.Source(), pid: c.PID(), since: c.Since(), live: c.Live(), signal: c.Signal, stop: c.Stop,
	}
}

func (a *acceptor) shares() (list []share) {
	if a.template == nil {
		return nil
	}
	for source, count := range a.template.Sources() {
		list = append(list, share{source, count})
	}
	slices.SortFunc(list, func(a, b share) int { return cmp.Compare(a.source, b.source) })
	return list
}

// A socket is a unit's listener as its connections are accepted.
type socket struct {
	server   *Server
	listener *listener.Listener
}

// Descriptor is supervise.Acceptable's.
func (s *socket) Descriptor() int { return s.listener.FD }

// Take is supervise.Acceptable's: it never waits. O_NONBLOCK is not ours alone while others hold the socket: an instance that
// accepted by itself until the last reload, or who passed it to us.
func (s *socket) Take() (int, unix.Sockaddr, error) {
	if len(s.server.leaving) > 0 || len(s.server.options.Inherited) > 0 {
		if err := s.listener.RestoreMode(); err != nil {
			return -1, nil, err
		}
		if waiting, err := s.listener.Waiting(); err == nil && waiting == 0 {
			return -1, nil, unix.EAGAIN
		}
	}
	return unix.Accept4(s.listener.FD, unix.SOCK_CLOEXEC)
}

// SetUp is supervise.Acceptable's.
func (s *socket) SetUp(fd int) error { return s.listener.SetUpConnection(fd) }

// Mend is supervise.Acceptable's.
func (s *socket) Mend() error { return s.listener.Mend() }
