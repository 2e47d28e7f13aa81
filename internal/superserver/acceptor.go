package superserver

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/access"
	"sockbridge/internal/event"
	"sockbridge/internal/listener"
	"sockbridge/internal/loop"
	"sockbridge/units"
)

const (
	// acceptAtOnce bounds how many clients of one listener are accepted before others have their turn.
	acceptAtOnce = 64
	// reserveSlots is how many clients beyond max_connections are accepted to see whether they are over their share: those
	// are told at once, the others wait here, first come, first served, for a slot.
	reserveSlots = 8
	// shortOfDescriptors is how long a listener is left alone when we have no descriptor for its clients.
	shortOfDescriptors = 100 * time.Millisecond
	// acceptRetry is how long a listener is left alone when accept fails for want of memory, or without a reason we know.
	acceptRetry = 50 * time.Millisecond
	// spawnRetry is how often a connection is tried again while the kernel has no room for a process, spawnWait how long.
	spawnRetry = 50 * time.Millisecond
	spawnWait  = 5 * time.Second
)

// Clients that are over a limit are given doubtTime, and no more than maxDoubtful of a unit at once.
const (
	doubtTime   = 20 * time.Millisecond
	maxDoubtful = 64
)

// The reasons of refusals that are not about addresses; those are access's.
const (
	reasonTotal    = "max_connections"
	reasonSource   = "max_connections_per_source"
	reasonSpawn    = "no_process"
	reasonStopping = "stopping"
)

// busy is what clients are told who are over a limit.
var busy = map[string]string{
	reasonTotal:  "busy: too many connections\r\n",
	reasonSource: "busy: too many connections from your network\r\n",
}

// counters account for every accepted client: accepted = served + refused + clientGone + spawnFailed + those who are live,
// waiting or in doubt.
type counters struct {
	accepted, served, refused, clientGone, spawnFailed uint64
}

func (c *counters) String() string {
	return fmt.Sprintf("accepted %d, served %d, refused %d, client_gone %d, spawn_failed %d",
		c.accepted, c.served, c.refused, c.clientGone, c.spawnFailed)
}

// An acceptor serves a unit with accept = true: it accepts, decides and starts one instance for each connection.
type acceptor struct {
	unit    *unit
	access  *access.List
	watches []*loop.Watch
	resting *loop.Timer // listeners are left alone until it fires
	pause   pause       // for how long
	retry   *loop.Timer // starts are tried again when it fires

	live    map[*conn]struct{} // started
	waiting []*conn            // admitted, waiting for a slot or a process
	sources map[source]int     // live and waiting connections

	doubtful []*conn     // over a limit, for the moment
	judge    *loop.Timer // decides about them

	counters

	closing bool
	drain   *loop.Timer // ends the time that connections have to finish
	gone    func()      // set by close, called once
}

func newAcceptor(u *unit) *acceptor {
	return &acceptor{unit: u, live: map[*conn]struct{}{}, sources: map[source]int{}}
}

func (a *acceptor) configure() error {
	a.unwatch()
	a.access = access.New(a.unit.conf.Access)
	var errs []error
	for _, l := range a.unit.listeners() {
		w, err := a.unit.server.loop.Watch(l.FD, 0, func(loop.Events) { a.accept(l) })
		if err != nil {
			errs = append(errs, err)
			continue
		}
		a.watches = append(a.watches, w)
	}
	a.next()
	return errors.Join(errs...)
}

// limits are the same for all sockets of a unit.
func (a *acceptor) limits() *units.Socket { return &a.unit.conf.Sockets[0] }

// full reports whether all slots are taken.
func (a *acceptor) full() bool { return units.Limit(len(a.live)) >= a.limits().MaxConnections }

// open reports whether another client may be accepted now.
func (a *acceptor) open() bool {
	switch {
	case a.closing || a.resting != nil || a.retry != nil:
		return false
	case a.unit.conf.Access.OnLimit == units.OnLimitRefuse:
		return true
	}
	return len(a.waiting) < reserveSlots
}

