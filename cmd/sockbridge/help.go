package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// topics are what help tells beyond commands.
var topics = map[string]string{
	"exit-status": exitStatusHelp,
	"environment": environmentHelp,
	"output":      outputHelp,
	"times":       timesHelp,
}

const exitStatusHelp = `Exit status

  0   done
  1   failed; of check: errors were found
  2   the command line is wrong
  3   the unit is known but takes no clients now (status)
  4   no unit or connection has the name
  5   no permission on the control socket, or not for this
  6   the manager does not run
  7   timed out
  78  run, once: units have errors and nothing else is to be served
  128 + N  run, once: ended at once by a second signal N
`

const environmentHelp = `Environment

  SOCKBRIDGE_CONTROL  the control socket, where --control does not name it
  XDG_RUNTIME_DIR     where that of an ordinary user's manager is: $XDG_RUNTIME_DIR/sockbridge/control.sock
  NO_COLOR            if not empty, no colours
  CLICOLOR_FORCE      if neither empty nor 0, colours also where the output is no terminal
  TERM                "dumb" is a terminal without colours
  TZ                  the zone of times in tables; JSON has UTC
`

const outputHelp = `Output

  -o table  columns for people
  -o wide   more columns
  -o json   an array of objects; of streams (events, logs -f) an object a line
  -o jsonl  an object a line
  -o name   names alone, a line each

Names of JSON fields are stable and may be added to. Times are RFC 3339 in UTC, durations seconds, sizes bytes; what is not known
or has no limit is null. In tables, what a service or client has sent is shown with its control characters escaped.
`

const timesHelp = `Times and durations

A duration is numbers with units, as in unit files: 90, 90s, 1min 30s, 2h, 500ms, infinity. A number alone is seconds.
A time is a duration ago (10min), a time of today (15:04 or 15:04:05), a date and time ("2006-01-02 15:04"), or RFC 3339.
`

func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND|TOPIC]",
		Short: "Show help for a command or a topic: " + strings.Join(slices.Sorted(maps.Keys(topics)), ", "),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 && topics[args[0]] != "" {
				_, err := fmt.Fprint(c.OutOrStdout(), topics[args[0]])
				return err
			}
			about, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				err := usageError{fmt.Errorf("there is no help on %q", strings.Join(args, " "))}
				return hintedError{err, "sockbridge help lists the commands; topics are " + strings.Join(slices.Sorted(maps.Keys(topics)), ", ")}
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
		ValidArgsFunction: completeHelp,
	}
}

func completeHelp(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := slices.Sorted(maps.Keys(topics))
	for _, sub := range c.Root().Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// withoutInherited takes the part about inherited flags out of a template of cobra's.
func withoutInherited(template string) string {
	before, rest, found := strings.Cut(template, "{{if .HasAvailableInheritedFlags}}")
	_, after, closed := strings.Cut(rest, "{{end}}")
	if !found || !closed {
		return template
	}
	return before + after
}
