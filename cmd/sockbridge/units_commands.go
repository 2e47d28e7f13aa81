package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// stopTime is how long stop, restart and drain wait: as long as a manager lets connections finish unless told otherwise, and
// a little more to end the rest.
const stopTime = 45 * time.Second

// An order is a command that brings units into another state.
type order struct {
	verb, command string // as typed, and as the protocol has it
	short, long   string
	done          func(unitState) bool // whether the unit is there
	told          string               // of a unit that is
	patience      time.Duration        // 0: the time of an answer
}

var orders = []order{
	{
		verb: "start", command: "unit.start", short: "Open the listeners of units", told: "started",
		long: `Open the listeners of stopped units, and end a pause or drain. Waits until they are open.`,
		done: func(u unitState) bool { return u.takesClients() },
	},
	{
		verb: "stop", command: "unit.stop", short: "Close the listeners of units and let their connections finish", told: "stopped",
		long: `Close the listeners of units. Their connections may finish for drain_timeout_sec (sockbridge.toml) and are then ended;
--now ends them at once. Waits until nothing of them runs. A reload leaves stopped units stopped.`,
		done: func(u unitState) bool { return u.state == "stopped" && u.idle() }, patience: stopTime,
	},
	{
		verb: "restart", command: "unit.restart", short: "Restart what runs of units; their listeners stay open", told: "restarted",
		long: `Ask the instances of units to end, so that the next clients meet new ones. Listeners stay open and queues are kept.
Waits until those have ended that ran before.`, patience: stopTime,
	},
	{
		verb: "pause", command: "unit.pause", short: "Take no more clients; they wait in the kernel's queue", told: "paused",
		long: `Stop accepting clients of units. The listeners stay open, clients wait in the kernel's queue until resume. What runs goes on.`,
		done: func(u unitState) bool { return u.state == "paused" },
	},
	{
		verb: "resume", command: "unit.resume", short: "Take clients again after pause or drain", told: "resumed",
		long: `Take clients again after pause or drain, those that have waited first.`,
		done: func(u unitState) bool { return u.takesClients() },
	},
}

// idle reports whether nothing of the unit runs or waits to.
func (u unitState) idle() bool { return u.conns.n == 0 && u.waiting.n == 0 }

// newOrders makes one command for each.
func newOrders(g *globals) []*cobra.Command {
	list := make([]*cobra.Command, len(orders))
	for i, o := range orders {
		list[i] = o.newCommand(g)
	}
	return list
}

// A unitsCommand is an order with the flags of its command.
type unitsCommand struct {
	order
	globals *globals
	noWait  bool
	now     bool
	wait    span
}

func (o order) newCommand(g *globals) *cobra.Command {
	u := &unitsCommand{order: o, globals: g, wait: span(o.patience)}
	c := &cobra.Command{
		Use: o.verb + " UNIT…", Short: o.short, Long: o.long,
		Args: takes(1, -1, "the names of units"), RunE: g.asking("", u.run),
		ValidArgsFunction: g.completeUnits,
	}
	c.Flags().BoolVar(&u.noWait, "no-wait", false, "do not wait until it is done")
	if o.patience > 0 {
		c.Flags().Var(&u.wait, "timeout", "how long to wait until it is done")
	}
	if o.verb == "stop" {
		c.Flags().BoolVar(&u.now, "now", false, "end connections at once")
	}
	return c
}

func (u *unitsCommand) run(ctx context.Context, t *talk, p *printer, names []string) error {
	if u.wait == 0 {
		u.wait = span(t.timeout)
	}
	if !u.noWait {
		if _, err := t.ask(ctx, "subscribe", "units"); err != nil {
			return err
		}
	}
	return u.globals.each(names, func(name string) error {
		if err := u.one(ctx, t, name); err != nil {
			return err
		}
		return p.tell("%s %s", u.word(), name)
	})
}

func (u *unitsCommand) word() string {
	if u.noWait {
		return "asked to " + u.verb
	}
	return u.told
}

func (u *unitsCommand) one(ctx context.Context, t *talk, name string) error {
	fields := []string{u.command, name}
	if u.now {
		fields = append(fields, "now")
	}
	done := u.done
	if done == nil {
		ran, err := t.instances(ctx, name)
		if err != nil {
			return err
		}
		done = func(unitState) bool { return t.haveEnded(ctx, name, ran) }
	}
	// A start is answered when the listeners are open, for which those may have to end who hold the addresses still.
	if _, err := t.askWithin(ctx, max(t.timeout, time.Duration(u.wait)), fields...); err != nil || u.noWait {
		return err
	}
	return t.await(ctx, name, time.Duration(u.wait), done)
}

// instances are the processes of a service that accepts by itself; those of connections are their clients'.
func (t *talk) instances(ctx context.Context, name string) ([]string, error) {
	records, err := t.ask(ctx, "conn.list", name)
	var ids []string
	for _, c := range all(records, "conn.state", parseConnection) {
		if strings.HasPrefix(c.id, name+"/") {
			ids = append(ids, c.id)
		}
	}
	return ids, err
}

// haveEnded reports whether no instance is left of those that ran. An error counts as not yet: await meets it itself.
func (t *talk) haveEnded(ctx context.Context, name string, ran []string) bool {
	now, err := t.instances(ctx, name)
	return err == nil && !slices.ContainsFunc(ran, func(id string) bool { return slices.Contains(now, id) })
}

// lookAgain is how long await relies on being told of changes.
const lookAgain = 500 * time.Millisecond

// await returns when a unit is as wanted. Being told of a change makes it look, and nothing else: what it sees is the truth
// even where a message was lost.
func (t *talk) await(ctx context.Context, name string, limit time.Duration, done func(unitState) bool) error {
	deadline := time.Now().Add(limit)
	for {
		u, err := t.unit(ctx, name)
		switch {
		case err != nil:
			return err
		case done(u):
			return nil
		case u.state == "failed":
			return failedUnit(u)
		case !time.Now().Before(deadline):
			err := fmt.Errorf("%s is still %s after %s", name, u.doing(), ageText(limit))
			return hintedError{statusError{err, exitTimedOut}, "it goes on; `sockbridge status " + name + "` shows how far it is"}
		}
		if err := t.nudged(ctx, min(lookAgain, time.Until(deadline))); err != nil {
			return err
		}
	}
}

// nudged waits until the manager tells something, or for a while.
func (t *talk) nudged(ctx context.Context, limit time.Duration) error {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, err := t.Next(bounded)
	if err != nil && ctx.Err() == nil && errors.Is(bounded.Err(), context.DeadlineExceeded) {
		return nil
	}
	if err != nil {
		return t.broken(err)
	}
	return nil
}

// doing says what a unit is at.
func (u unitState) doing() string {
	if n := u.conns.n + u.waiting.n; n > 0 {
		return fmt.Sprintf("%s with %s", u.state, plural(n, u.thing()))
	}
	return u.state
}

// thing is what a unit has at once.
func (u unitState) thing() string {
	if u.mode == "wait" {
		return "instance"
	}
	return "connection"
}

func failedUnit(u unitState) error {
	return hintedError{fmt.Errorf("unit %s failed: %s", u.name, orNone(u.reason)), "mend it, then `sockbridge reload`"}
}
