package superserver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/listener"
	"sockbridge/units"
)

// reloadPause is the least time between two reloads: of a flood of requests the last one counts.
const reloadPause = 100 * time.Millisecond

// A request asks for a reload, or for what one would do.
type request struct {
	dry  bool
	done func(outcome) // nil: nobody waits for it
}

// reload loads the units again and goes over to them, all or nothing: whatever is wrong with any of them, in the files, with
// a socket or with a program, is told and leaves everything as it was.
func (s *Server) reload() {
	if !slices.ContainsFunc(s.requests, func(r request) bool { return !r.dry }) {
		s.requests = append(s.requests, request{})
	}
	s.nextLoad()
}

// request asks for a reload whose outcome somebody waits for.
func (s *Server) request(r request) {
	s.requests = append(s.requests, r)
	s.nextLoad()
}

// nextLoad begins with what was asked for first, and with all that asked for the same. Loading looks up names and reads files,
// so it runs beside the loop, one at a time; requests that come meanwhile are for the next.
func (s *Server) nextLoad() {
	switch {
	case s.stopping:
		s.answer(s.requests, outcome{err: errStopping})
		s.requests = nil
		return
	case s.loading || len(s.requests) == 0:
		return
	case len(s.heirs) > 0, s.loop.Now().Sub(s.lastLoad) < reloadPause:
		s.postpone()
		return
	}
	dry := s.requests[0].dry
	taken := s.takeRequests(dry)
	s.loading, s.lastLoad = true, s.loop.Now()
	if !dry {
		s.notify(reloading())
	}
	previous := s.set
	s.loaders.Go(func() { // close waits for it
		set, err := s.options.Load(s.ctx, previous)
		s.loop.Post(func() { s.loaded(set, err, dry, taken) })
	})
}

func (s *Server) takeRequests(dry bool) (taken []request) {
	var left []request
	for _, r := range s.requests {
		if r.dry == dry {
			taken = append(taken, r)
		} else {
			left = append(left, r)
		}
	}
	s.requests = left
	return taken
}

// postpone goes on in a moment, once.
func (s *Server) postpone() {
	if s.postponed == nil {
		s.postponed = s.loop.After(reloadPause, func() {
			s.postponed = nil
			s.nextLoad()
		})
	}
}

func (s *Server) loaded(set *units.Set, err error, dry bool, taken []request) {
	s.loading = false
	if s.stopping {
		s.answer(taken, outcome{err: errStopping})
		s.nextLoad()
		return
	}
	o := outcome{err: err}
	switch {
	case err != nil:
	case dry:
		o = s.rehearse(set)
	default:
		o = s.apply(set)
	}
	if !dry {
		s.tellReload(o)
	}
	s.answer(taken, o)
	s.nextLoad()
}

func (s *Server) answer(requests []request, o outcome) {
	for _, r := range requests {
		if r.done != nil {
			r.done(o)
		}
	}
}

// tellReload tells everybody how a reload went.
func (s *Server) tellReload(o outcome) {
	if o.err != nil {
		s.publish(event.Event{Type: event.ReloadError, Err: o.err, Text: "nothing was changed"})
	} else {
		s.publish(event.Event{Type: event.Reload, Text: o.String()})
	}
	s.notify("READY=1\nSTATUS=" + s.summary())
	s.tellOutcome(o)
}

// A plan is a generation that could be gone over to: everything that can fail was tried.
type plan struct {
	set      *units.Set
	changes  []units.Change
	programs map[string]*launch.Program
	sockets  *listener.Change
}

// apply makes a loaded set the running generation, or says why it cannot be.
func (s *Server) apply(set *units.Set) outcome {
	s.tellProblems(set)
	p, o := s.plan(set)
	if o.err != nil {
		return o
	}
	s.retryLoad = false
	o.listeners = s.switchTo(p)
	o.generation, o.connections = s.generation, s.connectionsNow()
	return o
}

