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

// reload loads the units again and goes over to them, all or nothing: whatever is wrong with any of them, in the files, with
// a socket or with a program, is told and leaves everything as it was. Loading looks up names and reads files, so it runs
// beside the loop; requests that come meanwhile are one more reload.
func (s *Server) reload() {
	switch {
	case s.stopping:
		return
	case s.loading:
		s.loadAgain = true
		return
	case len(s.heirs) > 0, s.loop.Now().Sub(s.lastLoad) < reloadPause:
		s.postpone()
		return
	}
	s.loading, s.loadAgain, s.lastLoad = true, false, s.loop.Now()
	s.notify(reloading())
	previous := s.set
	s.loaders.Go(func() { // close waits for it
		set, err := s.options.Load(s.ctx, previous)
		s.loop.Post(func() { s.loaded(set, err) })
	})
}

// postpone asks for a reload in a moment, once.
func (s *Server) postpone() {
	if s.postponed == nil {
		s.postponed = s.loop.After(reloadPause, func() {
			s.postponed = nil
			s.reload()
		})
	}
}

func (s *Server) loaded(set *units.Set, err error) {
	s.loading = false
	if s.stopping {
		return
	}
	if err == nil {
		err = s.apply(set)
	}
	if err != nil {
		s.publish(event.Event{Type: event.ReloadError, Err: err, Text: "nothing was changed"})
	}
	s.notify("READY=1\nSTATUS=" + s.summary())
	if s.loadAgain {
		s.reload()
	}
}

// apply makes a loaded set the running generation, or says why it cannot be.
func (s *Server) apply(set *units.Set) error {
	s.tellProblems(set)
	if n := set.Problems.Count(units.Error); n > 0 {
		return fmt.Errorf("%w: %d of them", ErrConfig, n)
	}
	change, problems := s.listeners.Prepare(set.Units)
	changes := s.changes(set, change)
	programs, err := s.compileChanged(changes)
	if len(problems) > 0 || err != nil {
		change.Rollback()
		// Instances of units that are gone may hold addresses until they end.
		s.retryLoad = len(problems) > 0 && len(s.leaving) > 0
		errs := []error{err}
		for _, p := range problems {
			errs = append(errs, fmt.Errorf("unit %q: %s", p.Unit, placed(p)))
		}
		return errors.Join(errs...)
	}
	s.switchTo(set, changes, programs, change)
	return nil
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
		case known[u.Name]:
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

// switchTo makes set the running generation. Nothing in it can fail but what is told and goes on: everything that can was
// tried before. It runs in one round of the loop, so that no event meets a unit half-way.
func (s *Server) switchTo(set *units.Set, changes []units.Change, programs map[string]*launch.Program, change *listener.Change) {
	s.set = set
	s.generation++
	for _, c := range changes {
		s.letGo(c)
	}
	listeners := s.commit(change)
	for _, c := range changes {
		if c.New != nil {
			s.takeUp(c.New, programs[c.Unit])
		}
	}
	s.serveRetired()
	s.publish(event.Event{
		Type: event.Reload, Text: fmt.Sprintf("generation %d: %s; %s", s.generation, describe(changes), listeners),
	})
}

// letGo stops a changed unit from touching its listeners, and a removed one from everything.
func (s *Server) letGo(c units.Change) {
	u := s.units[c.Unit]
	switch {
	case u == nil: // new, or left out of an earlier generation
	case c.New == nil:
		s.remove(u)
	case c.Old.Accept() != c.New.Accept():
		// What serves it now cannot serve it then: it ends in its own time, beside its successor.
		u.runner.unwatch()
		s.remove(u)
	default:
		u.runner.unwatch()
		if len(c.Keys) == 0 || sockets(c.Old) != sockets(c.New) {
			u.runner.restart()
		}
	}
}

// takeUp serves a new or changed unit.
func (s *Server) takeUp(conf *units.Unit, program *launch.Program) {
	u := s.units[conf.Name]
	if u == nil {
		s.add(conf, program)
		return
	}
	u.conf, u.program = conf, program
	s.report(conf.Name, u.runner.configure())
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
