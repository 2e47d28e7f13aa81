package superserver

import (
	"cmp"
	"slices"

	"sockbridge/control"
)

const (
	// maxSessions is how many clients the control socket has at once. One more ends the session of another.
	maxSessions = 64
	// spareSessions are for those who come while the sessions that make way for them are still being ended.
	spareSessions = 8
	// maxNoted bounds what is noted of sessions, those included that are gone.
	maxNoted = 2 * maxSessions
)

// A crowd is who is connected to the control socket, and who of them was there last: clients that say nothing must keep nobody
// out, nor those with few rights those who have more.
type crowd struct {
	uses    uint64
	used    map[*control.Session]uint64   // when, by the number of the use
	leaving map[*control.Session]struct{} // those that were asked to
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
	clients = slices.DeleteFunc(clients, func(c client) bool {
		_, leaving := w.leaving[c.session]
		return leaving
	})
	slices.SortStableFunc(clients, func(a, b client) int {
		return cmp.Or(
			cmp.Compare(a.session.Rights(), b.session.Rights()),
			cmp.Compare(min(len(a.session.Topics()), 1), min(len(b.session.Topics()), 1)),
			cmp.Compare(w.used[a.session], w.used[b.session]),
		)
	})
	for len(clients) > maxSessions {
		c := clients[0]
		clients = clients[1:]
		w.leaving[c.session] = struct{}{}
		c.emit("closed", "too many sessions")
		c.session.Leave()
	}
}

// sessions is how many there are, those of services included. It is asked every round.
func (c *controlSocket) sessions() (n int) {
	for range c.server.Sessions() {
		n++
	}
	return n
}

// A client is one session of the control socket.
type client struct {
	session *control.Session
	emit    func(fields ...string)
}

// clients are the sessions of the control socket, in the order of their coming, without those of services.
func (s *Server) clients() (list []client) {
	for session := range s.control.server.Sessions() {
		if state := session.Control(); state.UID() >= 0 {
			list = append(list, client{state, session.Emit})
		}
	}
	return list
}

// forget drops what was noted of sessions that are gone.
func (w *crowd) forget(clients []client) {
	there := map[*control.Session]bool{}
	for _, c := range clients {
		there[c.session] = true
	}
	for session := range w.used {
		if !there[session] {
			delete(w.used, session)
			delete(w.leaving, session)
		}
	}
	for session := range w.leaving {
		if !there[session] {
			delete(w.leaving, session)
		}
	}
}
