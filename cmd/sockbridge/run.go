package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"sockbridge/internal/superserver"
	"sockbridge/units"
)

// Where units and settings are unless -c says otherwise.
var systemDirs = []string{"/etc/sockbridge/conf.d", "/usr/lib/sockbridge/conf.d"}

const systemSettings = "/etc/sockbridge/sockbridge.toml"

// A loader reads the units of a manager; see superserver.Options.
type loader = func(ctx context.Context, previous *units.Set) (*units.Set, error)

// A source is where units come from: folders and the settings beside them.
type source struct {
	dirs     []string
	settings string
	only     []string
}

func (s *source) flags(c *cobra.Command) {
	c.Flags().StringArrayVarP(&s.dirs, "conf", "c", nil,
		"a `folder` of units in place of the system's; of several, the first to have a unit wins")
	c.Flags().StringVar(&s.settings, "settings", "",
		"the `file` of settings and defaults; without -c it is "+systemSettings+", with it none")
}

// options are what units.Load needs for the source.
func (s *source) options() units.Options {
	o := units.Options{Dirs: s.dirs, Settings: s.settings, Only: s.only, UID: os.Geteuid()}
	if len(o.Dirs) == 0 {
		o.Dirs = existing(systemDirs)
		if o.Settings == "" {
			o.Settings, o.SettingsOptional = systemSettings, true
		}
	}
	return o
}

// existing leaves out folders that are not there, but not all: the first is then the one to complain about.
func existing(dirs []string) (list []string) {
	for _, d := range dirs {
		if exists(d) {
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		return dirs[:1]
	}
	return list
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func newRun() *cobra.Command {
	var m manager
	var from source
	c := &cobra.Command{
		Use:   "run [-c DIR]…",
		Short: "Serve the units of conf.d in the foreground",
		Long: `Serve the units of conf.d in the foreground until TERM or INT; a second one does not wait for running services.
HUP reloads, all or nothing. Exits with 0 after an orderly stop, 1 where serving failed, 78 where the units have errors
and nothing else is to be served (with --strict: any error).`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return withHint(m.run(c.Context(), load(from.options())), from.dirs)
		},
	}
	from.flags(c)
	c.Flags().StringArrayVar(&from.only, "only", nil, "serve only this `unit`; may be given several times")
	c.Flags().BoolVar(&m.strict, "strict", false, "serve nothing if any unit has an error")
	m.flags(c)
	return c
}

func (m *manager) flags(c *cobra.Command) {
	c.Flags().StringVar(&m.control, "control", defaultControl(), "the `path` of the control socket; empty for none")
	c.Flags().StringVar(&m.log, "log", "auto", logUsage)
}

func load(o units.Options) loader {
	return func(ctx context.Context, previous *units.Set) (*units.Set, error) {
		o.Previous = previous
		return units.Load(ctx, o)
	}
}

// withHint names the command that shows what is wrong with units.
func withHint(err error, paths []string) error {
	if !errors.Is(err, superserver.ErrConfig) {
		return err
	}
	command := strings.Join(append([]string{"sockbridge check"}, paths...), " ")
	return hintedError{err, "`" + command + "` shows each error in its place"}
}

// noArguments is cobra.NoArgs as a usage error.
func noArguments(c *cobra.Command, args []string) error {
	if err := cobra.NoArgs(c, args); err != nil {
		return usageError{err}
	}
	return nil
}
