package superserver

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/event"
)

func (s *Server) connCommands() []control.Command {
	return []control.Command{
		{
			Name: "conn.list", Args: "[UNIT]", Rights: control.Read, Version: control.Version2, Run: s.connList,
			Help: "tells of each connection, or instance that accepts by itself, as a line `conn.state`",
		},
		{
			Name: "conn.kill", Args: "ID [SIGNAL]", Rights: control.Operate, Version: control.Version2, Run: s.connKill,
			Help: "ends a connection: TERM and CONT, KILL after the unit's time; or sends one signal",
		},
		{
			Name: "conn.explain", Args: "ID", Rights: control.Read, Version: control.Version2, Run: s.connExplain,
			Help: "tells what is remembered of a connection, and behind each end the line `because` of the key that decided",
		},
	}
}

// A runnerOf is one runner of a unit, by name.
type runnerOf struct {
	unit   string
	runner runner
}

// allRunners are those that serve and those that finish, by the names of their units.
func (s *Server) allRunners() []runnerOf {
	var list []runnerOf
	for name, u := range s.units {
		list = append(list, runnerOf{name, u.runner})
	}
	for r := range s.leaving {
		if u := unitOf(r); u != nil {
			list = append(list, runnerOf{u.conf.Name, r})
		}
	}
	slices.SortStableFunc(list, func(a, b runnerOf) int { return cmp.Compare(a.unit, b.unit) })
	return list
}

func (s *Server) connList(c *control.Call) error {
	if err := arguments(c, 0, 1); err != nil {
		return err
	}
	var list []runnerOf
	if len(c.Args) == 0 {
		list = s.allRunners()
	} else {
		name := c.Args[0]
		for _, r := range s.runners(name) {
			list = append(list, runnerOf{name, r})
		}
		if len(list) == 0 && s.accounts[name] == nil {
			return noSuchUnit(name)
		}
	}
	var some []record
	c.Stream(func() bool {
		for len(some) == 0 && len(list) > 0 {
			some = connRecords(list[0])
			list = list[1:]
		}
		if len(some) > 0 {
			c.Emit(some[0]...)
			some = some[1:]
		}
		return len(some)+len(list) > 0
	})
	return nil
}

func connRecords(of runnerOf) (lines []record) {
	for _, conn := range of.runner.connections() {
		r := record{"conn.state", of.unit, conn.id, conn.peer, strconv.Itoa(conn.pid)}
		r.time("since", conn.since)
		state := "waiting"
		if conn.live {
			state = "live"
		}
		r.text("state", state)
		r.text("source", conn.source)
		lines = append(lines, r)
	}
	return lines
}

// findConn looks a connection up by its id, without a look at all the others.
func (s *Server) findConn(id string) (connection, *unit) {
	if name, _, isInstance := strings.Cut(id, "/"); isInstance {
		for _, r := range s.runners(name) {
			for _, conn := range r.connections() {
				if conn.id == id {
					return conn, unitOf(r)
				}
			}
		}
		return connection{}, nil
	}
	for _, u := range s.units {
		if conn, ok := clientOf(u.runner, id); ok {
			return conn, u
		}
	}
	for r := range s.leaving {
		if conn, ok := clientOf(r, id); ok {
			return conn, unitOf(r)
		}
	}
	return connection{}, nil
}

// clientOf is the client of a runner with that id.
func clientOf(r runner, id string) (connection, bool) {
	a, ok := r.(*acceptor)
	if !ok || a.template == nil {
		return connection{}, false
	}
	c := a.template.Client(id)
	if c == nil {
		return connection{}, false
	}
	return connectionOf(c), true
}

func (s *Server) connKill(c *control.Call) error {
	if err := arguments(c, 1, 2); err != nil {
		return err
	}
	id := c.Args[0]
	var sig unix.Signal
	if len(c.Args) == 2 {
		var err error
		if sig, err = signalOf(c.Args[1]); err != nil {
			return err
		}
	}
	conn, u := s.findConn(id)
	if u == nil {
		return noSuchConn(id)
	}
	if sig == 0 {
		conn.stop()
		return nil
	}
	if err := conn.signal(sig); err != nil {
		return refusal(codeFailed, "cannot signal connection %q: %v", id, err)
	}
	return nil
}

func (s *Server) connExplain(c *control.Call) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	id := c.Args[0]
	history := s.journal.conn(isAbout(id))
	if len(history) == 0 {
		if _, u := s.findConn(id); u == nil {
			return noSuchConn(id)
		}
	}
	var lines []record
	for i, n := range history {
		lines = append(lines, eventRecord(&n.Event))
		if decided, known := causeOf(&n.Event, history[:i]); known {
			lines = append(lines, becauseRecord(decided, s.confOf(n.Unit), &n.Event))
		}
	}
	emitAll(c, lines)
	return nil
}

// isAbout tells the events of a connection, or of an instance UNIT/PID.
func isAbout(id string) func(*event.Event) bool {
	unit, number, isInstance := strings.Cut(id, "/")
	if pid, err := strconv.Atoi(number); isInstance && err == nil && pid > 0 {
		return func(e *event.Event) bool { return e.PID == pid && e.Unit == unit }
	}
	return func(e *event.Event) bool { return e.Conn == id && id != "" }
}

func noSuchConn(id string) error { return refusal(codeNoConn, "no connection has the id %q", id) }

// connectionsNow is how many clients are served, or wait to be.
func (s *Server) connectionsNow() (n uint64) {
	for _, of := range s.allRunners() {
		now := of.runner.stats()
		n += uint64(now.conns + now.waiting)
	}
	return n
}
