package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func newPing(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "ping",
		Short: "Ask whether the manager is there",
		Long:  `Ask the manager for an answer, and say which one it is. The exit status is 6 if there is none and 7 if it does not answer.`,
		Args:  noArguments,
		RunE: g.asking("", func(ctx context.Context, t *talk, p *printer, _ []string) error {
			record, err := t.one(ctx, "ping")
			if err != nil {
				return err
			}
			if record[0] != "pong" {
				return fmt.Errorf("the manager at %q answers ping with %q", t.path, record[0])
			}
			info, err := t.info(ctx)
			if err != nil {
				return err
			}
			return info.print(p)
		}),
	}
}

func (m managerInfo) print(p *printer) error {
	switch {
	case p.format == asNames:
		return printOne(p, infoKind(), m)
	case !p.people():
		return p.object(infoKind().object(m))
	}
	units := m.units.n
	return p.tell("pong from sockbridge %s, process %s, up %s: generation %s, %s",
		orNone(m.version), pidText(m.pid), ago(m.started, p.now), m.generation, plural(units, "unit"))
}
