package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
)

func newUpgrade(g *globals) *cobra.Command {
	var binary string
	c := &cobra.Command{
		Use:   "upgrade",
		Short: "Replace the manager's program in place",
		Long: `Have the manager execute its program again, as it is in the file system now. The process, listeners, connections and running
services stay. If the new program does not start, the old one goes on, and the exit status is 1.`,
		Args: noArguments,
		RunE: g.asking("", func(ctx context.Context, t *talk, p *printer, _ []string) error {
			return t.upgrade(ctx, p, binary)
		}),
	}
	c.Flags().StringVar(&binary, "binary", "", "the `path` of the new program, in place of the manager's own")
	return c
}

func (t *talk) upgrade(ctx context.Context, p *printer, binary string) error {
	before, err := t.info(ctx)
	if err != nil {
		return err
	}
	fields := []string{"upgrade"}
	if binary != "" {
		path, err := filepath.Abs(binary)
		if err != nil {
			return fmt.Errorf("cannot tell where %q is: %w", binary, err)
		}
		fields = append(fields, path)
	}
	if _, err := t.askWithin(ctx, t.patience(), fields...); err != nil {
		return err
	}
	after, err := t.info(ctx)
	if err != nil {
		return err
	}
	if !p.people() {
		return p.object(infoKind().object(after))
	}
	return p.tell("upgraded process %s from version %s to %s", pidText(after.pid), orNone(before.version), orNone(after.version))
}

func (t *talk) info(ctx context.Context) (managerInfo, error) {
	record, err := t.one(ctx, "info")
	if err != nil {
		return managerInfo{}, err
	}
	return parseInfo(record), nil
}
