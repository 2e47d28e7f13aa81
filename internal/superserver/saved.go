package superserver

import (
	"errors"
	"os"
	"slices"
	"time"

	"sockbridge/activation"
	"sockbridge/internal/controllers"
	"sockbridge/internal/event"
	"sockbridge/internal/listener"
	"sockbridge/internal/state"
	"sockbridge/internal/supervise"
	"sockbridge/units"
)

// What a manager tells the one that takes its place, by sections of a state. Units are not among it: they are read again.
const (
	sectionManager     = "manager"
	sectionListeners   = "listeners"
	sectionUnits       = "units"
	sectionJournal     = "journal"
	sectionEngine      = "engine"
	sectionControl     = "control"     // the control socket
	sectionControllers = "controllers" // its sessions
	sectionDescriptors = "descriptors" // all that stay open
)

// A savedManager is what is not about single units.
type savedManager struct {
	PID        int
	Version    string
	Generation int
	Started    time.Time
	Inherited  []activation.FD // that no unit has named
	Followers  []savedFollower
	Followed   uint64
}

type savedFollower struct {
	Session  int // its number
	Patterns []string
	Topic    string
}

// A savedUnit is the account of a unit and what serves it.
type savedUnit struct {
	Name     string
	Standing uint8
	Reason   string
	Word     string
	Since    time.Time
	Exit     string
	ExitTime time.Time
	Past     savedStats
	Refused  map[string]uint64
	Rate     *savedRate `json:",omitempty"`
	Output   savedOutput
	Runner   *savedRunner // nil: nothing serves it
}

// A savedRate is a rate; Begun counts by the clock on the wall from now on.
type savedRate struct {
	Slots [rateSlots]uint32
	Slot  int64
	Begun time.Time
}

// A savedRunner is what serves a unit, or those who are left of one: it has a Template or a Service.
type savedRunner struct {
	Unit     string
	Variant  string
	Conf     *units.Unit              `json:",omitempty"` // where clients still wait to be served as it says
	Template *supervise.SavedTemplate `json:",omitempty"`
	Service  *supervise.SavedService  `json:",omitempty"`
	Output   *savedOutput             `json:",omitempty"` // of one that is left, where it is not the unit's
}

type savedOutput struct {
	Read, Write int
	Partial     []byte
}

type savedStats struct {
	Accepted, Served, Refused, ClientGone, SpawnFailed, Starts uint64
}

// save writes down everything that is to go on, and returns the descriptors that it is about.
func (s *Server) save() (*state.State, []int, error) {
	k := keeper{}
	var all state.State
	var errs []error
	put := func(section string, v any) { errs = append(errs, all.Put(section, v)) }
	put(sectionManager, s.saveManager(&k))
	put(sectionListeners, k.listeners(s.listeners))
	put(sectionUnits, [2]any{s.saveUnits(&k), s.saveLeaving(&k)})
	put(sectionJournal, s.journal.save())
	engine := s.engine.Save()
	k.engine(&engine)
	put(sectionEngine, engine)
	if s.control != nil {
		put(sectionControl, k.listeners(s.control.listeners))
		sessions, fds := s.control.server.Save()
		k.add(fds...)
		put(sectionControllers, sessions)
	} else {
		put(sectionControl, []listener.Saved{})
		put(sectionControllers, controllers.Saved{})
	}
	slices.Sort(k.fds)
	k.fds = slices.Compact(k.fds)
	put(sectionDescriptors, k.fds)
	return &all, k.fds, errors.Join(errs...)
}

// A keeper collects the descriptors that are to stay open.
type keeper struct{ fds []int }

func (k *keeper) add(fds ...int) {
	for _, fd := range fds {
		if fd >= 0 {
			k.fds = append(k.fds, fd)
		}
	}
}

func (k *keeper) listeners(set *listener.Set) []listener.Saved {
	saved := set.Save()
	for _, l := range saved {
		k.add(l.FD)
	}
	return saved
}

func (k *keeper) engine(v *supervise.SavedEngine) {
	for _, h := range v.Handles {
		k.add(h.FD)
	}
}

