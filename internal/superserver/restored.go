package superserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/controllers"
	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/listener"
	"sockbridge/internal/state"
	"sockbridge/internal/supervise"
	"sockbridge/units"
)

// A restored is a state that was read: what is left of it is not yet taken up.
type restored struct {
	manager     savedManager
	listeners   []listener.Saved
	units       map[string]*savedUnit
	leaving     []savedRunner
	journal     savedJournal
	engine      supervise.SavedEngine
	control     []listener.Saved
	controllers controllers.Saved
	descriptors []int // all that were kept open
	left        int   // how many of those who serve nobody new were taken up
}

// readState reads all sections of a state.
func readState(s *state.State) (*restored, error) {
	r := &restored{units: map[string]*savedUnit{}}
	var list []savedUnit
	err := errors.Join(
		s.Get(sectionManager, &r.manager), s.Get(sectionListeners, &r.listeners), s.Get(sectionUnits, &[2]any{&list, &r.leaving}),
		s.Get(sectionJournal, &r.journal), s.Get(sectionEngine, &r.engine), s.Get(sectionControl, &r.control),
		s.Get(sectionControllers, &r.controllers), s.Get(sectionDescriptors, &r.descriptors),
	)
	if err != nil {
		return nil, err
	}
	for i := range list {
		v := &list[i]
		if standing(v.Standing) >= standings {
			return nil, fmt.Errorf("cannot read the state: unit %q has standing %d", v.Name, v.Standing)
		}
		r.units[v.Name] = v
	}
	return r, nil
}

// CheckState reports whether a manager with these options could go on with a state: whether it can be read, was made by the
// process of that id, and the units can be served as a reload would serve them.
func CheckState(ctx context.Context, o Options, st *state.State, pid int) error {
	r, err := readState(st)
	if err != nil {
		return err
	}
	if r.manager.PID != pid {
		return fmt.Errorf("the state is of process %d, not of %d", r.manager.PID, pid)
	}
	set, err := o.Load(ctx, nil)
	if err != nil {
		return err
	}
	if n := set.Problems.Count(units.Error); n > 0 {
		return fmt.Errorf("%w: %d of them, the first: %w", ErrConfig, n, firstOf(set.Problems))
	}
	return r.checkPrograms(set)
}

// checkPrograms returns an error about a unit that is served and could not be any more: its clients would lose their listener.
func (r *restored) checkPrograms(set *units.Set) error {
	launcher, err := launch.New(launch.Options{})
	if err != nil {
		return err
	}
	s := &Server{launcher: launcher}
	for _, u := range set.Units {
		if v := r.units[u.Name]; v != nil && v.Runner != nil {
			_, errUnit := s.compile(u)
			err = errors.Join(err, errUnit)
		}
	}
	return errors.Join(err, launcher.Close())
}

// resume gives a new server what is not about single units. It comes before anything is served.
func (s *Server) resume() {
	r := s.restored
	if r == nil {
		return
	}
	s.generation, s.started, s.followed = r.manager.Generation, r.manager.Started, r.manager.Followed
	s.journal.restore(r.journal)
	for name, v := range r.units {
		a := s.accountOf(name)
		a.word, a.since = v.Word, v.Since
		if standing(v.Standing) != failed { // it is tried again now
			a.standing, a.reason = standing(v.Standing), v.Reason
		}
		a.exit, a.exitTime, a.past, a.refused, a.clients = v.Exit, v.ExitTime, v.Past.stats(), v.Refused, v.Rate.rate()
	}
}

// resumed reads the state that a server is to go on with, if there is one, and makes its descriptors ours alone again.
func resumed(o *Options) (*restored, error) {
	if o.Resume == nil {
		return nil, nil
	}
	r, err := readState(o.Resume)
	if err != nil {
		return nil, err
	}
	if r.manager.PID != os.Getpid() {
		return nil, fmt.Errorf("the state is of process %d, not of %d", r.manager.PID, os.Getpid())
	}
	o.Inherited = append(o.Inherited, r.manager.Inherited...)
	o.Load = insisting(o.Load, o.Sink)
	for _, fd := range r.descriptors {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
			return nil, fmt.Errorf("cannot take descriptor %d over: %w", fd, err)
		}
	}
	return r, nil
}

// loadPause is how long a manager that has others' clients waits before it tries to load its units again.
const loadPause = time.Second

// insisting is load for a manager that has taken another's place: the other could load, a moment before, and what runs would end with
// us. So the first time it is tried until it succeeds, or somebody stops us.
func insisting(load func(context.Context, *units.Set) (*units.Set, error), sink event.Sink) func(context.Context, *units.Set) (*units.Set, error) {
	return func(ctx context.Context, previous *units.Set) (*units.Set, error) {
		for {
			set, err := load(ctx, previous)
			if err == nil || previous != nil || ctx.Err() != nil {
				return set, err
			}
			sink(event.Event{Time: time.Now(), Type: event.Bad, Err: err, Delay: loadPause})
			select {
			case <-ctx.Done():
			case <-time.After(loadPause):
			}
		}
	}
}

func (r *restored) restoredListeners() []listener.Saved {
	if r == nil {
		return nil
	}
	return r.listeners
}

func (r *restored) restoredControl() []listener.Saved {
	if r == nil {
		return nil
	}
	return r.control
}

// takeRestored returns what served a unit in the program before, if it can go on as the unit is now.
func (s *Server) takeRestored(conf *units.Unit) *savedUnit {
	if s.restored == nil {
		return nil
	}
	v := s.restored.units[conf.Name]
	if v == nil || v.Runner == nil || (v.Runner.Template != nil) != conf.Accept() {
		return nil
	}
	delete(s.restored.units, conf.Name)
	return v
}

