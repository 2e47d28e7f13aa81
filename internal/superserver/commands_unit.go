package superserver

import (
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/listener"
	"sockbridge/units"
)

// statusEvents is how many of a unit's last events unit.status tells.
const statusEvents = 20

func (s *Server) unitCommands() []control.Command {
	return []control.Command{
		{
			Name: "unit.list", Args: "[PATTERN…]", Rights: control.Read, Version: control.Version2, Run: s.unitList,
			Help: "tells the state of each unit, by name, as a line `unit.state`",
		},
		{
			Name: "unit.status", Args: "NAME", Rights: control.Read, Version: control.Version2, Run: s.unitStatus,
			Help: "tells all about one unit: `unit.state`, `unit.listener`, `unit.source`, its last events",
		},
		{
			Name: "unit.kill", Args: "NAME SIGNAL", Rights: control.Operate, Version: control.Version2, Run: s.unitKill,
			Help: "sends a signal to the process group of every instance",
		},
	}
}

func (s *Server) orderCommands() []control.Command {
	return []control.Command{
		s.orderCommand("unit.start", "NAME", orderStart, orderStart, "serves a unit again, whatever stopped it"),
		s.orderCommand("unit.stop", "NAME [now]", orderStop, orderStopNow, "closes a unit's listeners; who is served may finish, or is ended `now`"),
		s.orderCommand("unit.pause", "NAME", orderPause, orderPause, "accepts nobody; clients wait in the kernel's queue"),
		s.orderCommand("unit.resume", "NAME", orderResume, orderResume, "accepts again"),
		s.orderCommand("unit.drain", "NAME [now]", orderDrain, orderDrainNow, "refuses new clients; who is served may finish, or is ended `now`"),
		s.orderCommand("unit.restart", "NAME", orderRestart, orderRestart, "ends the instances of a service that accepts by itself; listeners stay open"),
	}
}

func (s *Server) orderCommand(name, args string, o, now order, help string) control.Command {
	return control.Command{
		Name: name, Args: args, Rights: control.Operate, Version: control.Version2, Help: help,
		Run: func(c *control.Call) error {
			most := 1
			if now != o {
				most = 2
			}
			if err := arguments(c, 1, most); err != nil {
				return err
			}
			atOnce, err := oneWord(c, 1, "now")
			if err != nil {
				return err
			}
			given := o
			if atOnce {
				given = now
			}
			s.administer(c.Args[0], given, c.Later())
			return nil
		},
	}
}

// unitNames are the names of all units, sorted. The caller must not change the slice.
func (s *Server) unitNames() []string {
	if s.names == nil {
		s.names = slices.Sorted(maps.Keys(s.accounts))
	}
	return s.names
}

// unitList looks at one unit at a time, as fast as the reader takes them: that asks the kernel for each.
func (s *Server) unitList(c *control.Call) error {
	match, err := s.patternsOf(c.Args)
	if err != nil {
		return err
	}
	names := s.unitNames()
	c.Stream(func() bool {
		if len(names) == 0 {
			return false
		}
		name := names[0] // one a step, meant or not: others want their turn too
		names = names[1:]
		if a := s.accounts[name]; a != nil && match.match(name) {
			c.Emit(s.unitRecord(a)...)
		}
		return len(names) > 0
	})
	return nil
}

func (s *Server) unitStatus(c *control.Call) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	a := s.accounts[c.Args[0]]
	if a == nil {
		return noSuchUnit(c.Args[0])
	}
	r := s.unitRecord(a)
	s.addDetails(&r, a)
	lines := []record{r}
	for _, l := range s.listeners.Listeners(a.name) {
		lines = append(lines, listenerRecord(l))
	}
	if u := s.units[a.name]; u != nil {
		lines = append(lines, sourceRecords(u)...)
	}
	for _, n := range s.journal.of(statusEvents, []string{a.name}) {
		lines = append(lines, eventRecord(&n.Event))
	}
	emitAll(c, lines)
	return nil
}

func (s *Server) unitKill(c *control.Call) error {
	if err := arguments(c, 2, 2); err != nil {
		return err
	}
	name := c.Args[0]
	sig, err := signalOf(c.Args[1])
	if err != nil {
		return err
	}
	runners := s.runners(name)
	if s.accounts[name] == nil && len(runners) == 0 {
		return noSuchUnit(name)
	}
	reached := 0
	for _, r := range runners {
		for _, conn := range r.connections() {
			if conn.live && conn.signal(sig) == nil {
				reached++
			}
		}
	}
	if reached == 0 {
		return refusal(codeFailed, "nothing of unit %q runs", name)
	}
	return nil
}

