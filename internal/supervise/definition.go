package supervise

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/launch"
)

// A Definition is what somebody says of a service: what to run, and when. Its slices are not changed by the engine, and must not
// be by others once it is set.
type Definition struct {
	Tags, Args []string
	// FDs are names of handles: each start checks that they are there. "-" is a number that stays closed. Nil was never set.
	FDs []string
	// Interval is the least time between an end and the next start by Triggers that came within it of the start before; less
	// than a second is taken for one. It does not delay those who wait at a Readable handle.
	Interval time.Duration
	Triggers []Trigger
	// Instances is how many may run at once; 0 is 1. Only those who wait at Readable handles need more than one.
	Instances int

	StopSignal  unix.Signal   // that asks an instance to end; 0 is SIGTERM
	StopTimeout time.Duration // until SIGKILL follows; math.MaxInt64 is for ever

	// Starter makes each start. Without one, every start fails.
	Starter Starter
	// Took reports from two answers of Queue.Pending whether somebody who waited at the first was taken before the second. Nil
	// takes those for taken whose identity is missing.
	Took func(before, after []uint64) bool
}

// A Trigger starts a service. One of the fields is set.
type Trigger struct {
	Always   bool
	Signal   unix.Signal // as long as it is pending
	Readable string      // when somebody waits at the handle of that name; a unit's service waits at handles of units
}

// A Starter prepares the starts of a service. If it is an [Ender] too, it hears when an instance has ended.
type Starter interface {
	// Prepare returns what the next instance runs and is given. It is called once for each attempt; alone says that no other
	// instance runs. An error that launch.IsTemporary knows is tried again.
	Prepare(s *Service, alone bool) (Prepared, error)
}

// An Ender hears that an instance has ended, before the service is told to be down: the last moment for what the instance has
// said and nobody has done.
type Ender interface {
	Ended(s *Service, i *Instance)
}

// Prepared is what a start needs.
type Prepared struct {
	Program *launch.Program
	// Launch is what differs from start to start. Its descriptors stay open until Release is called.
	Launch launch.Start
	// Release is called once when the start is settled, whether it has failed or not; nil is not.
	Release func()
	// Group says that the process leads a process group of its own from its first instruction on; see Start.
	Group bool
}

// A MissingHandleError is why a service is not started whose list of descriptors names one that is not there.
type MissingHandleError struct{ Name string }

func (m *MissingHandleError) Error() string {
	return fmt.Sprintf("file descriptor %q does not exist", m.Name)
}

// Closed is what Definition.FDs has for a number that is closed in the service.
const Closed = "-"

var errNoStarter = errors.New("nothing says how to start it")

// leastInterval keeps a service that ends at once from being all that happens.
const leastInterval = time.Second

func (d *Definition) interval() time.Duration { return max(d.Interval, leastInterval) }

func (d *Definition) limit() int { return max(d.Instances, 1) }

func (d *Definition) took(before, after []uint64) bool {
	if d.Took != nil {
		return d.Took(before, after)
	}
	return slices.ContainsFunc(before, func(id uint64) bool { return !slices.Contains(after, id) })
}

// sameTriggers reports whether two lists are one and the same, not merely equal.
func sameTriggers(a, b []Trigger) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
