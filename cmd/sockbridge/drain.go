package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// A drainer is what drain was asked to do.
type drainer struct {
	globals *globals
	wait    span
}

func newDrain(g *globals) *cobra.Command {
	d := &drainer{globals: g, wait: span(stopTime)}
	c := &cobra.Command{
		Use:   "drain [UNIT…]",
		Short: "Refuse new clients, wait for connections, and tell what is left",
		Long: `Refuse new clients of units, of all if none is named, and wait for their connections to end by themselves. Nothing is
killed. What is left after --timeout is listed, and the exit status is 7. The units stay draining until resume or start.`,
		RunE:              g.asking("", d.run),
		ValidArgsFunction: g.completeUnits,
	}
	c.Flags().Var(&d.wait, "timeout", "how long to wait for connections to end")
	return c
}

func (d *drainer) run(ctx context.Context, t *talk, p *printer, names []string) error {
	names, err := d.names(ctx, t, names)
	if err != nil {
		return err
	}
	if _, err := t.ask(ctx, "subscribe", "units"); err != nil {
		return err
	}
	// All are asked before any is waited for: each then has the whole time.
	var asked []string
	failure := d.globals.each(names, func(name string) error {
		_, err := t.ask(ctx, "unit.drain", name)
		if err == nil {
			asked = append(asked, name)
		}
		return err
	})
	left, err := d.waitFor(ctx, t, asked)
	if err != nil {
		return err
	}
	if err := d.report(p, asked, left); err != nil {
		return err
	}
	if failure == nil && len(left) > 0 {
		return statusError{fmt.Errorf("%s left after %s", plural(int64(len(left)), "connection"), ageText(time.Duration(d.wait))), exitTimedOut}
	}
	return failure
}

// names are the units that were named, or all that can be drained.
func (d *drainer) names(ctx context.Context, t *talk, names []string) ([]string, error) {
	if len(names) > 0 {
		return names, nil
	}
	list, err := t.units(ctx)
	if err != nil {
		return nil, err
	}
	for _, u := range list {
		if u.state != "failed" && u.state != "stopped" {
			names = append(names, u.name)
		}
	}
	return names, nil
}

// waitFor returns the connections that are left in the end.
func (d *drainer) waitFor(ctx context.Context, t *talk, names []string) ([]connection, error) {
	deadline := time.Now().Add(time.Duration(d.wait))
	var left []connection
	for _, name := range names {
		err := t.await(ctx, name, max(0, time.Until(deadline)), unitState.idle)
		if err == nil {
			continue
		}
		if exitStatus(err) != exitTimedOut {
			return nil, err
		}
		records, err := t.ask(ctx, "conn.list", name)
		if err != nil {
			return nil, err
		}
		left = append(left, all(records, "conn.state", parseConnection)...)
	}
	return left, nil
}

func (d *drainer) report(p *printer, asked []string, left []connection) error {
	if p.people() && len(left) == 0 {
		return p.tell("drained %s", plural(int64(len(asked)), "unit"))
	}
	return printAll(p, connectionKind(p.now), left)
}
