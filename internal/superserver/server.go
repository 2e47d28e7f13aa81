// Package superserver is the manager: it puts units, listeners, access control and the engine together, and serves until it is
// told to stop.
//
// A Server belongs to the goroutine in Run, which runs the loop on a thread of its own; signals reach it as functions posted to
// the loop. A unit is served by a runner: shared for services that accept by themselves (accept = false), acceptor for those
// that get one connection each (accept = true). Reload compares generations and touches only what changed.
package superserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/activation"
	"sockbridge/internal/access"
	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/listener"
	"sockbridge/internal/loop"
	"sockbridge/internal/state"
	"sockbridge/internal/supervise"
	"sockbridge/units"
)

// Options say what a Server serves and whom it tells.
type Options struct {
	// Load reads the units; previous is the running generation, nil at the start. Reloads call it from a goroutine of their
	// own, one at a time.
	Load func(ctx context.Context, previous *units.Set) (*units.Set, error)
	// Version is what the manager says of itself.
	Version string
	// Control is the path of the control socket; empty is none.
	Control string
	// Strict makes a start fail on any unit with an error.
	Strict bool
	// Sink gets every event.
	Sink event.Sink
	// Inherited are listening sockets that somebody bound for us; the Server takes ownership of them.
	Inherited []activation.FD
	// Executable is the absolute path of the program that an upgrade executes unless it is told another.
	Executable string
	// Flush is called before another program takes our place: what the Sink has not written then is lost. Nil is nothing.
	Flush func()
	// Resume is what the program had to say whose place we have taken; nil: we are the first.
	Resume *state.State
}

// ErrConfig is returned by Run for units so bad that serving would be wrong. Each problem was told as an event before.
var ErrConfig = errors.New("the configuration has errors")

// ErrNothing is returned by Run when units are good but none could be served. Each reason was told as an event before.
var ErrNothing = errors.New("no unit could be served")

// KilledError is returned by Run when a second signal ended it before its instances had finished.
type KilledError struct{ Signal unix.Signal }

func (k KilledError) Error() string { return "ended at once by a second " + unix.SignalName(k.Signal) }

// A Server is one manager.
type Server struct {
	options   Options
	loop      *loop.Loop
	launcher  *launch.Launcher
	engine    *supervise.Engine
	listeners *listener.Set

	set        *units.Set // the running generation
	generation int
	units      map[string]*unit
	leaving    map[runner]struct{} // closed runners whose instances have not all ended
	heirs      map[*heir]struct{}
	control    *controlSocket

	journal  *journal
	accounts map[string]*account // of every unit of the generation, whether it is served or not
	names    []string            // theirs, sorted; nil: to be sorted again
	touched  []*account          // whose state may have changed in this round
	started  time.Time
	loadedAt time.Time // when the generation was

	audience  bool // somebody has subscribed to something, and may still be there
	followers []*follower
	followed  uint64 // so far

	controlLog quota

	upgrading *upgrade      // nil: none is under way
	restored  *restored     // of the program whose place we took, until it is taken up
	upgraded  []func(error) // told when it is

	controlSettings units.Settings // whose group and others are in force at the control socket

	ctx       context.Context //nolint:containedctx // Run's, for what the loop starts beside itself
	cancel    context.CancelFunc
	loaders   sync.WaitGroup
	loading   bool // a reload is under way
	requests  []request
	postponed *loop.Timer
	lastLoad  time.Time
	retryLoad bool        // when something leaving is gone, which may have been in the way
	begun     atomic.Bool // the loop runs, or is about to
	hup       atomic.Bool

	stopping bool  // no more clients
	closing  bool  // and all that ran is asked to end
	stopped  bool  // and has
	end      error // what Run returns
}

