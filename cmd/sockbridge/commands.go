package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// The groups of commands in help.
const (
	groupServe  = "serve"
	groupLook   = "look"
	groupAct    = "act"
	groupConfig = "config"
)

// addCommands gives the program its commands.
func addCommands(root *cobra.Command, g *globals) {
	g.flags(root)
	root.AddGroup(
		&cobra.Group{ID: groupServe, Title: "Serving:"},
		&cobra.Group{ID: groupConfig, Title: "Unit files:"},
		&cobra.Group{ID: groupLook, Title: "Looking at a manager:"},
		&cobra.Group{ID: groupAct, Title: "Directing a manager:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupServe, offline(newRun()), offline(newOnce()))
	add(groupConfig, offline(newCheck()), newShow(g))
	add(groupLook, newList(g), newStatus(g), newConns(g), newLogs(g), newEvents(g), newExplain(g), newPing(g))
	add(groupAct, newOrders(g)...)
	add(groupAct, newDrain(g), newKill(g), newReload(g), newUpgrade(g))
	root.AddCommand(offline(newVersion()), newCompletion(g))
	root.SetHelpCommand(newHelp())
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(strings.Split(formatWords(), ", "), cobra.ShellCompDirectiveNoFileComp)) // the flags
	_ = root.RegisterFlagCompletionFunc("color", cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp)) // are there
}

// noCommand is the whole command line when no command has its first word.
func noCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageError{errors.New("no command was given")}
	}
	err := usageError{fmt.Errorf("unknown command %q for %q", args[0], c.Name())}
	if near := nearest(args[0], commandNames(c)); near != "" {
		return hintedError{err, "did you mean `sockbridge " + near + "`?"}
	}
	return err
}

func commandNames(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(append(names, c.Name()), c.Aliases...)
		}
	}
	return names
}
