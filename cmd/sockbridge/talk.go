package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A dialogue is the client of the control protocol.
type dialogue interface {
	// Do returns all records of the answer to one command.
	Do(ctx context.Context, fields ...string) ([][]string, error)
	// Next returns the next record that is no answer.
	Next(ctx context.Context) ([]string, error)
	Close() error
}

// A talk is one command's conversation with a manager.
type talk struct {
	dialogue
	path    string
	timeout time.Duration // of an answer
}

// ask sends a command and returns the records of its answer, within the time that a manager may take.
func (t *talk) ask(ctx context.Context, fields ...string) ([][]string, error) {
	return t.askWithin(ctx, t.timeout, fields...)
}

func (t *talk) askWithin(ctx context.Context, limit time.Duration, fields ...string) ([][]string, error) {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	records, err := t.Do(bounded, fields...)
	if err != nil && ctx.Err() == nil && errors.Is(bounded.Err(), context.DeadlineExceeded) {
		return nil, t.hangs(limit)
	}
	return records, t.explain(ctx, err, fields)
}

// slowAnswer is how long a manager may take for what takes time, such as a reload of many units, unless --timeout says otherwise.
const slowAnswer = time.Minute

// patience is how long to wait for an answer that may take its time.
func (t *talk) patience() time.Duration {
	if t.timeout == answerTime { // that is, it was not given
		return slowAnswer
	}
	return t.timeout
}

// one asks for exactly one record.
func (t *talk) one(ctx context.Context, fields ...string) ([]string, error) {
	records, err := t.ask(ctx, fields...)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 || len(records[0]) == 0 {
		return nil, fmt.Errorf("the manager at %q answers %s with nothing", t.path, fields[0])
	}
	return records[0], nil
}

// units asks for the units that match patterns; none is all.
func (t *talk) units(ctx context.Context, patterns ...string) ([]unitState, error) {
	if len(patterns) == 0 {
		patterns = []string{"*"}
	}
	var list []unitState
	seen := map[string]bool{}
	for _, pattern := range patterns {
		records, err := t.ask(ctx, "unit.list", pattern)
		if err != nil {
			return nil, err
		}
		for _, u := range all(records, "unit.state", parseUnitState) {
			if !seen[u.name] {
				seen[u.name] = true
				list = append(list, u)
			}
		}
	}
	return list, nil
}

// unit asks for one unit.
func (t *talk) unit(ctx context.Context, name string) (unitState, error) {
	records, err := t.ask(ctx, "unit.status", name)
	if err != nil {
		return unitState{}, err
	}
	return t.stateOf(name, records)
}

// stateOf finds a unit's state in an answer. News of units may stand between its records, of this one too: the last is true.
func (t *talk) stateOf(name string, records [][]string) (unitState, error) {
	for _, u := range slices.Backward(all(records, "unit.state", parseUnitState)) {
		if u.name == name {
			return u, nil
		}
	}
	return unitState{}, fmt.Errorf("the manager at %q does not tell the state of unit %q", t.path, name)
}

// all returns the records of one kind.
func all[T any](records [][]string, name string, parse func([]string) T) []T {
	var list []T
	for _, r := range records {
		if len(r) > 0 && r[0] == name {
			list = append(list, parse(r))
		}
	}
	return list
}

// each does something for every name, tells each failure but the last, and returns that: one bad name does not keep the
// others from it.
func (g *globals) each(names []string, do func(name string) error) error {
	var first error
	for _, name := range names {
		err := do(name)
		switch {
		case err == nil:
		case first == nil:
			first = err
		default:
			tellError(g.stderr, err)
		}
	}
	return first
}