// New makes a Server; Run serves and releases it. Its error is also about a state to resume that cannot be read.
func New(o Options) (*Server, error) {
	r, err := resumed(&o)
	if err != nil {
		return nil, err
	}
	l, err := loop.New(loop.Options{Keep: launch.Keep})
	if err != nil {
		return nil, err
	}
	launcher, err := launch.New(launch.Options{})
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := &Server{
		options: o, loop: l, launcher: launcher,
		units: map[string]*unit{}, leaving: map[runner]struct{}{}, heirs: map[*heir]struct{}{},
		journal: newJournal(), accounts: map[string]*account{}, started: time.Now(), restored: r,
	}
	// Before the sessions write what there is to be said.
	l.RoundEnd(s.tellStates)
	l.RoundEnd(s.thinOut)
	s.engine = supervise.New(supervise.Options{Loop: l, Launcher: launcher, Publish: s.publish})
	s.listeners = listener.NewSet(listener.Options{
		MinFD: launch.LongLived, Inherited: inherited(o.Inherited), Restored: r.restoredListeners(), Filter: filter,
	})
	s.resume()
	return s, nil
}

// filter keeps clients away from a service that accepts by itself: we never see them.
func filter(u *units.Unit) ([]unix.SockFilter, error) {
	if u.Accept() {
		return nil, nil
	}
	return access.New(u.Access).Filter()
}

func inherited(fds []activation.FD) (list []listener.Inherited) {
	for _, f := range fds {
		list = append(list, listener.Inherited{FD: f.FD, Name: f.Name})
	}
	return list
}

// Run serves until ctx ends or a signal says so, and returns when everything that it started has ended: nil after an orderly
// stop. It locks the calling goroutine to its thread, which starts all processes.
func (s *Server) Run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s.ctx, s.cancel = context.WithCancel(ctx)
	defer s.close()
	defer s.catchSignals()()
	defer context.AfterFunc(ctx, func() { s.loop.Post(func() { s.stop(unix.SIGTERM) }) })()
	s.journal.brief = true
	if err := s.begin(s.ctx); err != nil {
		if s.ctx.Err() != nil {
			return nil // somebody asked us to stop before we had begun
		}
		return err
	}
	s.journal.brief = false
	s.begun.Store(true)
	if err := s.loop.Run(); err != nil {
		return err
	}
	return s.end
}

func (s *Server) begin(ctx context.Context) error {
	set, err := s.options.Load(ctx, nil)
	if err != nil {
		return err
	}
	s.tellProblems(set)
	if set.Problems.Count(units.Error) > 0 && (s.options.Strict || len(set.Units) == 0) && s.restored == nil {
		return ErrConfig
	}
	if err := s.tryControl(set.Settings); err != nil {
		return err
	}
	if err := s.serve(set); err != nil {
		return err
	}
	s.tellReady()
	s.notify("READY=1\nSTATUS=" + s.summary())
	return nil
}

// tellReady tells that we serve. What another program has begun is taken up before.
func (s *Server) tellReady() {
	kind, text := event.Ready, fmt.Sprintf("%d units, %d listeners, pid %d", len(s.units), len(s.listeners.All()), os.Getpid())
	if s.restored != nil {
		kind, text = event.Upgraded, fmt.Sprintf("%s, %d processes, version %s in place of %s",
			text, s.engine.Live(), s.options.Version, s.restored.manager.Version)
		s.resumeRest()
	}
	s.publish(event.Event{Type: kind, Text: text})
}

