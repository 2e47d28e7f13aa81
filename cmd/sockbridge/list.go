package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// A lister is what list was asked to show.
type lister struct {
	globals *globals
	all     bool
	watch   bool
}

func newList(g *globals) *cobra.Command {
	l := &lister{globals: g}
	c := &cobra.Command{
		Use: "list [PATTERN…]", Aliases: []string{"ls"},
		Short: "List units, their listeners and counts",
		Long: `List the units whose names match a PATTERN (* is any text, ? any character, [a-z] one of several), or all. Without a pattern,
units that were stopped on purpose are only counted unless -a is given.`,
		RunE:              g.asking("", l.run),
		ValidArgsFunction: g.completeUnits,
	}
	c.Flags().BoolVarP(&l.all, "all", "a", false, "stopped units too")
	c.Flags().BoolVarP(&l.watch, "watch", "w", false, "show it again every two seconds")
	return c
}

func (l *lister) run(ctx context.Context, t *talk, p *printer, patterns []string) error {
	if l.watch {
		return watch(ctx, p, l.globals.now, func() error { return l.once(ctx, t, p, patterns) })
	}
	return l.once(ctx, t, p, patterns)
}

func (l *lister) once(ctx context.Context, t *talk, p *printer, patterns []string) error {
	list, err := t.units(ctx, patterns...)
	if err != nil {
		return err
	}
	shown := list
	if len(patterns) == 0 && !l.all {
		shown = slices.DeleteFunc(slices.Clone(list), func(u unitState) bool { return u.state == "stopped" })
	}
	if len(patterns) > 0 && len(list) == 0 {
		return noMatch(ctx, t, patterns)
	}
	if err := printAll(p, unitKind(p.now), shown); err != nil || !p.people() || !p.header {
		return err
	}
	return p.write(clean(summary(list, len(list)-len(shown))) + "\n")
}

// noMatch is a list that was asked for by name and is empty.
func noMatch(ctx context.Context, t *talk, patterns []string) error {
	err := statusError{fmt.Errorf("no unit matches %s", strings.Join(patterns, " ")), exitNoSuchUnit}
	if hint := t.suggest(ctx, patterns[0]); hint != "" {
		return hintedError{err, hint}
	}
	return err
}

// fine are the states in which nobody has to look at a unit.
var fine = []string{"listening", "running", "asleep"}

// summary counts units, and names those to look at: "4 units: 3 fine, 1 limited (sockbridge status finger)".
func summary(list []unitState, hidden int) string {
	counts := map[string]int64{}
	var states, look []string
	for _, u := range list {
		state := u.state
		if slices.Contains(fine, state) {
			state = "fine"
		} else if state != "stopped" {
			look = append(look, u.name)
		}
		if counts[state]++; counts[state] == 1 && state != "fine" {
			states = append(states, state)
		}
	}
	parts := make([]string, 0, 1+len(states))
	parts = append(parts, grouped(counts["fine"])+" fine")
	for _, state := range states {
		part := grouped(counts[state]) + " " + state
		if state == "stopped" && hidden > 0 {
			part += " (-a shows)"
		}
		parts = append(parts, part)
	}
	text := plural(int64(len(list)), "unit") + ": " + strings.Join(parts, ", ")
	if len(list) == 0 {
		return "no units"
	}
	if len(look) > 0 {
		text += " (sockbridge status " + strings.Join(look[:min(3, len(look))], " ") + ")"
	}
	return text
}
