package controllers

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"sockbridge/control"
	"sockbridge/internal/supervise"
)

// connCommands are those about connections, for a program that has no other connections than those of service.accept.
func (s *Server) connCommands() []control.Command {
	all := []control.Command{
		{
			Name: "conn.list", Args: "[NAME]", Rights: control.Read, Run: s.connList,
			Help: "tells of the connections of all services, or of one, as `conn.state` events",
		},
		{
			Name: "conn.kill", Args: "ID [SIGNAL]", Rights: control.Operate, Run: s.connKill,
			Help: "sends a signal, TERM unless another is named, to the instance of a connection",
		},
	}
	return slices.DeleteFunc(all, func(c control.Command) bool {
		return slices.ContainsFunc(s.o.Commands, func(other control.Command) bool { return other.Name == c.Name })
	})
}

// Clients are the connections of services that accept, of all of them or of one, in the order of their names and coming.
func (s *Server) Clients(name string) []*supervise.Client {
	var list []*supervise.Client
	for _, n := range slices.Sorted(maps.Keys(s.templates)) {
		if name == "" || n == name {
			list = append(list, s.templates[n].engine.Clients()...)
		}
	}
	return list
}

// Client returns the connection of that id, of any service that accepts; nil: there is none.
func (s *Server) Client(id string) *supervise.Client {
	for _, t := range s.templates {
		if c := t.engine.Client(id); c != nil {
			return c
		}
	}
	return nil
}

func (s *Server) connList(c *control.Call) error {
	names := slices.Sorted(maps.Keys(s.templates))
	if len(c.Args) > 0 {
		if s.templates[c.Args[0]] == nil {
			return failed(control.CodeNoSuchUnit, "No such service")
		}
		names = c.Args[:1]
	}
	for _, name := range names {
		c.Stream(eachClient(c, name, s.Clients(name)))
	}
	return nil
}

// eachClient tells of one connection a step.
func eachClient(c *control.Call, name string, clients []*supervise.Client) func() bool {
	return func() bool {
		if len(clients) == 0 {
			return false
		}
		client := clients[0]
		clients = clients[1:]
		state := "waiting"
		if client.Live() {
			state = "live"
		}
		c.Emit(
			"conn.state", name, client.ID(), client.Peer(), strconv.Itoa(client.PID()),
			"since="+client.Since().UTC().Format(time.RFC3339Nano), "state="+state,
		)
		return len(clients) > 0
	}
}

func (s *Server) connKill(c *control.Call) error {
	a := argumentsOf(c)
	id, err := a.or("missing argument")
	if err != nil {
		return err
	}
	client := s.Client(id)
	if client == nil {
		return failed(control.CodeNoSuchConn, "No such connection")
	}
	if len(a.rest) == 0 {
		client.Stop()
		return nil
	}
	sig, err := a.signal()
	if err != nil {
		return err
	}
	if err := client.Signal(sig); err != nil {
		return built(c, "can't kill %s: %s", id, strerror(err))
	}
	return nil
}