// watch asks for clients as long as they may be accepted; the others wait in the kernel's queue.
func (a *acceptor) watch() {
	var mode loop.Events
	if a.open() {
		mode = loop.Readable
	}
	for _, w := range a.watches {
		a.unit.server.report(a.unit.conf.Name, w.Set(mode))
	}
}

// accept takes clients from a listener until nobody waits, with a bound so that one listener does not hold up the others.
func (a *acceptor) accept(l *listener.Listener) {
	for range acceptAtOnce {
		if !a.open() {
			break
		}
		fd, peer, err := a.take(l)
		if err != nil {
			if a.acceptFailed(l, err) {
				continue
			}
			break
		}
		a.pause.reset()
		a.admit(a.newConn(fd, peer, l))
	}
	a.watch()
}

// take accepts one client, and never waits for one. O_NONBLOCK is not ours alone while others hold the socket: an instance
// that accepted by itself until the last reload, or who passed it to us.
func (a *acceptor) take(l *listener.Listener) (int, unix.Sockaddr, error) {
	if len(a.unit.server.leaving) > 0 || len(a.unit.server.options.Inherited) > 0 {
		if err := l.RestoreMode(); err != nil {
			return -1, nil, err
		}
		if waiting, err := l.Waiting(); err == nil && waiting == 0 {
			return -1, nil, unix.EAGAIN
		}
	}
	return unix.Accept4(l.FD, unix.SOCK_CLOEXEC)
}

// acceptFailed reports whether the next client may be tried. No error closes the listener: accept(2) passes on those of the
// connection, and shortages end.
func (a *acceptor) acceptFailed(l *listener.Listener, err error) bool {
	var errno unix.Errno
	errors.As(err, &errno)
	switch errno {
	case unix.EAGAIN:
		return false
	case unix.EINTR, unix.ECONNABORTED, unix.EPROTO, unix.ENETDOWN, unix.ENOPROTOOPT, unix.EHOSTDOWN,
		unix.ENONET, unix.EHOSTUNREACH, unix.ENETUNREACH:
		return true
	case unix.EMFILE, unix.ENFILE:
		if a.unit.server.reserve.refuse(l.FD) {
			a.accepted++
			a.refused++
		}
		a.rest(a.pause.next(shortOfDescriptors), err)
	default:
		if mend := l.Mend(); mend != nil {
			err = mend
		}
		a.rest(a.pause.next(acceptRetry), err)
	}
	return false
}

// A pause grows while what it is for goes on.
type pause struct{ last time.Duration }

// longestPause bounds it.
const longestPause = 5 * time.Second

func (p *pause) next(first time.Duration) time.Duration {
	p.last = min(max(2*p.last, first), longestPause)
	return p.last
}

func (p *pause) reset() { p.last = 0 }

// rest leaves the listeners alone for a while.
func (a *acceptor) rest(d time.Duration, err error) {
	a.unit.publish(event.Event{Type: event.Bad, Err: err, Delay: d, Text: "cannot accept; clients wait in the queue"})
	a.resting = a.unit.server.loop.After(d, func() {
		a.resting = nil
		a.next()
	})
}

// admit decides about a client that was just accepted.
func (a *acceptor) admit(c *conn) {
	a.accepted++
	if verdict := a.access.Decide(c.remote.AddrPort.Addr()); !verdict.Allowed {
		c.refuse(verdict.Reason, "")
		return
	}
	switch reason := a.overLimit(c); {
	case reason == "":
		a.queue(c)
	case len(a.doubtful) < maxDoubtful:
		a.doubt(c)
	default:
		c.refuse(reason, busy[reason])
	}
}

// overLimit returns the limit that a client is over, or nothing.
func (a *acceptor) overLimit(c *conn) string {
	switch {
	case units.Limit(a.sources[c.source]) >= a.limits().MaxConnectionsPerSource:
		return reasonSource
	case a.full() && a.unit.conf.Access.OnLimit == units.OnLimitRefuse:
		return reasonTotal
	}
	return ""
}

// queue lets an admitted client have its turn.
func (a *acceptor) queue(c *conn) {
	a.sources[c.source]++
	c.publish(event.Event{Type: event.Accept})
	a.waiting = append(a.waiting, c)
	a.startWaiting()
}

