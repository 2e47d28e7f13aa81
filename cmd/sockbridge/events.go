package main

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"
)

// errEnough ends a stream of events that has shown what was asked for.
var errEnough = errors.New("enough")

// An eventFilter is which events are shown.
type eventFilter struct {
	types []string
	units []string
	most  int // 0: any number
}

func newEvents(g *globals) *cobra.Command {
	var f eventFilter
	c := &cobra.Command{
		Use:   "events [UNIT…]",
		Short: "Print events as they happen",
		Long: `Print what happens to units, or to all, from now on: a JSON object a line unless -o table is given. Ends with the manager,
or after -n events. A reader that is too slow loses events; that is told as an event of type overflow.`,
		RunE: g.asking(asLines, func(ctx context.Context, t *talk, p *printer, args []string) error {
			f.units = args
			return f.follow(ctx, t, p)
		}),
		ValidArgsFunction: g.completeUnits,
	}
	c.Flags().StringSliceVar(&f.types, "type", nil, "only events of these `types`, such as refuse,exit")
	c.Flags().IntVarP(&f.most, "lines", "n", 0, "end after so many events; 0 is never")
	_ = c.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(eventTypes, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return c
}

// eventTypes are offered by completion; a manager may have others.
var eventTypes = []string{
	"listening", "closed", "accept", "refuse", "client_gone", "start", "start_failed", "exit", "took_nothing", "dropped", "stop",
	"kill", "output", "ended", "bad", "warning", "ready", "reload", "reload_error", "stopping", "stopped", "overflow",
}

func (f *eventFilter) follow(ctx context.Context, t *talk, p *printer) error {
	first, err := t.ask(ctx, "subscribe", "events")
	if err != nil {
		return err
	}
	shown := 0
	err = t.events(ctx, p, first, func(h happening) error {
		if !f.takes(h) {
			return nil
		}
		if err := printOne(p, happeningKind(p.zone), h); err != nil {
			return err
		}
		if shown++; shown == f.most {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (f *eventFilter) takes(h happening) bool {
	return h.what == "overflow" ||
		(len(f.types) == 0 || slices.Contains(f.types, h.what)) && (len(f.units) == 0 || slices.Contains(f.units, h.unit))
}

// events hands over every event that the manager tells, first those that came with its answer, until do fails or the manager
// ends. That events were lost is an event, too.
func (t *talk) events(ctx context.Context, p *printer, first [][]string, do func(happening) error) error {
	for {
		for _, record := range first {
			if h, ok := eventOf(record, p); ok {
				if err := do(h); err != nil {
					return err
				}
			}
		}
		record, err := t.Next(ctx)
		if err != nil {
			return t.broken(err)
		}
		first = [][]string{record}
	}
}

func eventOf(record []string, p *printer) (happening, bool) {
	switch {
	case len(record) > 0 && record[0] == "event":
		return parseHappening(record), true
	case len(record) > 0 && record[0] == "overflow":
		return happening{time: p.now, what: "overflow", text: "events were lost: they were read too slowly"}, true
	}
	return happening{}, false
}
