package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"sockbridge/control"
)

func newKill(g *globals) *cobra.Command {
	var signal string
	c := &cobra.Command{
		Use:   "kill UNIT|CONN-ID…",
		Short: "Send a signal to what runs of units, or to connections' processes",
		Long: `Send a signal to the process groups of all instances of a unit, or of one connection, by its id as conns lists it. A name
that is a unit's is taken for that.`,
		Args: takes(1, -1, "the names of units or the ids of connections"),
		RunE: g.asking("", func(ctx context.Context, t *talk, p *printer, names []string) error {
			name, err := signalName(signal)
			if err != nil {
				return usageError{err}
			}
			return g.each(names, func(target string) error {
				if err := t.kill(ctx, target, name); err != nil {
					return err
				}
				return p.tell("sent %s to %s", name, target)
			})
		}),
		ValidArgsFunction: g.completeUnits,
	}
	c.Flags().StringVarP(&signal, "signal", "s", "TERM", "the `signal`, by name or number")
	_ = c.RegisterFlagCompletionFunc("signal", cobra.FixedCompletions( // the flag is there
		[]string{"TERM", "HUP", "INT", "KILL", "QUIT", "USR1", "USR2", "STOP", "CONT"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// kill takes a name for a unit's, and then for a connection's.
func (t *talk) kill(ctx context.Context, target, signal string) error {
	unit := errors.New("is a connection")
	if !strings.Contains(target, "/") {
		if _, unit = t.ask(ctx, "unit.kill", target, signal); unit == nil || answerCode(unit) != control.CodeNoSuchUnit {
			return unit
		}
	}
	_, err := t.ask(ctx, "conn.kill", target, signal)
	if answerCode(err) != control.CodeNoSuchConn {
		return err
	}
	err = statusError{fmt.Errorf("neither a unit nor a connection is named %q", target), exitNoSuchUnit}
	if hint := hintOf(unit); strings.HasPrefix(hint, "did you mean") {
		return hintedError{err, hint}
	}
	return hintedError{err, "`sockbridge list -a` lists units, `sockbridge conns` connections"}
}

// answerCode is the code of what a manager answered, "" if it did not.
func answerCode(err error) string {
	answer, _ := errors.AsType[answerError](err)
	return answer.code
}

// signalName takes TERM, SIGTERM, term and 15 for SIGTERM.
func signalName(word string) (string, error) {
	number := unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(word), "SIG"))
	if n, err := strconv.Atoi(word); err == nil {
		number = unix.Signal(n)
	}
	if name := unix.SignalName(number); name != "" {
		return name, nil
	}
	return "", fmt.Errorf("there is no signal %q", word)
}
