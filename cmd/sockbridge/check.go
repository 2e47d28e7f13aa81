package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"sockbridge/internal/superserver"
	"sockbridge/units"
)

// A checker is what check was asked to do.
type checker struct {
	paths  []string
	strict bool
	online bool

	settings string
}

func newCheck() *cobra.Command {
	var k checker
	c := &cobra.Command{
		Use:   "check [PATH…]",
		Short: "Show every error of unit files",
		Long: `Read units as run would, bind and start nothing, and print every error and warning with its place. A path is a folder
of units or one unit file; without one the system's folders are read. Exits with 1 if there are errors.`,
		RunE: func(c *cobra.Command, args []string) error {
			k.paths = args
			return k.run(c.Context(), c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&k.strict, "strict", false, "take warnings for errors")
	c.Flags().BoolVar(&k.online, "online", false, "look up host names, and see whether the addresses are free")
	c.Flags().StringVar(&k.settings, "settings", "", "the `file` of settings and defaults that run would be given")
	return c
}

func (k *checker) run(ctx context.Context, out io.Writer) error {
	options, err := k.options()
	if err != nil {
		return err
	}
	options.Offline = !k.online
	set, err := units.Load(ctx, options)
	if err != nil {
		return err
	}
	if k.online {
		set.Problems = append(set.Problems, superserver.CheckListeners(set)...)
	}
	if err := set.Report(out); err != nil {
		return err
	}
	if set.Problems.Count(units.Error) > 0 || k.strict && set.Problems.Count(units.Warning) > 0 {
		return errFindings
	}
	return nil
}

// options tells folders of units from single files.
func (k *checker) options() (units.Options, error) {
	if len(k.paths) == 0 {
		return (&source{settings: k.settings}).options(), nil
	}
	o := units.Options{UID: os.Geteuid(), Settings: k.settings}
	for _, path := range k.paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return o, err
		case info.IsDir():
			o.Dirs = append(o.Dirs, path)
		default:
			o.Files = append(o.Files, path)
		}
	}
	return o, nil
}
