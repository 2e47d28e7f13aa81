package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

// A connectionFilter is which connections conns shows.
type connectionFilter struct {
	from   prefix
	minAge span
}

func newConns(g *globals) *cobra.Command {
	var f connectionFilter
	c := &cobra.Command{
		Use:   "conns [UNIT]",
		Short: "List connections and instances",
		Long: `List the connections of a unit, or of all, the oldest first: those that are served, and those that wait for a process. Of
services that accept by themselves the instances are listed, whose clients only they know.`,
		Args: takes(0, 1, "at most one unit"),
		RunE: g.asking("", func(ctx context.Context, t *talk, p *printer, args []string) error {
			return f.run(ctx, t, p, args)
		}),
		ValidArgsFunction: g.completeUnit,
	}
	c.Flags().Var(&f.from, "from", "only clients of this network or address")
	c.Flags().Var(&f.minAge, "min-age", "only those that are at least so old")
	return c
}

func (f *connectionFilter) run(ctx context.Context, t *talk, p *printer, args []string) error {
	records, err := t.ask(ctx, append([]string{"conn.list"}, args...)...)
	if err != nil {
		return err
	}
	list := slices.DeleteFunc(all(records, "conn.state", parseConnection), func(c connection) bool { return !f.takes(c, p.now) })
	slices.SortStableFunc(list, func(a, b connection) int { return a.since.Compare(b.since) })
	if err := printAll(p, connectionKind(p.now), list); err != nil || !p.people() || !p.header {
		return err
	}
	return p.write(plural(int64(len(list)), "connection") + "\n")
}

func (f *connectionFilter) takes(c connection, now time.Time) bool {
	return now.Sub(c.since) >= time.Duration(f.minAge) && f.from.contains(c.peer)
}

// A prefix is a flag that takes a network, or one address. The zero one is everywhere.
type prefix struct{ netip.Prefix }

// Set is flag.Value's.
func (p *prefix) Set(text string) error {
	if a, err := netip.ParseAddr(text); err == nil {
		p.Prefix = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		return nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return fmt.Errorf("%q is neither an address nor a network such as 203.0.113.0/24", text)
	}
	p.Prefix = network.Masked()
	return nil
}

// String is flag.Value's.
func (p *prefix) String() string {
	if p == nil || !p.IsValid() {
		return ""
	}
	return p.Prefix.String()
}

// Type is what help calls the value.
func (*prefix) Type() string { return "CIDR" }

func (p *prefix) contains(peer string) bool {
	if !p.IsValid() {
		return true
	}
	a, err := netip.ParseAddrPort(peer)
	if err != nil {
		return false // of a Unix socket, or nobody's
	}
	return p.Contains(a.Addr().Unmap().WithZone(""))
}
