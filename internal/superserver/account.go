package superserver

import (
	"time"

	"sockbridge/internal/event"
	"sockbridge/units"
)

// An account is what is kept of a unit beside what serves it: of one that is stopped, or was left out, there is nothing else.
type account struct {
	name     string
	standing standing
	reason   string   // why it was left out
	opening  *opening // a start that waits for the end of what holds its addresses

	word    string    // the state that was told last
	since   time.Time // when it came to it
	changed bool      // it is to be looked at at the end of the round

	clients  *rate // those who came; nil: none so far
	exit     string
	exitTime time.Time
	past     stats             // counters of those who served it and are gone
	refused  map[string]uint64 // by reason; nil: nobody so far
}

// enroll makes the accounts those of a set: of the units that are right, and of those that have errors.
func (s *Server) enroll(set *units.Set) {
	known := map[string]bool{}
	for _, u := range set.Units {
		known[u.Name] = true
		s.accountOf(u.Name)
	}
	for _, name := range set.Bad {
		known[name] = true
		s.leaveOut(name, firstError(set.Problems, name))
	}
	for name, a := range s.accounts {
		if !known[name] {
			a.cancel(errGone)
			delete(s.accounts, name)
			s.names = nil
		}
	}
}

// accountOf returns the account of a unit, and makes it where there is none.
func (s *Server) accountOf(name string) *account {
	a := s.accounts[name]
	if a == nil {
		a = &account{name: name, since: time.Now()}
		s.accounts[name] = a
		s.names = nil
		s.touch(a)
	}
	return a
}

// leaveOut notes that a unit is not served, and why.
func (s *Server) leaveOut(name, reason string) {
	a := s.accountOf(name)
	a.standing, a.reason = failed, reason
	s.touch(a)
}

// settle notes a unit's standing.
func (s *Server) settle(a *account, st standing) {
	a.standing, a.reason = st, ""
	s.touch(a)
}

// firstError is the first thing wrong with a unit.
func firstError(problems units.Problems, unit string) string {
	for _, p := range problems {
		if p.Unit == unit && p.Severity == units.Error {
			return p.Error()
		}
	}
	return "its file has errors"
}

// touch has the unit's state looked at at the end of the round, when what goes on now is over.
func (s *Server) touch(a *account) {
	if !a.changed {
		a.changed = true
		s.touched = append(s.touched, a)
	}
}

// tellStates tells of units whose state is another than was told.
func (s *Server) tellStates() {
	if len(s.touched) == 0 {
		return
	}
	for _, a := range s.touched {
		a.changed = false
		if s.accounts[a.name] != a {
			continue // gone
		}
		if word := s.word(a); word != a.word {
			a.word, a.since = word, time.Now()
			s.tellUnit(a)
		}
	}
	s.touched = s.touched[:0]
}

// note keeps the books of an event.
func (s *Server) note(e *event.Event) {
	a := s.accounts[e.Unit]
	if a == nil {
		return
	}
	switch e.Type {
	case event.Accept:
		a.count(e.Time)
	case event.Refuse:
		if a.refused == nil {
			a.refused = map[string]uint64{}
		}
		a.refused[e.Reason]++
		// Those who wait were counted when they were accepted.
		if e.Reason != reasonSpawn && e.Reason != reasonStopping {
			a.count(e.Time)
		}
	case event.Start:
		if e.Conn == "" {
			a.count(e.Time)
		}
	case event.Exit:
		a.exit, a.exitTime = e.Status, e.Time
	case event.Output, event.Listening, event.Closed, event.Warning:
		return
	default:
	}
	s.touch(a)
}

func (a *account) count(now time.Time) {
	if a.clients == nil {
		a.clients = &rate{}
	}
	a.clients.count(now)
}

// word is the state of a unit as it is told.
func (s *Server) word(a *account) string {
	u := s.units[a.name]
	switch {
	case a.standing != active:
		return a.standing.String()
	case u == nil: // the manager is being stopped
		return stopped.String()
	}
	now := u.runner.stats()
	switch {
	case u.conf.Accept() && now.limit > 0 && now.conns >= now.limit:
		return stateLimited
	case now.conns > 0 || now.running > 0:
		return stateRunning
	}
	return stateListening
}

// The states of a unit that is active.
const (
	stateListening = "listening" // and nothing runs
	stateRunning   = "running"
	stateLimited   = "limited" // as much as may
)
