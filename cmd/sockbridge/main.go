// Command sockbridge owns a host's listening sockets and starts the service behind each when a client connects.
package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"sockbridge/internal/launch"
	"sockbridge/internal/superserver"
)

// Exit statuses, as documented under EXIT STATUS.
const (
	exitOK     = 0
	exitFailed = 1  // an operation failed, or check found errors
	exitUsage  = 2  // the command line is wrong
	exitConfig = 78 // EX_CONFIG of sysexits(3): RestartPreventExitStatus=78 keeps systemd from trying again
	exitSignal = 128
)

// errFindings is a failure that was already told in full.
var errFindings = errors.New("findings")

// A usageError is a command line that makes no sense.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func main() {
	if launch.IsStage() {
		launch.RunStage() // does not return
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

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "sockbridge",
		Short:         "Own listening sockets and start the service behind each when a client connects",
		SilenceErrors: true, // told by tellError
		SilenceUsage:  true, // a page of options hides the one line that matters
		Args:          cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usageError{errors.New("no command was given")}
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(newRun(), newOnce(), newCheck(), newVersion())
	return root
}

func exitStatus(err error) int {
	var killed superserver.KilledError
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage), isUnknownCommand(err):
		return exitUsage
	case errors.Is(err, superserver.ErrConfig):
		return exitConfig
	case errors.As(err, &killed):
		return exitSignal + int(killed.Signal)
	}
	return exitFailed
}
