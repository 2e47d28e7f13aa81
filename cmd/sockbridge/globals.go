package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"sockbridge/units"
)

// answerTime is how long a manager may take to answer, unless --timeout says otherwise.
const answerTime = 10 * time.Second

// globals are the flags that every command has which asks a manager, and the world that such a command sees.
type globals struct {
	control  string
	output   string
	color    string
	noHeader bool
	quiet    bool
	timeout  span

	stdout, stderr io.Writer
	now            func() time.Time
	zone           *time.Location
}

func newGlobals() *globals {
	return &globals{stdout: os.Stdout, stderr: os.Stderr, now: time.Now, zone: time.Local, timeout: span(answerTime)}
}

func (g *globals) flags(c *cobra.Command) {
	f := c.PersistentFlags()
	f.StringVar(&g.control, "control", defaultControl(), "the `path` of the manager's control socket")
	f.StringVarP(&g.output, "output", "o", string(asTable), "the `form` of the output: "+formatWords())
	f.StringVar(&g.color, "color", "auto", "`when` to use colours: auto (on a terminal), always or never")
	f.BoolVar(&g.noHeader, "no-header", false, "leave out the heads of tables, and the line that sums up")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "print nothing but errors; the exit status tells")
	f.Var(&g.timeout, "timeout", "how long to wait for an answer")
}

// globalNames are the flags above.
var globalNames = []string{"control", "output", "color", "no-header", "quiet", "timeout"}

// printer is how a command prints, in its own format unless --output names another.
func (g *globals) printer(c *cobra.Command, own format) (*printer, error) {
	word := g.output
	if flag := c.Flags().Lookup("output"); own != "" && (flag == nil || !flag.Changed) {
		word = string(own)
	}
	format, err := parseFormat(word)
	if err != nil {
		return nil, usageError{err}
	}
	file, _ := g.stdout.(*os.File)
	palette, err := choosePalette(g.color, file)
	if err != nil {
		return nil, usageError{err}
	}
	return &printer{
		w: g.stdout, format: format, header: !g.noHeader, quiet: g.quiet, palette: palette, zone: g.zone, now: g.now(),
	}, nil
}

// A task is a command's work once its manager answers.
type task func(ctx context.Context, t *talk, p *printer, args []string) error

// asking makes the function of a command that asks a manager. Its own format is what it prints without --output; "" is a table.
func (g *globals) asking(own format, work task) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		p, err := g.printer(c, own)
		if err != nil {
			return err
		}
		t, err := g.dial(c.Context())
		if err != nil {
			return err
		}
		return errors.Join(work(c.Context(), t, p, args), t.Close())
	}
}

// offline makes a command refuse the flags of those that ask a manager: what is taken must act.
func offline(c *cobra.Command) *cobra.Command {
	work := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		for _, name := range globalNames {
			if flag := c.InheritedFlags().Lookup(name); flag != nil && flag.Changed {
				return usageError{fmt.Errorf("%s asks no manager, and does not take --%s", c.Name(), name)}
			}
		}
		return work(c, args)
	}
	c.SetUsageTemplate(withoutInherited(c.UsageTemplate()))
	return c
}

// takes checks the number of arguments; most < 0 is any number.
func takes(least, most int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return usageError{fmt.Errorf("%s takes %s", c.Name(), what)}
		}
		return nil
	}
}

// A span is a flag that takes a duration as unit files write it.
type span time.Duration

// Set is flag.Value's.
func (s *span) Set(text string) error {
	d, err := units.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q %w", text, err)
	}
	if d < 0 {
		return fmt.Errorf("%q is negative", text)
	}
	*s = span(d)
	return nil
}

// String is flag.Value's.
func (s *span) String() string {
	if s == nil || *s == 0 {
		return "0s"
	}
	return ageText(time.Duration(*s))
}

// Type is what help calls the value.
func (*span) Type() string { return "duration" }