// unitRecord is the state of a unit.
func (s *Server) unitRecord(a *account) record {
	r := record{"unit.state", a.name, s.word(a)}
	conf := s.confOf(a.name)
	if conf != nil {
		r.text("mode", modeOf(conf))
	}
	queued, limit := s.addListens(&r, a, conf)
	addNumbers(&r, s.numbers(a))
	if limit > 0 || queued > 0 {
		r.number("queue", queued)
	}
	if limit > 0 {
		r.number("queue_limit", limit)
	}
	r.text("rate", rateText(a.clients.perSecond(time.Now())))
	r.text("last_exit", a.exit)
	r.time("last_exit_time", a.exitTime)
	if conf != nil {
		r.text("description", conf.Description)
		r.text("file", fileOf(conf))
	}
	if conf == nil {
		r.text("file", s.faultyFile(a.name))
	}
	r.number("generation", s.generation)
	if conf != nil {
		r.text("command", commandOf(conf))
		r.text("user", conf.Service.Account.User)
	}
	r.text("reason", a.reason)
	r.time("since", a.since)
	return r
}

// addListens adds the addresses: as the kernel has them, or where nothing is open as the unit wants them. It returns how many
// wait there, and how many can.
func (s *Server) addListens(r *record, a *account, conf *units.Unit) (queued, limit int) {
	open := s.listeners.Listeners(a.name)
	for _, l := range open {
		r.text("listen", l.Bound().Key())
		waiting, err := l.Waiting()
		s.report(a.name, err)
		queued += waiting
		limit += l.Capacity()
	}
	if len(open) == 0 && conf != nil {
		for _, address := range conf.Addresses() {
			r.text("listen", address.Key())
		}
	}
	return queued, limit
}

// addDetails adds what is told only of one unit.
func (s *Server) addDetails(r *record, a *account) {
	conf := s.confOf(a.name)
	if conf == nil {
		return
	}
	r.text("group", conf.Service.Account.Group)
	for _, d := range conf.Documentation {
		r.text("documentation", d)
	}
	if u := s.units[a.name]; u != nil {
		addLimit(r, "share", u.runner.stats().share)
	}
	r.text("timeout_stop", secondsText(conf.Service.TimeoutStopSec))
	for _, reason := range slices.Sorted(maps.Keys(a.refused)) {
		r.count("refused."+reason, a.refused[reason])
	}
}

func addNumbers(r *record, n stats) {
	conns := n.conns
	if !n.accept {
		conns = n.running
	}
	r.number("conns", conns)
	addLimit(r, "limit", n.limit)
	if n.accept {
		r.count("accepted", n.accepted)
		r.count("served", n.served)
		r.count("refused", n.refused)
		r.count("client_gone", n.clientGone)
		r.count("spawn_failed", n.spawnFailed)
		r.number("waiting", n.waiting)
	}
	r.count("starts", n.starts)
}

// addLimit adds a limit, if it is one.
func addLimit(r *record, key string, n int) {
	switch {
	case n == int(units.Infinity):
		r.text(key, "infinity")
	case n > 0:
		r.number(key, n)
	}
}

// numbers are those of all who serve the unit, and of who served it before.
func (s *Server) numbers(a *account) stats {
	name, sum := a.name, a.past
	if conf := s.confOf(name); conf != nil {
		sum.accept = conf.Accept()
	}
	for _, r := range s.runners(name) {
		sum.add(r.stats())
	}
	if u := s.units[name]; u != nil {
		now := u.runner.stats()
		sum.limit, sum.share = now.limit, now.share
	}
	return sum
}

// add adds the counts of another.
func (n *stats) add(m stats) {
	n.conns += m.conns
	n.waiting += m.waiting
	n.accepted += m.accepted
	n.served += m.served
	n.refused += m.refused
	n.clientGone += m.clientGone
	n.spawnFailed += m.spawnFailed
	n.starts += m.starts
	n.running += m.running
}

func (s *Server) confOf(name string) *units.Unit {
	if u := s.units[name]; u != nil {
		return u.conf
	}
	return s.set.Unit(name)
}

func modeOf(u *units.Unit) string {
	if u.Accept() {
		return "accept"
	}
	return "wait"
}

// fileOf is where the unit's first address was written.
func fileOf(u *units.Unit) string {
	for _, a := range u.Addresses() {
		return a.Origin.File
	}
	return ""
}

// faultyFile is the file of a unit that has errors.
func (s *Server) faultyFile(name string) string {
	for _, p := range s.set.Problems {
		if p.Unit == name && p.Severity == units.Error {
			return p.File
		}
	}
	return ""
}

func commandOf(u *units.Unit) string {
	if u.Service.Script != "" {
		return "script"
	}
	return strings.Join(u.Service.ExecStart, " ")
}

func listenerRecord(l *listener.Listener) record {
	r := record{"unit.listener", l.Unit, l.Bound().Key()}
	r.text("name", l.Name)
	if waiting, err := l.Waiting(); err == nil {
		r.number("queue", waiting)
	}
	if capacity := l.Capacity(); capacity > 0 {
		r.number("queue_limit", capacity)
	}
	var st unix.Stat_t
	if err := unix.Fstat(l.FD, &st); err == nil {
		r.count("inode", st.Ino)
	}
	return r
}

func sourceRecords(u *unit) (lines []record) {
	share := u.runner.stats().share
	for _, from := range u.runner.shares() {
		r := record{"unit.source", u.conf.Name, from.source}
		r.number("count", from.count)
		addLimit(&r, "share", share)
		lines = append(lines, r)
	}
	return lines
}
