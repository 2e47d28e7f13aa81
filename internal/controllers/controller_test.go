package controllers

import (
	"fmt"
	"strings"
	"testing"

	"sockbridge/control"
	"sockbridge/internal/supervise"
)

// manager is a server under our own name: rights count.
func manager(o *Options) { o.Compatible, o.Name = false, "sockbridge" }

func TestRightsOfAControllerService(t *testing.T) {
	r := newRig(t, manager)
	c := r.dial()
	c.ask("service.tags⇥victim⇥x")
	c.ask(`service.args⇥a⇥sh⇥-c⇥printf 'service.tags\tvictim\ty\nsignal.clear\tHUP\t1\n' >&3; cat <&3 >&2`)
	c.ask("fd.open⇥out⇥write,create,append⇥" + r.path("out"))
	c.ask("service.fds⇥a⇥null⇥null⇥out⇥control.socket")
	for rights, denied := range map[string]int{"read": 2, "operate": 1, "admin": 0} {
		c.ask("service.opts⇥a⇥control=" + rights)
		c.send("service.start⇥a")
		c.await(`/service.state⇥a⇥up⇥.*/`)
		eventually(t, "the commands are executed", func() (done bool) {
			if r.deniedLines() >= denied {
				r.on(func() { done = denied > 0 || r.engine.Service("victim").Definition().Tags[0] == "y" })
			}
			return done
		})
		c.send("service.stop⇥a⇥1")
		c.await(`/service.state⇥a⇥down⇥.*/`)
		if n := r.deniedLines(); n != denied {
			t.Errorf("%s: %d commands were refused, want %d", rights, n, denied)
		}
		r.mu.Lock()
		r.lines = nil
		r.mu.Unlock()
		c.ask("service.tags⇥victim⇥x")
	}
}

// deniedLines counts what the log says of commands that were refused for want of rights.
func (r *rig) deniedLines() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range r.lines {
		if strings.Contains(line, "may not send") {
			n++
		}
	}
	return n
}

// A session of a service ends with it; the handles that it took stay, as do those that it made.
func TestHandlesOfAControllerStay(t *testing.T) {
	c := newRig(t).dial()
	c.ask(`service.args⇥a⇥sh⇥-c⇥printf 'fd.pipe\tr\tw\n' >&3`)
	c.ask("service.fds⇥a⇥null⇥null⇥null⇥control.socket")
	c.send("service.start⇥a")
	c.await("fd.state⇥r⇥pipe⇥from⇥w", "fd.state⇥w⇥pipe⇥to⇥r", `/service.state⇥a⇥down⇥.*/`)
	c.want("fd.queue⇥r", "fd.queue⇥r⇥0⇥-")
}

// A controller that crashes is started again, and asks for the state.
func TestControllerThatCrashesSynchronisesAgain(t *testing.T) {
	c := newRig(t).dial()
	c.ask(`service.args⇥a⇥sh⇥-c⇥printf 'statedump\necho\tend of state\n' >&3; while read -r x; do case $x in "end of state") printf 'service.tags\tseen\tall\n' >&3; kill -KILL $$;; esac; done <&4`)
	c.ask("service.fds⇥a⇥null⇥null⇥null⇥control.cmd⇥control.event")
	c.send("service.auto_up⇥a⇥1⇥always")
	c.await("service.tags⇥seen⇥all", `/service.state⇥a⇥down⇥.*⇥signal⇥SIGKILL⇥.*/`, `/service.state⇥a⇥start⇥.*/`,
		"service.tags⇥seen⇥all", `/service.state⇥a⇥down⇥.*⇥signal⇥SIGKILL⇥.*/`)
	c.ask("service.auto_up⇥a⇥-")
}

// The original told a planned start twice; exceeding a pool is an error.
func TestStartIsToldOnceAndPoolsAreErrors(t *testing.T) {
	c := newRig(t).dial()
	c.ask("service.args⇥a⇥true")
	c.send("service.auto_up⇥a⇥1000⇥always")
	c.expect(
		`/service.state⇥a⇥start⇥.*/`, "service.auto_up⇥a⇥1000⇥always", `/service.state⇥a⇥up⇥.*/`, `/service.state⇥a⇥down⇥.*/`,
		`/service.state⇥a⇥start⇥.*/`,
	)
	c.want("service.auto_up⇥a⇥-", "service.state⇥a⇥down⇥-⇥-⇥-⇥-⇥-⇥-", "service.auto_up⇥a⇥-")
}

func TestFullPools(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.Engine = supervise.New(supervise.Options{
			Loop: o.Loop, Launcher: o.Launcher, MaxHandles: 6, MaxServices: 1, Publish: func(eventOf) {},
		})
	})
	r.engine = r.server.engine
	c := r.dial()
	c.ask("service.tags⇥a")
	c.refused("service.tags⇥b", "Unable to allocate new service")
	c.want("service.tags⇥a", "service.tags⇥a⇥")
	c.ask("fd.open⇥x⇥read⇥/dev/null")
	c.refused("fd.pipe⇥r⇥w", "failed to create pipe")
	c.ask("fd.open⇥y⇥read⇥/dev/null")
	c.refused("fd.open⇥y⇥read⇥/dev/null", "Unable to allocate new file descriptor object")
	c.refused("fd.socket⇥y⇥unix", "Unable to allocate new file descriptor object")
	c.want("fd.delete⇥y", "fd.state⇥y⇥deleted")
	c.want("fd.open⇥x⇥read⇥/dev/null", "fd.state⇥x⇥file⇥read⇥/dev/null")
}

func TestNamesOfVersion2(t *testing.T) {
	r := newRig(t)
	c, d := r.dial(), r.dial2()
	name := "a@b:[1]%" + strings.Repeat("x", 200)
	c.refused("service.tags⇥"+name, "Invalid service name")
	d.want("service.tags⇥"+name+"⇥\\t", "service.tags⇥"+name+"⇥\\t")
	c.await(fmt.Sprintf("service.tags⇥%s⇥ ", name))
}

func TestBroadcastTopics(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.Commands = []control.Command{{Name: "subscribe", Run: func(c *control.Call) error {
			c.Session.Subscribe(c.Args...)
			return nil
		}}}
	})
	c, d := r.dial(), r.dial()
	c.ask("subscribe⇥units")
	d.ask("echo⇥x")
	r.on(func() {
		r.server.Broadcast("units", "unit.state", "a")
		r.server.Broadcast("", "everybody")
	})
	c.expect("unit.state⇥a", "everybody")
	d.expect("everybody")
}
