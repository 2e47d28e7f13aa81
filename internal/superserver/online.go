package superserver

import (
	"fmt"

	"sockbridge/internal/listener"
	"sockbridge/units"
)

// CheckListeners tries whether the addresses of a set could be listened at now, and returns what stands in the way of each. It
// binds them for a moment, and no client ever reaches them: nothing listens.
func CheckListeners(set *units.Set) (problems units.Problems) {
	listeners := listener.NewSet(listener.Options{Filter: filter})
	change, taken := listeners.Prepare(set.Units)
	change.Rollback()
	for _, err := range listeners.Close() {
		problems = append(problems, units.Problem{Severity: units.Error, Msg: err.Error()})
	}
	for _, p := range taken {
		at := p.Addr.Origin
		problems = append(problems, units.Problem{
			File: at.File, Line: at.Line, Column: at.Column, Severity: units.Error, Unit: p.Unit, Msg: text(p),
		})
	}
	return problems
}

// placed is text behind the place of the address in its file.
func placed(p listener.Problem) string {
	at := p.Addr.Origin
	return fmt.Sprintf("%s:%d:%d: %s", at.File, at.Line, at.Column, text(p))
}

// text says what is wrong and, where the listener knows, what to do.
func text(p listener.Problem) string {
	if p.Hint == "" {
		return p.Err.Error()
	}
	return p.Err.Error() + "; " + p.Hint
}