// serve starts to serve the first generation, or the next of the program whose place we took. Units that cannot be are left out
// and told.
func (s *Server) serve(set *units.Set) error {
	s.set, s.loadedAt = set, time.Now()
	s.generation++
	s.enroll(set)
	change, problems := s.listeners.Prepare(s.wanted(set))
	bad := map[string]bool{}
	leaveOut := func(unit string, err error) {
		if !bad[unit] { // the first reason is the one to mend
			s.leaveOut(unit, err.Error())
		}
		bad[unit] = true
		s.bad(unit, err)
	}
	for _, p := range problems {
		leaveOut(p.Unit, placedError{p})
	}
	programs := map[string]*launch.Program{}
	for _, u := range s.wanted(set) {
		program, err := s.compile(u)
		if err != nil {
			leaveOut(u.Name, err)
		}
		programs[u.Name] = program
	}
	for name := range bad {
		change.Without(name)
	}
	s.commit(change)
	for _, u := range s.wanted(set) {
		if !bad[u.Name] {
			s.add(u, programs[u.Name])
		}
	}
	for _, in := range s.listeners.Unclaimed() {
		s.publish(event.Event{Type: event.Warning, Err: fmt.Errorf(
			"inherited descriptor %q is kept open, though no unit names its address or its name", in.Name,
		)})
	}
	if len(s.units) == 0 && len(set.Units) > 0 && s.restored == nil {
		return ErrNothing
	}
	return nil
}

// commit makes a change of listeners live, and returns how many of them were kept, opened and closed.
func (s *Server) commit(change *listener.Change) tally {
	kept, opened, closed := change.Kept(), change.Opened(), change.Closed()
	names := map[*listener.Listener][2]string{}
	for _, l := range closed {
		names[l] = [2]string{l.Unit, l.Addr.Key()}
	}
	for _, err := range change.Commit() {
		s.bad("", err)
	}
	// What failed at the last moment is not live, and what it was to replace is.
	live := map[*listener.Listener]bool{}
	for _, l := range s.listeners.All() {
		live[l] = true
	}
	opened = slices.DeleteFunc(slices.Clone(opened), func(l *listener.Listener) bool { return !live[l] })
	closed = slices.DeleteFunc(slices.Clone(closed), func(l *listener.Listener) bool { return live[l] })
	for _, l := range closed {
		s.publish(event.Event{Type: event.Closed, Unit: names[l][0], Address: names[l][1]})
	}
	for _, l := range opened {
		s.publish(event.Event{Type: event.Listening, Unit: l.Unit, Address: l.Bound().Key()})
	}
	return tally{kept: len(kept), opened: len(opened), closed: len(closed)}
}

// tellProblems tells what is wrong with a set; of warnings only those that the running generation did not have, also where another
// program has told them.
func (s *Server) tellProblems(set *units.Set) {
	told := map[string]bool{}
	if s.set != nil {
		for _, p := range s.set.Problems {
			told[p.Error()] = p.Severity == units.Warning
		}
	}
	for _, p := range set.Problems {
		switch {
		case p.Severity == units.Error:
			s.bad(p.Unit, p)
		case !told[p.Error()] && s.restored == nil:
			s.publish(event.Event{Type: event.Warning, Unit: p.Unit, Err: p})
		}
	}
}

func (s *Server) bad(unit string, err error) {
	s.publish(event.Event{Type: event.Bad, Unit: unit, Err: err})
}

// report tells of a failure of the manager's own bookkeeping; nil is none.
func (s *Server) report(unit string, err error) {
	if err != nil {
		s.bad(unit, err)
	}
}

func (s *Server) publish(e event.Event) {
	e.Time = time.Now()
	if failed, ok := errors.AsType[*launch.Error](e.Err); ok && failed.Stage.Word() != "" {
		e.Status = fmt.Sprintf("%d/%s", failed.Stage.Code(), failed.Stage.Word())
	}
	s.options.Sink(e)
	n := s.journal.add(e)
	s.note(&n.Event)
	s.spread(n)
}

// notify tells a service manager above us, if there is one.
func (s *Server) notify(state string) { s.report("", activation.Notify(state)) }

func (s *Server) summary() string {
	return strconv.Itoa(len(s.units)) + " units, generation " + strconv.Itoa(s.generation)
}

// close releases what is the Server's own. Nothing runs any more.
func (s *Server) close() {
	s.cancel()
	s.closeControl()
	for _, err := range s.listeners.Close() {
		s.bad("", err)
	}
	s.report("", errors.Join(s.launcher.Close(), s.loop.Close()))
	s.loaders.Wait()
}
