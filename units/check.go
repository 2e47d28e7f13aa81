package units

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// shape fills in what depends on other keys, and refuses what contradicts itself.
func (d *draft) shape() {
	u := d.unit
	if len(u.Sockets) == 0 || u.count() == 0 {
		d.noAddress()
	}
	if !d.has("service") && !d.has("internal") && !d.has("proxy") && !d.told("service") {
		d.failAt("service", "the unit has no [service]")
	}
	for i := range u.Sockets {
		d.derive(&u.Sockets[i], d.sockets[i])
		d.checkSocket(&u.Sockets[i], d.sockets[i])
		d.checkAlike(i)
	}
	if _, written := d.service["standard_output"]; !written {
		u.Service.StandardOutput = Stream{Kind: StreamLog}
		if u.Service.StandardInput.Kind == StreamSocket {
			u.Service.StandardOutput = Stream{Kind: StreamSocket}
		}
	}
	d.checkStreams()
	d.checkService()
	d.checkLimits()
}

// has reports whether the unit's own files have a section.
func (d *draft) has(section string) bool {
	_, ok := d.at[section]
	return ok
}

// told reports whether something in a section has been found wrong already.
func (d *draft) told(section string) bool {
	return slices.ContainsFunc(d.problems, func(p Problem) bool {
		return p.Severity == Error && (p.Key == section || strings.HasPrefix(p.Key, section+"."))
	})
}

// noAddress says so, unless an address that is wrong has been told already.
func (d *draft) noAddress() {
	if !d.told("socket") && !d.unresolved {
		d.failAt("socket", "the unit listens on no address")
	}
}

// derive sets the defaults of a socket that depend on its other keys, and writes the paths of links in one way.
func (d *draft) derive(s *Socket, table entries) {
	if _, written := table["max_connections_per_source"]; !written {
		s.MaxConnectionsPerSource = max(1, s.MaxConnections/4)
		if s.MaxConnections == Infinity {
			s.MaxConnectionsPerSource = Infinity
		}
	}
	for i, link := range s.Symlinks {
		s.Symlinks[i] = path.Clean(link)
	}
	if s.FileDescriptorName == "" {
		s.FileDescriptorName = strings.ReplaceAll(d.name, ":", "_")
		if s.Accept {
			s.FileDescriptorName = "connection"
		}
	}
}

func (d *draft) checkSocket(s *Socket, table entries) {
	for _, a := range s.Listen {
		if s.Accept && !a.Network.Accepts() {
			d.fail(table["accept"], fmt.Sprintf("= true goes with connections only, and %s %s has none", a.Network.key(), a))
			break
		}
	}
	for _, name := range []string{"max_connections", "max_connections_per_source"} {
		if e, own := table.own(name); own && !s.Accept {
			d.fail(e, "counts nothing with accept = false: the service accepts by itself")
		}
	}
	if s.SocketProtocol == "mptcp" && !s.Accept && d.unit.Access.limited() && s.has(TCP) {
		d.fail(table["socket_protocol"], `= "mptcp" cannot have only_from or no_access with accept = false: the kernel has no filter for it`)
	}
	if nodes := s.nodes(); len(s.Symlinks) > 0 && nodes != 1 {
		d.fail(table["symlinks"], fmt.Sprintf("needs exactly one path to link to, and there are %d", nodes))
	}
}

// limited reports whether there is anybody who may not connect.
func (a *Access) limited() bool { return a.OnlyFromSet || len(a.NoAccess) > 0 }

func (s *Socket) has(n Network) bool {
	return slices.ContainsFunc(s.Listen, func(a Address) bool { return a.Network == n })
}

// nodes counts the addresses that are in the file system.
func (s *Socket) nodes() int {
	n := 0
	for _, a := range s.Listen {
		if strings.HasPrefix(a.Path, "/") {
			n++
		}
	}
	return n
}

// checkAlike refuses sockets of one service that it would have to be started for in different ways.
func (d *draft) checkAlike(i int) {
	first, s, table := &d.unit.Sockets[0], &d.unit.Sockets[i], d.sockets[i]
	differs := func(key string) {
		if e, ok := table[key]; ok {
			d.fail(e, "differs from the first [[socket]]: the sockets of a unit share its service")
			return
		}
		d.fail(d.sockets[0][key], fmt.Sprintf("differs from that of [[socket]] number %d: the sockets of a unit share its service", i+1))
	}
	switch {
	case s.Accept != first.Accept:
		differs("accept")
	case s.MaxConnections != first.MaxConnections:
		differs("max_connections")
	case s.MaxConnectionsPerSource != first.MaxConnectionsPerSource:
		differs("max_connections_per_source")
	}
}

// checkStreams refuses a standard stream that would be one of several listening sockets.
func (d *draft) checkStreams() {
	u := d.unit
	if u.Accept() || u.count() < 2 {
		return
	}
	for _, name := range []string{"standard_input", "standard_output", "standard_error"} {
		if e, ok := d.service[name]; ok && e.value == "socket" {
			d.fail(e, fmt.Sprintf(`= "socket" goes with one listening socket, and there are %d`, u.count()))
		}
	}
}

func (d *draft) checkService() {
	u := d.unit
	for _, name := range []string{"instances", "non_blocking"} {
		if e, own := d.service.own(name); own && u.Accept() {
			d.fail(e, "goes with accept = false only: each connection has a process of its own")
		}
	}
	if e, own := d.access.own("on_limit"); own && !u.Accept() && len(u.Sockets) > 0 {
		d.fail(e, "goes with accept = true only: the service accepts by itself")
	}
	e, own := d.service.own("fd_protocol")
	switch p := u.Service.FDProtocol; {
	case !own || len(p) != 1:
	case p[0] == "upstart" && u.Accept():
		d.fail(e, `"upstart" announces listening sockets, and with accept = true there is none`)
	case p[0] == "ucspi" && !u.Accept():
		d.fail(e, `"ucspi" announces a connection, and with accept = false there is none`)
	}
}

// checkLimits refuses what setrlimit(2) refuses whoever asks.
func (d *draft) checkLimits() {
	for _, limit := range d.unit.Service.Limits {
		if limit.Resource != unix.RLIMIT_NOFILE {
			continue
		}
		if most := d.world.mostFiles(); limit.Hard > most {
			d.fail(d.service["limit_nofile"], fmt.Sprintf("is above %d, the most that fs.nr_open allows", most))
		}
	}
}

// rootWarning says that nothing keeps the service from the whole host.
func (d *draft) rootWarning() {
	if d.unit.Service.Account.UID != 0 || d.has("sandbox") || !d.has("service") {
		return
	}
	const msg = "unit runs as root; name a user that can do less, if it can do with less"
	if e, own := d.service.own("user"); own {
		d.tell(e.doc, e.node.key, Warning, e.key, msg)
		return
	}
	d.problems = append(d.problems, Problem{
		File: d.main.path, Line: 1, Column: 1, Severity: Warning,
		Msg: msg, Unit: d.name, Key: "service.user",
	})
}
