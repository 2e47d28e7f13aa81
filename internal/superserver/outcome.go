package superserver

import (
	"fmt"

	"sockbridge/internal/listener"
	"sockbridge/units"
)

// An outcome is what became of a reload, or what would become of it.
type outcome struct {
	dry         bool
	generation  int
	changes     []units.Change
	listeners   tally
	connections uint64 // that go on
	err         error
	faults      []fault // each thing that is wrong, where err is about the files
}

// A tally counts what a change did to listeners.
type tally struct{ kept, opened, closed int }

func (t tally) String() string {
	return fmt.Sprintf("listeners kept %d, opened %d, closed %d", t.kept, t.opened, t.closed)
}

func (o outcome) String() string {
	return fmt.Sprintf("generation %d: %s; %s", o.generation, describe(o.changes), o.listeners)
}

// A fault is one thing wrong, with its place where that is known.
type fault struct {
	file string
	line int
	text string
}

func faultsOf(problems units.Problems) (list []fault) {
	for _, p := range problems {
		if p.Severity == units.Error {
			list = append(list, fault{p.File, p.Line, p.Msg})
		}
	}
	return list
}

func faultsOfListeners(problems []listener.Problem) (list []fault) {
	for _, p := range problems {
		at := p.Addr.Origin
		list = append(list, fault{at.File, at.Line, fmt.Sprintf("unit %q: %s", p.Unit, text(p))})
	}
	return list
}

// faultOf is an error without a place.
func faultOf(err error) []fault {
	if err == nil {
		return nil
	}
	return []fault{{text: err.Error()}}
}

// every returns what is wrong, at least err.
func (o outcome) every() []fault {
	if len(o.faults) == 0 {
		return faultOf(o.err)
	}
	return o.faults
}
