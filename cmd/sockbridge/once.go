package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"sockbridge/units"
)

func newOnce() *cobra.Command {
	m := manager{strict: true}
	var listen string
	c := &cobra.Command{
		Use:   "once UNIT.toml",
		Short: "Serve one unit file without a manager, to try it out",
		Long: `Serve one unit file in the foreground, with the drop-ins beside it, until TERM or INT. Nothing else of the host's
configuration is read, and there is no control socket.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("once takes one unit file")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return withHint(m.run(c.Context(), loadOnce(args[0], listen)), args)
		},
	}
	c.Flags().StringVar(&listen, "listen", "", "listen at this `address`, of the kind of the unit's first, and nowhere else")
	c.Flags().StringVar(&m.log, "log", "auto", logUsage)
	return c
}

// loadOnce loads one file, at another address if one is given.
func loadOnce(path, listen string) loader {
	return func(ctx context.Context, previous *units.Set) (*units.Set, error) {
		o := units.Options{Files: []string{path}, UID: os.Geteuid()}
		if listen != "" {
			set, err := units.Load(ctx, o)
			if err != nil || len(set.Units) != 1 {
				return set, err
			}
			if o.Overlay, err = elsewhere(set.Units[0], listen); err != nil {
				return nil, err
			}
		}
		o.Previous = previous
		return units.Load(ctx, o)
	}
}

// elsewhere is a drop-in by which a unit listens at one address alone, with the options of its own.
func elsewhere(u *units.Unit, address string) (units.Overlay, error) {
	if len(u.Sockets) > 1 {
		return units.Overlay{}, errors.New("--listen goes with units of one [socket] only")
	}
	key := listenKey(u.Sockets[0].Listen[0].Network)
	var text strings.Builder
	text.WriteString("[socket]\n")
	for _, other := range []string{"listen_stream", "listen_datagram", "listen_sequential_packet", "listen_fifo"} {
		if other == key {
			fmt.Fprintf(&text, "%s = [%q]\n", key, address)
		} else {
			fmt.Fprintf(&text, "%s = []\n", other)
		}
	}
	return units.Overlay{Name: "--listen", Text: text.String()}, nil
}

func listenKey(n units.Network) string {
	switch n {
	case units.UDP, units.UnixDatagram:
		return "listen_datagram"
	case units.UnixPacket:
		return "listen_sequential_packet"
	case units.FIFO:
		return "listen_fifo"
	case units.TCP, units.UnixStream, units.VsockStream:
	}
	return "listen_stream"
}
