package main

import (
	"errors"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"sockbridge/internal/proxy"
)

// asProxy reports whether we are the program that daemonproxy's clients know. Its loop belongs on the main thread, which only
// an init function can have main stay on.
var asProxy = proxy.Named(os.Args)

func init() {
	if asProxy {
		runtime.LockOSThread()
	}
}

// newProxy is here for help and completion: main sees the command before any other, since its command line is a protocol of its own.
func newProxy() *cobra.Command {
	return &cobra.Command{
		Use:   "proxy [OPTION…]",
		Short: "Be daemonproxy: services driven by controllers, without units",
		Long: `Be daemonproxy, as under that name: start and supervise services as controllers say, without units. The options are those of
daemonproxy, see sockbridge proxy --help.`,
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return usageError{errors.New("proxy must be the first word: its options are its own")}
		},
	}
}
