package supervise

import (
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/launch"
	"sockbridge/internal/loop"
)

// A SavedService is a service with its instances; of its definition all but the Starter.
type SavedService struct {
	Name, Unit  string
	Tags, Args  [][]byte
	FDs         []string
	Interval    time.Duration
	Triggers    []Trigger
	Instances   int
	StopSignal  unix.Signal
	StopTimeout time.Duration

	State                uint8
	Planned, Began, Over time.Duration
	PID                  int
	Reason, Value        string
	Ran, Auto, Paused    bool
	Starts               int

	Held       time.Duration // until when nothing starts; 0: there is no such pause
	Pause      time.Duration // the last such pause
	Failing    bool
	Suspicions int

	Running []SavedMember
}

// A SavedMember is an instance of a service, and what waited when it was started.
type SavedMember struct {
	Instance SavedInstance
	Waiting  int
	Heads    []uint64
	Known    bool
}

// Save returns the service as it is.
func (s *Service) Save() SavedService {
	d, r := &s.definition, &s.record
	v := SavedService{
		Name: s.name, Unit: s.unit, Tags: toBytes(d.Tags), Args: toBytes(d.Args), FDs: d.FDs,
		Interval: d.Interval, Triggers: d.Triggers, Instances: d.Instances, StopSignal: d.StopSignal, StopTimeout: d.StopTimeout,
		State: uint8(s.state), Planned: r.planned, Began: r.began, Over: r.over, PID: r.pid, Reason: r.reason, Value: r.value,
		Ran: r.ran, Auto: s.auto, Paused: s.paused, Starts: s.starts,
		Pause: s.pause.pause, Failing: s.failing, Suspicions: s.suspicions,
	}
	if s.held.Waiting() {
		v.Held = s.engine.loop.Monotonic(s.held.At())
	}
	for _, m := range s.running {
		v.Running = append(v.Running, SavedMember{
			Instance: m.instance.save(), Waiting: m.before.waiting, Heads: m.before.heads, Known: m.before.known,
		})
	}
	return v
}

// Definition is the saved part of the service's definition.
func (v *SavedService) Definition() Definition {
	return Definition{
		Tags: toStrings(v.Tags), Args: toStrings(v.Args), FDs: v.FDs, Interval: v.Interval, Triggers: v.Triggers,
		Instances: v.Instances, StopSignal: v.StopSignal, StopTimeout: v.StopTimeout,
	}
}

// Restore gives a service that was just defined what another has saved, and the definition d. Nobody is told of a state. A process
// that is not there any more is one that ended in a way that nobody will ever know. The error is about handles that cannot be
// watched, as that of Set.
func (s *Service) Restore(v *SavedService, d Definition) error {
	s.definition, s.paused, s.starts, s.auto = d, v.Paused, v.Starts, v.Auto
	s.state = min(State(v.State), Deleted)
	s.record = record{
		planned: v.Planned, began: v.Began, over: v.Over, pid: v.PID, reason: v.Reason, value: v.Value, ran: v.Ran,
	}
	s.pause.pause, s.suspicions = v.Pause, v.Suspicions
	for i := range v.Running {
		s.restoreMember(&v.Running[i])
	}
	if v.Held > 0 {
		s.failing = v.Failing
		s.held = s.engine.after(v.Held, func() {
			s.resume()
			s.look()
		})
	}
	err := s.arm()
	s.goOn()
	return err
}

// goOn plans again what was planned, and looks who waits.
func (s *Service) goOn() {
	switch {
	case s.state == Up && len(s.running) == 0: // all have ended in a way that nobody knows
		s.record.ended(s.engine.now(), launch.Status{Code: -1})
		s.feed(lastEnded)
		s.keepUpAfter(0)
	case s.state == Scheduled && s.record.planned > s.engine.now():
		s.timer = s.engine.after(s.record.planned, func() {
			s.timer = nil
			s.feed(fellDue)
		})
	case s.state == Scheduled:
		s.engine.soon(s)
	}
	s.lookSoon()
}

func (s *Service) restoreMember(v *SavedMember) {
	m := &member{service: s, before: queue{waiting: v.Waiting, heads: v.Heads, known: v.Known}}
	i, err := s.engine.restore(&v.Instance, m)
	if err != nil {
		s.report(err)
		return
	}
	m.instance = i
	s.running = append(s.running, m)
}

// after calls f at a time that CLOCK_MONOTONIC counts so.
func (e *Engine) after(at time.Duration, f func()) *loop.Timer { return e.loop.After(at-e.now(), f) }

func toBytes(list []string) [][]byte {
	if list == nil {
		return nil
	}
	bytes := make([][]byte, len(list))
	for i, s := range list {
		bytes[i] = []byte(s)
	}
	return bytes
}

func toStrings(list [][]byte) []string {
	if list == nil {
		return nil
	}
	strings := make([]string, len(list))
	for i, b := range list {
		strings[i] = string(b)
	}
	return strings
}

// A SavedEngine is what an engine was told by controllers, and its counters. Its handles own the descriptors.
type SavedEngine struct {
	Handles  []SavedHandle
	Services []SavedService
	Signals  []Pending
	Conns    uint64 // ids of connections that were given out
}

// A SavedHandle is a handle.
type SavedHandle struct {
	Name            string
	FD              int
	Kind, Flags     string
	Text            []byte
	Peer            string
	Fixed, Borrowed bool
	Accepts         bool
}

// Save returns all that is not of a unit.
func (e *Engine) Save() SavedEngine {
	v := SavedEngine{Signals: e.PendingSignals(), Conns: e.accepting.number}
	for _, name := range e.HandleNames() {
		h := e.Handle(name)
		v.Handles = append(v.Handles, SavedHandle{
			Name: h.Name, FD: h.FD, Kind: h.Kind, Flags: h.Flags, Text: []byte(h.Text), Peer: h.Peer,
			Fixed: h.Fixed, Borrowed: h.Borrowed, Accepts: h.Accepts,
		})
	}
	for _, name := range e.ServiceNames() {
		v.Services = append(v.Services, e.Service(name).Save())
	}
	return v
}

// Restore gives a new engine what another has saved: starter returns what makes the starts of a service, and queue what tells who
// waits behind a handle. It goes on with what it can; the error tells of the rest. Fixed handles must not be there yet.
func (e *Engine) Restore(v *SavedEngine, starter func(*Service) Starter, queue func(*Handle) Queue) error {
	e.accepting.number = v.Conns
	e.pending = slices.Clone(v.Signals)
	hs := make([]*Handle, len(v.Handles))
	for i, h := range v.Handles {
		hs[i] = &Handle{
			Name: h.Name, FD: h.FD, Kind: h.Kind, Flags: h.Flags, Text: string(h.Text), Peer: h.Peer,
			Fixed: h.Fixed, Borrowed: h.Borrowed, Accepts: h.Accepts,
		}
		hs[i].Queue = queue(hs[i])
	}
	errs := []error{e.AddHandles(hs...)}
	for i := range v.Services {
		saved := &v.Services[i]
		s, err := e.Define(saved.Name, saved.Unit)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		d := saved.Definition()
		d.Starter = starter(s)
		errs = append(errs, s.Restore(saved, d))
	}
	return errors.Join(errs...)
}
