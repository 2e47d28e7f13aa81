package superserver

import (
	"cmp"
	"slices"

	"sockbridge/control"
	"sockbridge/internal/controllers"
)

const (
	// maxSessions is how many clients the control socket has at once. One more ends the session of another.
	maxSessions = 64
	// spareSessions are for those who come before others have made way for them.
	spareSessions = 8
	// leastClients is how many there may be however many sessions services have. Those take no more than leave room for them.
	leastClients = 8
	// maxNoted bounds what is noted of sessions, those included that are gone.
	maxNoted = 2 * maxSessions
)

// A crowd is who is connected to the control socket, and who of them was there last: clients that say nothing must keep nobody
// out, nor those with few rights those who have more.
type crowd struct {
	uses uint64
	used map[*control.Session]uint64 // when, by the number of the use
}

// counted notes the use of a session whenever it sends one of the commands.
func (w *crowd) counted(list []control.Command) []control.Command {
	for i := range list {
		run := list[i].Run
		list[i].Run = func(c *control.Call) error {
			w.uses++
			w.used[c.Session] = w.uses
			return run(c)
		}
	}
	return list
}

// thinOut makes room for the next client: of those that are too many it ends the sessions with the least rights, among those the
// ones that wait for no events, and that were used the longest ago.
func (s *Server) thinOut() {
	if s.control == nil {
		return
	}
	w := &s.control.crowd
	if s.control.sessions() <= maxSessions && len(w.used) <= maxNoted {
		return
	}
	clients := s.clients()
	w.forget(clients)
	slices.SortStableFunc(clients, func(a, b *controllers.Session) int {
		x, y := a.Control(), b.Control()
		return cmp.Or(
			cmp.Compare(x.Rights(), y.Rights()),
			cmp.Compare(min(len(x.Topics()), 1), min(len(y.Topics()), 1)),
			cmp.Compare(w.used[x], w.used[y]),
		)
	})
	services := s.control.sessions() - len(clients)
	for len(clients) > max(maxSessions-services, leastClients) {
		clients[0].Dismiss("closed", "too many sessions")
		clients = clients[1:]
	}
}

// sessions is how many there are, those of services included. It is asked every round.
func (c *controlSocket) sessions() (n int) {
	for range c.server.Sessions() {
		n++
	}
	return n
}

// clients are the sessions of the control socket, in the order of their coming, without those of services.
func (s *Server) clients() (list []*controllers.Session) {
	for session := range s.control.server.Sessions() {
		if session.Client() {
			list = append(list, session)
		}
	}
	return list
}

// forget drops what was noted of sessions that are gone.
func (w *crowd) forget(clients []*controllers.Session) {
	there := map[*control.Session]bool{}
	for _, c := range clients {
		there[c.Control()] = true
	}
	for session := range w.used {
		if !there[session] {
			delete(w.used, session)
		}
	}
}