// doubt sets a client aside that is over a limit: one that comes back the moment its last connection is closed is here before
// we hear of that instance's end, and must not be refused for it.
func (a *acceptor) doubt(c *conn) {
	a.doubtful = append(a.doubtful, c)
	if a.judge == nil {
		a.judge = a.unit.server.loop.After(doubtTime, a.judgeDoubtful)
	}
}

// judgeDoubtful refuses those whom time has not helped.
func (a *acceptor) judgeDoubtful() {
	a.judge = nil
	a.admitDoubtful()
	now := a.unit.server.loop.Now()
	for len(a.doubtful) > 0 {
		c := a.doubtful[0]
		if wait := c.accepted.Add(doubtTime).Sub(now); wait > 0 {
			a.judge = a.unit.server.loop.After(wait, a.judgeDoubtful)
			return
		}
		a.doubtful = a.doubtful[1:]
		reason := a.overLimit(c)
		c.refuse(reason, busy[reason])
	}
	a.next() // they may have been the last
}

// admitDoubtful admits those who are over no limit any more.
func (a *acceptor) admitDoubtful() {
	before := a.doubtful
	a.doubtful = nil
	for _, c := range before {
		if a.overLimit(c) == "" {
			a.queue(c)
		} else {
			a.doubtful = append(a.doubtful, c)
		}
	}
}

// startWaiting starts those who wait, in their order, as long as there are slots and processes to be had.
func (a *acceptor) startWaiting() {
	for len(a.waiting) > 0 && !a.full() && a.retry == nil {
		c := a.waiting[0]
		a.waiting = a.waiting[1:]
		c.start()
	}
}

// tryAgain puts a connection for which there was no process back at the head, and stops accepting until there is one.
func (a *acceptor) tryAgain(c *conn, err error) {
	if time.Since(c.accepted) > spawnWait {
		c.refuse(reasonSpawn, "busy: try again later\r\n")
		a.release(c)
		return
	}
	if !c.tried {
		c.tried = true
		c.publish(event.Event{Type: event.StartFailed, Err: err, Delay: spawnRetry})
	}
	a.waiting = append([]*conn{c}, a.waiting...)
	a.retry = a.unit.server.loop.After(spawnRetry, func() {
		a.retry = nil
		a.next()
	})
}

// next goes on after something has changed: a slot was freed, a pause is over, limits are others.
func (a *acceptor) next() {
	a.startWaiting()
	a.admitDoubtful()
	a.watch()
	if a.gone != nil && len(a.live)+len(a.waiting)+len(a.doubtful) == 0 {
		gone := a.gone
		a.gone = nil
		a.unit.publish(event.Event{Type: event.Ended, Text: a.String()})
		gone()
	}
}

// release takes a connection off the books of its source.
func (a *acceptor) release(c *conn) {
	if a.sources[c.source]--; a.sources[c.source] <= 0 {
		delete(a.sources, c.source)
	}
}

func (a *acceptor) unwatch() {
	for _, w := range a.watches {
		a.unit.server.report(a.unit.conf.Name, w.Close())
	}
	a.watches = nil
}

// restart does nothing: instances hold connections, not listeners.
func (a *acceptor) restart() {}

// close serves those who were accepted, asks their instances to end after the drain timeout, and turns away who is not served
// by then.
func (a *acceptor) close(gone func()) {
	a.closing = true
	a.unwatch()
	server := a.unit.server
	a.drain = server.loop.After(server.drainTimeout(), func() {
		a.hurry()
		for c := range a.live {
			c.instance.Stop()
		}
	})
	a.gone = func() {
		for _, t := range []*loop.Timer{a.drain, a.judge, a.resting, a.retry} {
			t.Stop()
		}
		gone()
	}
	a.next()
}

// hurry turns away those who are not served yet.
func (a *acceptor) hurry() {
	for _, c := range a.waiting {
		c.refuse(reasonStopping, "")
		a.release(c)
	}
	for _, c := range a.doubtful {
		c.refuse(reasonStopping, "")
	}
	a.waiting, a.doubtful = nil, nil
	a.next()
}

func (a *acceptor) kill() {
	for c := range a.live {
		c.instance.Kill()
	}
}
