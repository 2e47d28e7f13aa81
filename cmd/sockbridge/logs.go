package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const (
	// logLines is how many lines logs shows by itself.
	logLines = 50
	// logAsked is how many are asked for where a filter picks from them: more than a manager keeps.
	logAsked = 1_000_000
)

// A logReader is what logs was asked to show.
type logReader struct {
	globals *globals
	follow  bool
	lines   int
	since   string
	conn    string
	grep    string

	begin   time.Time
	pattern *regexp.Regexp
}

func newLogs(g *globals) *cobra.Command {
	l := &logReader{globals: g}
	c := &cobra.Command{
		Use:   "logs [UNIT…]",
		Short: "Show what happened to units and what their services wrote",
		Long: `Show the last events of units, or of all, and the lines that their services wrote to the log. The manager keeps a few of
each unit in memory; its log on standard error has all.`,
		RunE:              g.asking("", l.run),
		ValidArgsFunction: g.completeUnits,
	}
	f := c.Flags()
	f.BoolVarP(&l.follow, "follow", "f", false, "go on with what happens from now on")
	f.IntVarP(&l.lines, "lines", "n", logLines, "so many of the last lines")
	f.StringVar(&l.since, "since", "", "only from this `time` on: a duration ago (10min), 15:04, \"2006-01-02 15:04\", RFC 3339")
	f.StringVar(&l.conn, "conn", "", "only of the connection with this `id`")
	f.StringVar(&l.grep, "grep", "", "only lines that match this regular `expression`")
	return c
}

func (l *logReader) run(ctx context.Context, t *talk, p *printer, names []string) error {
	if err := l.prepare(p); err != nil {
		return usageError{err}
	}
	fields := append([]string{"log.follow", strconv.Itoa(l.asked()), map[bool]string{true: "follow", false: "once"}[l.follow]}, names...)
	records, err := t.ask(ctx, fields...)
	if err != nil {
		return err
	}
	var list []happening
	for _, h := range all(records, "event", parseHappening) {
		if l.takes(h, p.zone) {
			list = append(list, h)
		}
	}
	if err := l.show(p, list[max(0, len(list)-l.lines):]); err != nil || !l.follow {
		return err
	}
	return t.events(ctx, p, nil, func(h happening) error {
		if !l.takes(h, p.zone) {
			return nil
		}
		return l.one(p, h)
	})
}

func (l *logReader) prepare(p *printer) (err error) {
	if l.lines < 0 {
		return errors.New("--lines is a number of lines")
	}
	if l.begin, err = parseMoment(l.since, p.now, p.zone); err != nil {
		return fmt.Errorf("--since: %w", err)
	}
	if l.pattern, err = regexp.Compile(l.grep); err != nil {
		return fmt.Errorf("--grep: %w", err)
	}
	return nil
}

// asked is how many lines the manager is asked for.
func (l *logReader) asked() int {
	if l.since != "" || l.conn != "" || l.grep != "" {
		return logAsked
	}
	return l.lines
}

func (l *logReader) takes(h happening, zone *time.Location) bool {
	return !h.time.Before(l.begin) && (l.conn == "" || h.conn == l.conn) && l.pattern.MatchString(logLine(h, zone, false))
}

func (l *logReader) show(p *printer, list []happening) error {
	if !p.people() {
		return printAll(p, happeningKind(p.zone), list)
	}
	for _, h := range list {
		if err := l.one(p, h); err != nil {
			return err
		}
	}
	return nil
}

func (l *logReader) one(p *printer, h happening) error {
	if !p.people() {
		return printOne(p, happeningKind(p.zone), h)
	}
	return p.write(logLine(h, p.zone, p.palette) + "\n")
}

// logLine is an event as a clean line: time, unit, type, and what it was about.
func logLine(h happening, zone *time.Location, p palette) string {
	words := []string{h.time.In(zone).Format(dateAndTime)}
	if h.unit+h.service != "" {
		words = append(words, p.paint(bold, clean(h.unit+h.service)))
	}
	words = append(words, p.paint(h.style(), clean(h.what)))
	for _, w := range []string{h.brief(), h.idText(), h.said()} {
		if w != "" {
			words = append(words, clean(w))
		}
	}
	return strings.Join(words, " ")
}