// plan makes the next generation ready. On an error everything is as it was.
func (s *Server) plan(set *units.Set) (plan, outcome) {
	if n := set.Problems.Count(units.Error); n > 0 {
		return plan{}, outcome{err: fmt.Errorf("%w: %d of them", ErrConfig, n), faults: faultsOf(set.Problems)}
	}
	sockets, problems := s.listeners.Prepare(s.wanted(set))
	p := plan{set: set, changes: s.changes(set, sockets), sockets: sockets}
	programs, err := s.compileChanged(p.changes)
	if len(problems) > 0 || err != nil {
		sockets.Rollback()
		// Instances of units that are gone may hold addresses until they end.
		s.retryLoad = len(problems) > 0 && len(s.leaving) > 0
		return plan{}, outcome{
			err: errors.Join(append([]error{err}, failures(problems)...)...), faults: append(faultsOfListeners(problems), faultOf(err)...),
		}
	}
	p.programs = programs
	return p, outcome{changes: p.changes}
}

// changes are the units of set that are not served as they are there: those that differ from the running generation, those that
// it had to leave out, and those whose listeners have to be others, though they are written as they were: a node may be gone.
func (s *Server) changes(set *units.Set, change *listener.Change) []units.Change {
	changes := units.Diff(s.set, set)
	known := map[string]bool{}
	for _, c := range changes {
		known[c.Unit] = true
	}
	touched := map[string]bool{}
	for _, l := range slices.Concat(change.Opened(), change.Closed()) {
		touched[l.Unit] = true
	}
	for _, u := range set.Units {
		switch {
		case known[u.Name] || s.isStopped(u.Name):
		case s.units[u.Name] == nil:
			changes = append(changes, units.Change{Kind: units.Added, Unit: u.Name, New: u})
		case touched[u.Name]:
			changes = append(changes, units.Change{Kind: units.Changed, Unit: u.Name, Old: s.units[u.Name].conf, New: u})
		}
	}
	return changes
}

// compileChanged makes the programs of units that are new, changed, or not served yet.
func (s *Server) compileChanged(changes []units.Change) (map[string]*launch.Program, error) {
	programs := map[string]*launch.Program{}
	for _, c := range changes {
		if c.New == nil {
			continue
		}
		program, err := s.compile(c.New)
		if err != nil {
			return nil, err
		}
		programs[c.Unit] = program
	}
	return programs, nil
}

// switchTo makes a plan's set the running generation. Nothing in it can fail but what is told and goes on: everything that can
// was tried before. It runs in one round of the loop, so that no event meets a unit half-way.
func (s *Server) switchTo(p plan) tally {
	s.set, s.loadedAt = p.set, time.Now()
	s.generation++
	for _, c := range p.changes {
		s.letGo(c)
	}
	listeners := s.commit(p.sockets)
	s.enroll(p.set)
	for _, c := range p.changes {
		if c.New != nil && !s.isStopped(c.Unit) {
			s.takeUp(c.New, p.programs[c.Unit])
		}
	}
	s.serveRetired()
	s.adjustControl()
	return listeners
}

// letGo stops a changed unit from touching its listeners, and a removed one from everything.
func (s *Server) letGo(c units.Change) {
	u := s.units[c.Unit]
	switch {
	case u == nil: // new, stopped, or left out of an earlier generation
	case c.New == nil:
		s.retire(u)
	case c.Old.Accept() != c.New.Accept():
		// What serves it now cannot serve it then: it ends in its own time, beside its successor.
		u.runner.unwatch()
		s.retire(u)
	default:
		u.runner.unwatch()
		if len(c.Keys) == 0 || sockets(c.Old) != sockets(c.New) {
			u.runner.restart()
		}
	}
}

// takeUp serves a new or changed unit, as somebody has ordered it.
func (s *Server) takeUp(conf *units.Unit, program *launch.Program) {
	if u := s.units[conf.Name]; u == nil {
		s.add(conf, program)
	} else {
		u.conf, u.program = conf, program
		s.report(conf.Name, u.runner.configure())
	}
	a := s.accountOf(conf.Name)
	switch a.standing {
	case failed:
		s.settle(a, active)
	case paused, draining:
		s.impose(a)
	case active, stopped, standings:
	}
	s.touch(a)
}

// sockets names what the instances of a unit hold.
func sockets(u *units.Unit) string {
	var b strings.Builder
	for _, a := range u.Addresses() {
		b.WriteString(a.Key())
		b.WriteByte('\n')
	}
	return b.String()
}

func describe(changes []units.Change) string {
	if len(changes) == 0 {
		return "no changes"
	}
	const most = 20
	var words []string
	for i, c := range changes {
		if i == most {
			words = append(words, fmt.Sprintf("and %d more", len(changes)-most))
			break
		}
		words = append(words, c.String())
	}
	return strings.Join(words, ", ")
}
