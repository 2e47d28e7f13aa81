package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"
)

func newStatus(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "status [UNIT…]",
		Short: "Show units in detail, with what happened to them last",
		Long: `Show units, or all, in detail: state and why, listeners, counts, sources, what runs, and the last refusals, exits and lines
of output. The exit status is 3 if a named unit takes no clients now (paused, draining, stopped or failed); with -q only
errors are printed, for scripts.`,
		RunE: g.asking("", func(ctx context.Context, t *talk, p *printer, names []string) error {
			return g.status(ctx, t, p, names)
		}),
		ValidArgsFunction: g.completeUnits,
	}
}

// A detail is everything a manager tells of a unit.
type detail struct {
	unit      unitState
	listeners []unitListener
	sources   []unitSource
	last      []happening
}

func (g *globals) status(ctx context.Context, t *talk, p *printer, names []string) error {
	named := len(names) > 0
	if !named {
		list, err := t.units(ctx)
		if err != nil {
			return err
		}
		for _, u := range list {
			names = append(names, u.name)
		}
	}
	var details []detail
	failure := g.each(names, func(name string) error {
		d, err := t.detail(ctx, name)
		if err == nil {
			details = append(details, d)
		}
		return err
	})
	if err := printDetails(p, details); err != nil {
		return err
	}
	if failure == nil && named && slices.ContainsFunc(details, func(d detail) bool { return !d.unit.takesClients() }) {
		return statusError{errFindings, exitNotListening}
	}
	return failure
}

func (t *talk) detail(ctx context.Context, name string) (detail, error) {
	records, err := t.ask(ctx, "unit.status", name)
	if err != nil {
		return detail{}, err
	}
	u, err := t.stateOf(name, records)
	if err != nil {
		return detail{}, err
	}
	return detail{
		unit:      u,
		listeners: all(records, "unit.listener", parseUnitListener),
		sources:   all(records, "unit.source", parseUnitSource),
		last:      all(records, "event", parseHappening),
	}, nil
}

func printDetails(p *printer, details []detail) error {
	switch p.format {
	case asJSON, asLines:
		list := make([]object, len(details))
		for i, d := range details {
			list[i] = d.object(p)
		}
		return p.objects(list)
	case asNames:
		units := make([]unitState, len(details))
		for i, d := range details {
			units[i] = d.unit
		}
		return printAll(p, unitKind(p.now), units)
	case asTable, asWide:
	}
	for i, d := range details {
		text := d.text(p)
		if i > 0 {
			text = "\n" + text
		}
		if err := p.write(text); err != nil {
			return err
		}
	}
	return nil
}

// object is a unit as list has it, with lists of the rest.
func (d detail) object(p *printer) object {
	o := unitKind(p.now).object(d.unit)
	return append(o,
		member{"listeners", listenerKind().objects(d.listeners)},
		member{"sources", sourceKind().objects(d.sources)},
		member{"last", happeningKind(p.zone).objects(d.last)},
	)
}