// restore serves a unit as the program before did.
func (u *unit) restore(v *savedUnit) error {
	return errors.Join(u.output.restore(v.Output), u.runner.restore(v.Runner))
}

func (a *acceptor) restore(v *savedRunner) error {
	err := a.configure()
	if c := a.config(); a.unit.program == nil {
		c.Prepare = func(*supervise.Client) (supervise.Prepared, error) { return supervise.Prepared{}, errNoProgram }
		err = errors.Join(err, a.template.Configure(c))
	}
	t := v.Template
	if t.Closing {
		a.drained = max(t.Drained-a.unit.server.loop.Monotonic(a.unit.server.loop.Now()), 1)
		t.Closing = false // close follows
	}
	a.template.Restore(t, nil)
	return err
}

// errNoProgram is about clients that waited for a unit that is gone, and of which not enough is known.
var errNoProgram = errors.New("the unit is gone, and its program with it")

// restore has instances that hold other listeners than those of now end, as a reload does.
func (r *shared) restore(v *savedRunner) error {
	r.variant, r.saved = v.Variant, v.Service
	err := r.configure()
	if !r.unit.left && !slices.Equal(r.unit.server.restored.descriptorsOf(v.Unit), descriptors(r.unit.listeners())) {
		r.restart()
	}
	return err
}

// descriptorsOf are those of a unit's listeners in the program before.
func (r *restored) descriptorsOf(unit string) (fds []int) {
	for _, l := range r.listeners {
		if l.Unit == unit && !l.Retired {
			fds = append(fds, l.FD)
		}
	}
	slices.Sort(fds)
	return fds
}

func descriptors(listeners []*listener.Listener) (fds []int) {
	for _, l := range listeners {
		fds = append(fds, l.FD)
	}
	slices.Sort(fds)
	return fds
}

func (o *output) restore(v savedOutput) error {
	o.read, o.write, o.partial = v.Read, v.Write, v.Partial
	if o.read < 0 {
		return nil
	}
	return o.attend()
}

// resumeRest takes up what nothing that is served has: those who are left of units that are no more, or are others, and the
// control socket's sessions. Then nothing is left of the state.
func (s *Server) resumeRest() {
	r := s.restored
	for _, v := range r.units {
		if v.Runner != nil {
			v.Runner.Output = &v.Output
			r.leaving = append(r.leaving, *v.Runner)
		}
	}
	for i := range r.leaving {
		s.restoreLeaving(&r.leaving[i])
	}
	s.restored = nil
	s.serveRetired()
	for _, done := range s.upgraded {
		done(nil)
	}
	s.upgraded = nil
}

// restoreLeaving has those served to their end who are left of a unit. Its name in the engine is that of who serves the unit now, so
// that of one who is left is another.
func (s *Server) restoreLeaving(v *savedRunner) {
	s.restored.left++
	v.Variant = " left " + strconv.Itoa(s.restored.left)
	u := &unit{
		server: s, conf: v.Conf, left: true, output: output{server: s, unit: v.Unit, read: -1, write: -1},
	}
	if u.conf == nil {
		u.conf = &units.Unit{Name: v.Unit, Sockets: []units.Socket{{Accept: v.Template != nil}}}
	} else {
		var err error
		u.program, err = s.compile(u.conf)
		s.report(v.Unit, err)
	}
	u.runner = u.newRunner()
	// Those who wait are started at once, and write where the others do.
	if v.Output != nil {
		s.report(v.Unit, u.output.restore(*v.Output))
	}
	s.report(v.Unit, u.runner.restore(v))
	s.depart(u)
}

// resumeControl gives the sessions of the control socket back to their clients. Commands that were under way have no end any more,
// but for the one that asked for all this.
func (s *Server) resumeControl(c *controlSocket) error {
	r := s.restored
	err := c.server.RestoreEngine(&r.engine)
	err = errors.Join(err, c.server.Restore(r.controllers, func(_ *controllers.Session, command string, done func(error)) bool {
		if command == commandUpgrade {
			s.upgraded = append(s.upgraded, done)
		}
		return command == commandUpgrade
	}))
	for session := range c.server.Sessions() {
		state := session.Control()
		for _, f := range r.manager.Followers {
			if f.Session == state.Number() {
				s.followers = append(s.followers, &follower{session: state, match: patternsFrom(f.Patterns), topic: f.Topic})
			}
		}
		s.audience = s.audience || len(state.Topics()) > 0
	}
	return err
}

// restore remembers what another journal did.
func (j *journal) restore(v savedJournal) {
	known := map[uint64]*entry{}
	take := func(e *savedEvent) *entry {
		n := known[e.Number]
		if n == nil {
			event := e.Event
			event.Text, event.Peer = string(e.Text), string(e.Peer)
			if e.Err != "" {
				event.Err = errors.New(e.Err)
			}
			n = newEntry(event, e.Number)
			known[e.Number] = n
			j.number = max(j.number, e.Number)
		}
		return n
	}
	for i := range v.All {
		j.addLast(take(&v.All[i]))
	}
	for i := range v.Units {
		j.addUnit(take(&v.Units[i]))
	}
}

// firstOf is the first error among problems.
func firstOf(problems units.Problems) error {
	for _, p := range problems {
		if p.Severity == units.Error {
			return p
		}
	}
	return nil
}
