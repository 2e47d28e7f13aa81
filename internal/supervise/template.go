package supervise

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/activation"
	"sockbridge/internal/event"
	"sockbridge/internal/loop"
)

// An Acceptable is a listening socket whose connections become instances. [Plain] is the simplest.
type Acceptable interface {
	// Descriptor is what is watched. It stays open, and the same, until Unwatch or Configure.
	Descriptor() int
	// Take accepts one connection, close-on-exec, and never waits for one: the error is EAGAIN where nobody is there.
	Take() (fd int, peer unix.Sockaddr, err error)
	// SetUp sets what a connection does not inherit from its listener. fd is borrowed.
	SetUp(fd int) error
	// Mend clears an error that would be told without end.
	Mend() error
}

// A TemplateConfig says what a Template accepts and what it makes of it.
type TemplateConfig struct {
	Name string
	Unit string // the unit's name, or empty: the template is a controller's service

	Sockets []Acceptable
	// Limit is how many connections may be served at once, Share how many of them of one source; 0 is no limit.
	Limit, Share int
	// Refuse has clients told who are over Limit. Else they wait in the kernel's queue. Those over Share are always told.
	Refuse bool

	// StopSignal and StopTimeout are as in [Start]; DrainTimeout is how long connections may go on after Close.
	StopSignal   unix.Signal
	StopTimeout  time.Duration
	DrainTimeout time.Duration

	// Decide says whether a client may connect, and why not, in one word; nil lets everybody.
	Decide func(activation.Endpoint) (reason string, ok bool)
	// Prepare returns what the instance of a client runs and is given. Client.FD stays open until Prepared.Release is called. It
	// is called once for each attempt; an error that launch.IsTemporary knows is tried again.
	Prepare func(*Client) (Prepared, error)
}

// A Template accepts connections and starts one instance for each, as inetd(8) does. Make one with Engine.NewTemplate.
type Template struct {
	engine  *Engine
	config  TemplateConfig
	watches []*loop.Watch
	resting *loop.Timer // listeners are left alone until it fires
	rests   backoff     // for how long
	retry   *loop.Timer // starts are tried again when it fires

	arrived  uint64               // clients so far, but for those for whom there was no descriptor
	clients  map[string]*Client   // doubtful, waiting and live, by id
	waiting  []*Client            // admitted, waiting for a slot or a process
	doubtful []*Client            // over a limit, for the moment
	judge    *loop.Timer          // decides about them
	sources  map[source]int       // waiting and live
	counts   [clientStates]uint64 // how many came to be what
	starts   uint64               // programs executed

	paused, draining, closing bool
	drain                     *loop.Timer // ends the time that connections have to finish
	gone                      func()      // set by Close, called once
}

// accepting is what an engine's templates have in common.
type accepting struct {
	number    uint64 // of the last connection
	templates int    // not yet gone; they share the reserve
	reserve   reserve
}

// NewConn returns the id of the next connection, which no other of this engine has.
func (e *Engine) NewConn() string {
	e.accepting.number++
	return strconv.FormatUint(e.accepting.number, 16)
}

// NewTemplate starts to accept. The template is there whatever the error, which is about sockets that cannot be watched, or about
// the descriptor that is kept for the time when there are no others.
func (e *Engine) NewTemplate(c TemplateConfig) (*Template, error) {
	t := &Template{engine: e, clients: map[string]*Client{}, sources: map[source]int{}}
	e.accepting.templates++
	return t, errors.Join(e.accepting.reserve.open(), t.Configure(c))
}

// Configure gives the template another configuration. Who was accepted stays, and counts; what is decided from now on follows the
// new one. Pause and Drain go on. The descriptors of the old sockets may be closed after it.
func (t *Template) Configure(c TemplateConfig) error {
	t.Unwatch()
	t.config = c
	var errs []error
	for _, s := range c.Sockets { // asked for at once, so that what cannot be watched is found out
		w, err := t.engine.loop.Watch(s.Descriptor(), t.mode(), func(loop.Events) { t.AcceptFrom(s) })
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot watch listener: %w", err))
			continue
		}
		t.watches = append(t.watches, w)
	}
	t.next()
	return errors.Join(errs...)
}

// Config is what the template was given last.
func (t *Template) Config() TemplateConfig { return t.config }

// Pause accepts nobody until Resume: clients wait in the kernel's queue. Who was accepted before is served.
func (t *Template) Pause() { t.setPaused(true) }

// Resume ends Pause.
func (t *Template) Resume() { t.setPaused(false) }

func (t *Template) setPaused(paused bool) {
	t.paused = paused
	t.next()
}

// Drain turns away all clients that come from now on, or ends that. Who was admitted before is served.
func (t *Template) Drain(on bool) {
	t.draining = on
	t.next()
}

// Unwatch lets go of the sockets, so that their descriptors may be changed or closed. Configure or Close must follow.
func (t *Template) Unwatch() {
	for _, w := range t.watches {
		t.report(w.Close())
	}
	t.watches = nil
}

// next goes on after something has changed: a slot was freed, a pause is over, limits are others.
func (t *Template) next() {
	t.startWaiting()
	t.admitDoubtful()
	t.watch()
	t.tellGone()
}

func (t *Template) publish(e event.Event) {
	e.Unit, e.Service = t.config.Unit, t.service()
	t.engine.publish(e)
}

// service is the name of a controller's template in events.
func (t *Template) service() string {
	if t.config.Unit != "" {
		return ""
	}
	return t.config.Name
}

// report tells of a failure of our own bookkeeping; nil is none.
func (t *Template) report(err error) { t.engine.report(t.config.Unit, t.service(), err) }
