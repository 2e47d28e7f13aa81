package superserver

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"sockbridge/internal/listener"
	"sockbridge/units"
)

var (
	errStopping = refusal(codeBusy, "the manager is stopping")
	errGone     = refusal(codeNoUnit, "the unit was removed meanwhile")
	errStopped  = refusal(codeFailed, "the unit was stopped meanwhile")
)

// An opening is a start that waits for the end of instances that still hold the unit's addresses.
type opening struct{ done func(error) }

// cancel ends a start that waits, if there is one.
func (a *account) cancel(err error) {
	if o := a.opening; o != nil {
		a.opening = nil
		o.done(err)
	}
}

// administer carries out an order and calls done, at once or when what it has to wait for has come.
func (s *Server) administer(name string, o order, done func(error)) {
	a := s.accounts[name]
	switch {
	case s.stopping:
		done(errStopping)
		return
	case a == nil:
		done(noSuchUnit(name))
		return
	case a.opening != nil && (o == orderStop || o == orderStopNow):
		a.cancel(errStopped)
	case a.opening != nil:
		done(refusal(codeBusy, "unit %q is being started", name))
		return
	case len(s.heirs) > 0: // the next change of listeners would close what they serve
		s.loop.After(retiredLook, func() { s.administer(name, o, done) })
		return
	}
	s.carryOut(a, o, done)
}

func (s *Server) carryOut(a *account, o order, done func(error)) {
	v := administration[a.standing][o]
	switch v.do {
	case stepRefuse:
		done(refusal(codeNotListening, "unit %q is %s", a.name, a.standing))
		return
	case stepOpen:
		s.open(a, done)
		return
	case stepClose, stepCloseEnd:
		s.shut(a.name)
	case stepRestart:
		s.units[a.name].runner.restart()
	case stepNone, stepApply, stepApplyEnd, stepEnd:
	}
	if a.standing != v.next {
		s.settle(a, v.next)
	}
	if v.do == stepApply || v.do == stepApplyEnd {
		s.impose(a)
	}
	if v.do == stepCloseEnd || v.do == stepApplyEnd || v.do == stepEnd {
		s.endAll(a.name)
	}
	done(nil)
}

// impose has a unit served as its standing says.
func (s *Server) impose(a *account) {
	u := s.units[a.name]
	if u == nil {
		return
	}
	u.runner.drain(a.standing == draining)
	if a.standing == paused {
		u.runner.pause()
	} else {
		u.runner.resume()
	}
}

// endAll ends what runs of a unit, also of one that was stopped before.
func (s *Server) endAll(name string) {
	for _, r := range s.runners(name) {
		if _, leaving := s.leaving[r]; leaving {
			r.hurry()
		}
		r.kill()
	}
}

// shut closes the listeners of a unit; who is served may finish.
func (s *Server) shut(name string) {
	if u := s.units[name]; u != nil {
		u.runner.unwatch()
		s.retire(u)
	}
	change, _ := s.listeners.Prepare(nil)
	change.Without(s.others(name)...)
	s.commit(change)
}

// retire stops serving a unit.
func (s *Server) retire(u *unit) {
	delete(s.units, u.conf.Name)
	s.depart(u)
}

// depart has the instances of a unit that is not served any more end in their own time; what they counted is kept.
func (s *Server) depart(u *unit) {
	name := u.conf.Name
	u.output.closed = func() {
		a := s.accounts[name]
		if a == nil {
			return
		}
		a.past.add(u.runner.stats())
		s.touch(a)
		if o := a.opening; o != nil && len(s.runners(name)) == 0 {
			a.opening = nil
			s.administer(name, orderStart, o.done)
		}
	}
	s.leave(u.runner, u.output.close)
}

// open opens the listeners of a unit that was stopped, or left out, and serves it. Where instances of its own still hold its
// addresses it waits for their end.
func (s *Server) open(a *account, done func(error)) {
	err := s.tryOpen(a.name)
	switch {
	case err == nil:
		s.settle(a, active)
		done(nil)
	case errors.Is(err, unix.EADDRINUSE) && len(s.runners(a.name)) > 0:
		a.opening = &opening{done}
	default:
		s.leaveOut(a.name, err.Error())
		s.bad(a.name, err)
		done(refusal(codeFailed, "cannot start unit %q: %v", a.name, err))
	}
}

func (s *Server) tryOpen(name string) error {
	conf := s.set.Unit(name)
	if conf == nil {
		return errors.New(firstError(s.set.Problems, name) + "; mend it and reload")
	}
	program, err := s.compile(conf)
	if err != nil {
		return err
	}
	// The others are named so that nothing is taken from them, and left out so that they stay as they are.
	change, problems := s.listeners.Prepare(s.servedWith(conf))
	if i := slices.IndexFunc(problems, func(p listener.Problem) bool { return p.Unit == name }); i >= 0 {
		change.Rollback()
		return placedError{problems[i]}
	}
	change.Without(s.others(name)...)
	s.commit(change)
	if len(s.listeners.Listeners(name)) == 0 {
		return errors.New("its addresses were taken at the last moment")
	}
	s.add(conf, program)
	s.serveRetired()
	return nil
}

// A placedError is a listener's problem with its place and its hint.
type placedError struct{ listener.Problem }

func (p placedError) Error() string { return placed(p.Problem) }

func (p placedError) Unwrap() error { return p.Err }

// servedWith are the units that are served, and one more, by name.
func (s *Server) servedWith(conf *units.Unit) []*units.Unit {
	list := []*units.Unit{conf}
	for _, u := range s.units {
		list = append(list, u.conf)
	}
	slices.SortFunc(list, func(a, b *units.Unit) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// others are the names of all units that are served but one.
func (s *Server) others(name string) []string {
	return slices.DeleteFunc(slices.Collect(maps.Keys(s.units)), func(n string) bool { return n == name })
}

// wanted are the units of a set that are to be served: all but those that somebody has stopped.
func (s *Server) wanted(set *units.Set) []*units.Unit {
	return slices.DeleteFunc(slices.Clone(set.Units), func(u *units.Unit) bool { return s.isStopped(u.Name) })
}

func (s *Server) isStopped(name string) bool {
	a := s.accounts[name]
	return a != nil && a.standing == stopped
}

// runners are those of a unit: the one that serves it, and those that serve who was there before.
func (s *Server) runners(name string) (list []runner) {
	if u := s.units[name]; u != nil {
		list = append(list, u.runner)
	}
	for r := range s.leaving {
		if u := unitOf(r); u != nil && u.conf.Name == name {
			list = append(list, r)
		}
	}
	return list
}

// unitOf is whose runner it is.
func unitOf(r runner) *unit {
	switch r := r.(type) {
	case *acceptor:
		return r.unit
	case *shared:
		return r.unit
	}
	return nil
}

func noSuchUnit(name string) error { return refusal(codeNoUnit, "no unit is named %q", name) }

// failures puts listeners' problems into one error.
func failures(problems []listener.Problem) []error {
	var errs []error
	for _, p := range problems {
		errs = append(errs, fmt.Errorf("unit %q: %w", p.Unit, placedError{p}))
	}
	return errs
}
