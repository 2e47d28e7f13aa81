package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// A reloader is what reload was asked to do.
type reloader struct {
	globals *globals
	dryRun  bool
	wait    bool
}

func newReload(g *globals) *cobra.Command {
	r := &reloader{globals: g}
	c := &cobra.Command{
		Use:   "reload",
		Short: "Check the configuration and take it over, all or nothing",
		Long: `Have the manager read its units and settings again, and take them over as a whole; if anything is wrong, nothing changes and
the exit status is 1. Prints what became of units: + new, ~ changed, - gone. Connections go on. With --wait it returns when those of
units that are gone have ended.`,
		Args: noArguments,
		RunE: g.asking("", r.run),
	}
	c.Flags().BoolVar(&r.dryRun, "dry-run", false, "only say what would change")
	c.Flags().BoolVar(&r.wait, "wait", false, "wait until the connections of units that are gone have ended")
	return c
}

// A reloaded is what a reload has done, or would do.
type reloaded struct {
	dryRun     bool
	changes    []change
	generation count

	kept, opened, closed, connections, lost count
}

func (r *reloader) run(ctx context.Context, t *talk, p *printer, _ []string) error {
	fields := []string{"reload"}
	if r.dryRun {
		fields = append(fields, "dry-run")
	}
	records, err := t.askWithin(ctx, t.patience(), fields...)
	failures := all(records, "reload.failed", parseFailure)
	if err != nil {
		return r.fail(err, failures)
	}
	if len(failures) > 0 {
		return r.fail(errors.New("the configuration has errors; nothing was changed"), failures)
	}
	done := parseReloaded(records)
	done.dryRun = r.dryRun
	if err := done.print(p); err != nil || !r.wait || r.dryRun {
		return err
	}
	return t.awaitGone(ctx, done.changes)
}

// A failure is one thing that is wrong with a file.
type failure struct{ file, line, text string }

func parseFailure(fields []string) failure {
	f, _ := splitRecord(fields, 3)
	return failure{f[0], f[1], f[2]}
}

// fail tells what is wrong in the form of check.
func (r *reloader) fail(err error, failures []failure) error {
	for _, f := range failures {
		place := f.file
		if f.line != "" && f.line != "0" {
			place += ":" + f.line
		}
		text := "error: " + f.text
		if place != "" && !strings.HasPrefix(f.text, f.file) {
			text = place + ": " + text
		}
		if !r.globals.quiet {
			_, _ = fmt.Fprintln(r.globals.stderr, clean(text)) // as with say
		}
	}
	if len(failures) > 0 && hintOf(err) == "" {
		return hintedError{err, "mend that, or see `sockbridge check` with the folders that the manager was given"}
	}
	return err
}

func parseReloaded(records [][]string) reloaded {
	r := reloaded{changes: all(records, "reload.change", parseChange)}
	for _, record := range records {
		if len(record) > 0 && record[0] == "reload.done" {
			f, v := splitRecord(record, 1)
			r.generation = parseCount(f[0])
			r.kept, r.opened, r.closed = v.count("kept"), v.count("opened"), v.count("closed")
			r.connections, r.lost = v.count("connections_kept"), count{n: v.count("connections_lost").n, known: true}
		}
	}
	return r
}

// changeMarks are how people see what became of a unit.
var changeMarks = map[string]string{"added": "+", "changed": "~", "removed": "-"}

// String writes "~ finger (socket.max_connections 64 → 128)".
func (c change) String() string {
	text := changeMarks[c.kind] + " " + c.unit
	details := make([]string, len(c.details))
	for i, d := range c.details {
		details[i] = strings.Replace(d, ": ", " ", 1)
	}
	if len(details) > 0 {
		text += " (" + strings.Join(details, ", ") + ")"
	}
	return clean(text)
}

func (r reloaded) print(p *printer) error {
	switch p.format {
	case asNames:
		var b strings.Builder
		for _, c := range r.changes {
			b.WriteString(clean(c.unit) + "\n")
		}
		return p.write(b.String())
	case asJSON, asLines:
		return p.object(r.object())
	case asTable, asWide:
	}
	return p.write(r.text())
}

// reloadWidth is how long the line of changes may be before each has its own.
const reloadWidth = 120

func (r reloaded) text() string {
	head := fmt.Sprintf("generation %s:", r.generation)
	if r.dryRun {
		head = "would change:"
	}
	words := make([]string, len(r.changes))
	for i, c := range r.changes {
		words[i] = c.String()
	}
	line := head + " " + strings.Join(words, "  ")
	switch {
	case len(words) == 0 && r.dryRun:
		line = "would change nothing"
	case len(words) == 0:
		line = head + " nothing changed"
	case utf8.RuneCountInString(line) > reloadWidth:
		line = head + "\n" + strings.Join(words, "\n")
	}
	listeners, connections := "listeners kept %s, opened %s, closed %s", "connections kept %s, lost %s"
	if r.dryRun {
		return line + "\n" + fmt.Sprintf(strings.ReplaceAll(listeners, "kept", "would be kept")+"\n", r.kept, r.opened, r.closed)
	}
	return line + "\n" + fmt.Sprintf(listeners+"; "+connections+"\n", r.kept, r.opened, r.closed, r.connections, r.lost)
}

func (r reloaded) object() object {
	changes := make([]object, len(r.changes))
	for i, c := range r.changes {
		changes[i] = object{{"change", c.kind}, {"unit", c.unit}, {"details", c.details}}
	}
	return object{
		{"generation", r.generation.value()},
		{"dry_run", r.dryRun},
		{"changes", changes},
		{"listeners_kept", r.kept.value()},
		{"listeners_opened", r.opened.value()},
		{"listeners_closed", r.closed.value()},
		{"connections_kept", r.connections.value()},
		{"connections_lost", r.lost.n},
	}
}

// awaitGone returns when nothing runs any more of the units that a reload has taken away.
func (t *talk) awaitGone(ctx context.Context, changes []change) error {
	gone := map[string]bool{}
	for _, c := range changes {
		gone[c.unit] = c.kind == "removed"
	}
	if _, err := t.ask(ctx, "subscribe", "units", "conns"); err != nil {
		return err
	}
	for {
		records, err := t.ask(ctx, "conn.list")
		if err != nil {
			return err
		}
		left := 0
		for _, c := range all(records, "conn.state", parseConnection) {
			if gone[c.unit] {
				left++
			}
		}
		if left == 0 {
			return nil
		}
		if err := t.nudged(ctx, time.Second); err != nil {
			return err
		}
	}
}