func (s *Server) saveManager(k *keeper) savedManager {
	v := savedManager{
		PID: os.Getpid(), Version: s.options.Version, Generation: s.generation, Started: s.started, Followed: s.followed,
	}
	for _, in := range s.listeners.Unclaimed() {
		k.add(in.FD)
		v.Inherited = append(v.Inherited, activation.FD{FD: in.FD, Name: in.Name})
	}
	for _, f := range s.followers {
		v.Followers = append(v.Followers, savedFollower{Session: f.session.Number(), Patterns: f.match.list(), Topic: f.topic})
	}
	return v
}

func (s *Server) saveUnits(k *keeper) (list []savedUnit) {
	for name, a := range s.accounts {
		v := savedUnit{
			Name: name, Standing: uint8(a.standing), Reason: a.reason, Word: a.word, Since: a.since,
			Exit: a.exit, ExitTime: a.exitTime, Past: a.past.save(), Refused: a.refused, Rate: a.clients.save(), Output: savedOutput{Read: -1, Write: -1},
		}
		if u := s.units[name]; u != nil {
			v.Output = u.output.save(k)
			v.Runner = u.runner.save(k)
		}
		list = append(list, v)
	}
	return list
}

// saveLeaving saves those who serve nobody new.
func (s *Server) saveLeaving(k *keeper) (list []savedRunner) {
	for r := range s.leaving {
		u := unitOf(r)
		v := r.save(k)
		if u == nil || v == nil {
			continue
		}
		if s.units[u.conf.Name] != u {
			output := u.output.save(k)
			v.Output = &output
		}
		list = append(list, *v)
	}
	return list
}

func (a *acceptor) save(k *keeper) *savedRunner {
	if a.template == nil {
		return nil
	}
	v := a.template.Save()
	saved := &savedRunner{Unit: a.unit.conf.Name, Template: &v}
	for _, c := range v.Clients {
		k.add(c.FD)
		if c.Instance == nil {
			saved.Conf = a.unit.conf
		}
	}
	return saved
}

func (r *shared) save(*keeper) *savedRunner {
	if r.service == nil {
		return nil
	}
	v := r.service.Save()
	return &savedRunner{Unit: r.unit.conf.Name, Variant: r.variant, Service: &v}
}

func (o *output) save(k *keeper) savedOutput {
	k.add(o.read, o.write)
	return savedOutput{Read: o.read, Write: o.write, Partial: o.partial}
}

func (r *rate) save() *savedRate {
	if r == nil {
		return nil
	}
	return &savedRate{Slots: r.slots, Slot: r.slot, Begun: r.begun}
}

func (v *savedRate) rate() *rate {
	if v == nil {
		return nil
	}
	return &rate{slots: v.Slots, slot: max(v.Slot, 0), begun: v.Begun}
}

func (s stats) save() savedStats {
	return savedStats{
		Accepted: s.accepted, Served: s.served, Refused: s.refused, ClientGone: s.clientGone, SpawnFailed: s.spawnFailed,
		Starts: s.starts,
	}
}

func (v savedStats) stats() stats {
	return stats{
		accepted: v.Accepted, served: v.Served, refused: v.Refused, clientGone: v.ClientGone, spawnFailed: v.SpawnFailed,
		starts: v.Starts,
	}
}

// A savedEvent is an event whose error is what it says. Texts of services and peers are bytes: they need not be UTF-8.
type savedEvent struct {
	event.Event
	Err        string
	Text, Peer []byte
	Number     uint64
}

// A savedJournal is what a journal remembers, the oldest first: of everything, and of each unit.
type savedJournal struct{ All, Units []savedEvent }

func (j *journal) save() (v savedJournal) {
	for _, n := range j.all(journalAll) {
		v.All = append(v.All, n.save())
	}
	for e := j.order.Front(); e != nil; e = e.Next() {
		v.Units = append(v.Units, entryOf(e).save())
	}
	return v
}

func (n *entry) save() savedEvent {
	v := savedEvent{Event: n.Event, Text: []byte(n.Text), Peer: []byte(n.Peer), Number: n.number}
	v.Event.Text, v.Event.Peer = "", ""
	if v.Event.Err != nil {
		v.Err = v.Event.Err.Error()
		v.Event.Err = nil
	}
	return v
}
