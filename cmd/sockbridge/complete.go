package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

// completionTime is how long a shell waits for names of units.
const completionTime = 300 * time.Millisecond

// shells make the scripts of completion.
var shells = map[string]func(root *cobra.Command, g *globals) error{
	"bash": func(root *cobra.Command, g *globals) error { return root.GenBashCompletionV2(g.stdout, true) },
	"zsh":  func(root *cobra.Command, g *globals) error { return root.GenZshCompletion(g.stdout) },
	"fish": func(root *cobra.Command, g *globals) error { return root.GenFishCompletion(g.stdout, true) },
}

var shellNames = []string{"bash", "zsh", "fish"}

func newCompletion(g *globals) *cobra.Command {
	return offline(&cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print the script by which a shell completes commands, options and units",
		Long: `Print a script for a shell:

  bash  sockbridge completion bash >/etc/bash_completion.d/sockbridge
  zsh   sockbridge completion zsh >"${fpath[1]}/_sockbridge"
  fish  sockbridge completion fish >~/.config/fish/completions/sockbridge.fish

Names of units come from the manager, and where none answers from the folders of units.`,
		Args:      takes(1, 1, "the name of a shell: bash, zsh or fish"),
		ValidArgs: shellNames,
		RunE: func(c *cobra.Command, args []string) error {
			script := shells[args[0]]
			if script == nil {
				return usageError{fmt.Errorf("there is a script for bash, zsh and fish, not for %q", args[0])}
			}
			return script(c.Root(), g)
		},
	})
}

// completeUnits offers the units that are not on the command line yet.
func (g *globals) completeUnits(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return slices.DeleteFunc(g.unitNames(c), func(name string) bool { return slices.Contains(args, name) }), cobra.ShellCompDirectiveNoFileComp
}

// completeUnit offers units for the one that is missing.
func (g *globals) completeUnit(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return g.unitNames(c), cobra.ShellCompDirectiveNoFileComp
}

// unitNames are the units of the manager, else those of the folders. A shell cannot show an error: there are then fewer names.
func (g *globals) unitNames(c *cobra.Command) []string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(commandContext(c)), completionTime)
	defer cancel()
	answer := make(chan []string, 1)
	go func() { answer <- g.askNames(ctx) }() // nobody waits for it: the program ends with the answer, or without
	select {
	case names := <-answer:
		if names != nil {
			return names
		}
	case <-ctx.Done():
	}
	from := source{}
	if flag := c.Flags().Lookup("conf"); flag != nil {
		if dirs, err := c.Flags().GetStringArray("conf"); err == nil {
			from.dirs = dirs
		}
	}
	return namesIn(from.options().Dirs)
}

// commandContext is a command's context; there is none yet while a shell completes.
func commandContext(c *cobra.Command) context.Context {
	if ctx := c.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}

func (g *globals) askNames(ctx context.Context) []string {
	t, err := g.dialQuickly(ctx)
	if err != nil {
		return nil
	}
	defer t.Close() //nolint:errcheck // there is nobody to tell
	records, err := t.Do(ctx, "unit.list")
	if err != nil {
		return nil
	}
	names := []string{}
	for _, u := range all(records, "unit.state", parseUnitState) {
		names = append(names, u.name)
	}
	return names
}
