// Command sockbridge owns a host's listening sockets and starts the service behind each when a client connects.
package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"sockbridge/internal/launch"
	"sockbridge/internal/proxy"
)

func main() {
	if launch.IsStage() {
		launch.RunStage() // does not return
	}
	if asProxy {
		os.Exit(proxy.Main(os.Args, version))
	}
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	tellError(os.Stderr, err)
	return exitStatus(err)
}

func newRoot() *cobra.Command { return newRootOf(newGlobals()) }

func newRootOf(g *globals) *cobra.Command {
	root := &cobra.Command{
		Use:           "sockbridge",
		Short:         "Own listening sockets and start the service behind each when a client connects",
		SilenceErrors: true, // told by tellError
		SilenceUsage:  true, // a page of options hides the one line that matters
		Args:          cobra.ArbitraryArgs,
		RunE:          noCommand,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	addCommands(root, g)
	root.AddCommand(newProxy())
	return root
}
