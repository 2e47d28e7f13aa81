package controllers

import (
	"fmt"
	"strings"
	"testing"
)

func TestServiceCommandsMakeServices(t *testing.T) {
	c := newRig(t).dial()
	c.want("service.tags⇥a", "service.tags⇥a⇥")
	c.want("service.tags⇥a⇥", "service.tags⇥a⇥")
	c.want("service.tags⇥a⇥x⇥⇥y⇥", "service.tags⇥a⇥x⇥⇥y⇥")
	c.want("service.args⇥b⇥/bin/true⇥1", "service.args⇥b⇥/bin/true⇥1")
	c.want("service.args⇥b", "service.args⇥b⇥")
	c.want("service.fds⇥c⇥null⇥-⇥null", "service.fds⇥c⇥null⇥-⇥null")
	c.want("service.fds⇥c⇥null⇥nope", `warning⇥fd "nope" is not yet defined`, "service.fds⇥c⇥null⇥nope")
	c.want("service.fds⇥c", "service.fds⇥c⇥")
	c.want("service.auto_up⇥d⇥7", "service.auto_up⇥d⇥-")
	c.want("service.auto_up⇥d⇥7⇥INT⇥SIGHUP", "service.auto_up⇥d⇥7⇥INT⇥SIGHUP")
	c.want("service.auto_up⇥d⇥-⇥USR1⇥⇥always", "service.auto_up⇥d⇥7⇥USR1⇥⇥always")
	c.want("service.auto_up⇥d⇥-", "service.auto_up⇥d⇥-")
}

func TestServiceErrorTexts(t *testing.T) {
	c := newRig(t).dial()
	c.ask("service.args⇥a⇥/bin/sleep⇥100")
	for _, command := range []string{
		"tags", "args", "fds", "auto_up", "start", "signal", "delete", "stop", "opts", "accept",
	} {
		c.refused("service."+command, "Expected service name")
		c.refused("service."+command+"⇥", "Expected service name")
		c.refused("service."+command+"⇥a b", "Invalid service name")
		c.refused("service."+command+"⇥"+strings.Repeat("x", 32), "Invalid service name")
	}
	for _, command := range []string{"start", "signal", "delete", "stop"} {
		c.refused("service."+command+"⇥none", "No such service")
	}
	for command, text := range map[string]string{
		"service.fds⇥a⇥a/b":                        "invalid fd name",
		"service.auto_up⇥a":                        "Expected integer",
		"service.auto_up⇥a⇥x⇥always":               "Expected integer",
		"service.auto_up⇥a⇥0⇥always":               "invalid interval",
		"service.auto_up⇥a⇥2147483648":             "invalid interval",
		"service.auto_up⇥a⇥-1⇥always":              "invalid interval",
		"service.auto_up⇥a⇥9⇥sometimes":            "unable to set auto_up triggers",
		"service.start⇥a⇥soon":                     "invalid timestamp",
		"service.start⇥a⇥0":                        "invalid timestamp",
		"service.start⇥a⇥-5":                       "invalid timestamp",
		"service.start⇥a⇥99999999999999999999":     "invalid timestamp",
		"service.start⇥a⇥-":                        "no service.start pending",
		"service.signal⇥a":                         "Expected signal argument",
		"service.signal⇥a⇥":                        "Expected signal argument",
		"service.signal⇥a⇥9x":                      "Invalid signal number",
		"service.signal⇥a⇥65536":                   "Invalid signal number",
		"service.signal⇥a⇥SIGBOGUS":                "Invalid signal argument",
		"service.signal⇥a⇥term":                    "Invalid signal argument",
		"service.signal⇥a⇥TERM⇥":                   `unknown option ""`,
		"service.signal⇥a⇥TERM⇥group,x":            `unknown option "x"`,
		"service.signal⇥a⇥TERM":                    "service is not running",
		"service.stop⇥a":                           "service is not running",
		"service.stop⇥a⇥x":                         "Expected integer",
		"service.stop⇥a⇥-1":                        "invalid timeout (must be 0..7FFFFFFF)",
		"service.opts⇥a⇥sandbox=strict":            `unknown option "sandbox"`,
		"service.opts⇥a⇥rlimit.bogus=1":            `unknown option "rlimit.bogus"`,
		"service.opts⇥a⇥umask":                     `invalid value for option "umask"`,
		"service.opts⇥a⇥umask=9":                   `invalid value for option "umask"`,
		"service.opts⇥a⇥dir=x":                     `invalid value for option "dir"`,
		"service.opts⇥a⇥rlimit.core=5:4":           `invalid value for option "rlimit.core"`,
		"service.opts⇥a⇥env==x":                    `invalid value for option "env"`,
		"service.opts⇥a⇥user=nobody-of-that-name":  `there is no user "nobody-of-that-name"`,
		"service.opts⇥a⇥group=nobody-of-that-name": `there is no group "nobody-of-that-name"`,
		"service.accept⇥a":                         "Expected file descriptor name",
		"service.accept⇥a⇥none":                    "No such file descriptor",
		"service.accept⇥a⇥null":                    "no connections wait behind the file descriptor",
	} {
		c.refused(command, text)
	}
	c.want("service.args⇥b", "service.args⇥b⇥")
	c.refused("service.start⇥b", "no args configured for service")
	c.ask("service.args⇥b⇥⇥x")
	c.refused("service.start⇥b", "no args configured for service")
}

func TestStartUpDown(t *testing.T) {
	c := newRig(t).dial()
	c.ask("service.args⇥a⇥true")
	c.send("service.start⇥a")
	c.expect(
		`/service.state⇥a⇥start⇥\d+⇥-⇥-⇥-⇥-⇥-/`,
		`/service.state⇥a⇥up⇥\d+⇥\d+⇥-⇥-⇥0⇥-/`,
		`/service.state⇥a⇥down⇥\d+⇥\d+⇥exit⇥0⇥\d+⇥0/`,
	)
	c.want("service.delete⇥a", "service.state⇥a⇥deleted⇥-⇥-⇥-⇥-⇥-⇥-")
	c.refused("service.start⇥a", "No such service")
}

func TestRunningService(t *testing.T) {
	c := newRig(t).dial()
	c.ask("service.args⇥a⇥sleep⇥1000")
	c.send("service.start⇥a")
	up := c.await(`/service.state⇥a⇥up⇥.*/`)
	pid := strings.Split(up, "⇥")[4]
	c.refused("service.delete⇥a", "service is running")
	c.refused("service.start⇥a", "service is not startable")
	c.refused("service.start⇥a⇥-", "no service.start pending")
	c.refused("service.signal⇥a⇥TERM⇥group", fmt.Sprintf("can't kill a (pgid %s): No such process", pid))
	c.refused("service.signal⇥a⇥999", fmt.Sprintf("can't kill a (pid %s): Invalid argument", pid))
	c.want("service.signal⇥a⇥0")
	c.send("service.signal⇥a⇥SIGTERM")
	c.expect(`/service.state⇥a⇥down⇥\d+⇥` + pid + `⇥signal⇥SIGTERM⇥\d+⇥0/`)
	c.want("service.delete⇥a", "service.state⇥a⇥deleted⇥-⇥-⇥-⇥-⇥-⇥-")
}

func TestPlannedStarts(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	c.ask("service.args⇥a⇥true")
	var at string
	r.on(func() { at = seconds(r.loop.Monotonic(r.loop.Now()) + 1000e9) })
	c.want("service.start⇥a⇥"+at, "service.state⇥a⇥start⇥"+at+"⇥-⇥-⇥-⇥-⇥-")
	c.want("service.start⇥a⇥"+at+"0", "service.state⇥a⇥start⇥"+at+"0⇥-⇥-⇥-⇥-⇥-")
	c.want("service.start⇥a⇥-", "service.state⇥a⇥down⇥-⇥-⇥-⇥-⇥-⇥-")
	c.ask("service.start⇥a⇥" + at)
	c.want("service.delete⇥a", "service.state⇥a⇥deleted⇥-⇥-⇥-⇥-⇥-⇥-")
}

func TestStopKillsWhatDoesNotEnd(t *testing.T) {
	c := newRig(t).dial()
	c.ask("fd.pipe⇥out⇥in")
	c.ask("service.fds⇥a⇥null⇥null⇥null")
	c.ask("service.args⇥a⇥sh⇥-c⇥trap '' TERM; kill -USR1 $PPID; while :; do sleep 1; done")
	c.ask("service.args⇥a⇥sleep⇥1000")
	c.send("service.start⇥a")
	c.await(`/service.state⇥a⇥up⇥.*/`)
	c.send("service.stop⇥a⇥10")
	c.await(`/service.state⇥a⇥down⇥\d+⇥\d+⇥signal⇥SIGTERM⇥.*/`)
	c.send("service.start⇥a")
	c.await(`/service.state⇥a⇥up⇥.*/`)
	c.send("service.signal⇥a⇥STOP", "service.stop⇥a⇥0")
	c.await(`/service.state⇥a⇥down⇥\d+⇥\d+⇥signal⇥SIG(TERM|KILL)⇥.*/`)
}

// Faults of the original: an exec that fails is an event that names the stage; an unknown handle is told.
func TestFailedStartsAreEvents(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	c.ask("service.args⇥a⇥/does/not/exist")
	c.send("service.start⇥a")
	// A start that takes long is up before anybody knows that it fails: the error comes before up or after it.
	c.await(`/service.error⇥a⇥.*⇥No such file or directory|service.state⇥a⇥up⇥.*/`)
	c.await(`/service.error⇥a⇥.*⇥No such file or directory|service.state⇥a⇥up⇥.*/`)
	c.await(`/service.state⇥a⇥down⇥\d+⇥\d+⇥exit⇥3⇥\d⇥0/`)
	c.ask("service.args⇥a⇥no-program-of-that-name")
	c.send("service.start⇥a")
	c.await(`/service.error⇥a⇥.*⇥No such file or directory/`, `/service.state⇥a⇥down⇥\d+⇥\d+⇥exit⇥3⇥0⇥0/`)
	c.ask("service.args⇥a⇥/etc/passwd")
	c.send("service.start⇥a")
	c.await(`/service.error⇥a⇥.*⇥Permission denied/`, `/service.state⇥a⇥down⇥.*⇥exit⇥3⇥0⇥0/`)
	c.ask("service.args⇥a⇥true")
	c.ask("service.fds⇥a⇥null⇥nope")
	c.send("service.start⇥a")
	c.await(`/service.state⇥a⇥up⇥.*/`, `/service.state⇥a⇥down⇥\d+⇥\d+⇥signal⇥SIGABRT⇥0⇥0/`)
	r.logged(`file descriptor "nope" does not exist`)
	c.want("service.delete⇥a", "service.state⇥a⇥deleted⇥-⇥-⇥-⇥-⇥-⇥-")
}

func TestAutoUp(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	c.ask("service.args⇥a⇥sleep⇥1000")
	c.send("service.auto_up⇥a⇥1⇥always")
	c.expect(`/service.state⇥a⇥start⇥.*/`, "service.auto_up⇥a⇥1⇥always", `/service.state⇥a⇥up⇥.*/`)
	c.send("service.auto_up⇥a⇥-", "service.stop⇥a⇥5")
	c.await("service.auto_up⇥a⇥-", `/service.state⇥a⇥down⇥.*/`)
	c.ask("service.args⇥b⇥true")
	c.want("service.auto_up⇥b⇥1⇥USR1", "service.auto_up⇥b⇥1⇥USR1")
	r.on(func() { r.engine.Raise(10) })
	c.expect(`/service.state⇥b⇥start⇥.*/`, `/service.state⇥b⇥up⇥.*/`, `/signal⇥SIGUSR1⇥\d+⇥1/`)
	c.await(`/service.state⇥b⇥down⇥.*/`, `/service.state⇥b⇥start⇥.*/`)
	c.send("signal.clear⇥USR1⇥1")
	c.await(`/service.state⇥b⇥down⇥-⇥.*/`)
	c.want("signal.clear⇥USR1⇥1")
	c.ask("service.auto_up⇥b⇥-")
}

func TestReadableStartsAService(t *testing.T) {
	c := newRig(t).dial()
	c.ask("fd.pipe⇥r⇥w")
	c.ask("service.args⇥reader⇥sh⇥-c⇥read x; exit 5")
	c.ask("service.fds⇥reader⇥r")
	c.want("service.auto_up⇥reader⇥1⇥fd.readable=r", "service.auto_up⇥reader⇥1⇥fd.readable=r")
	c.ask("service.args⇥writer⇥echo⇥hello")
	c.ask("service.fds⇥writer⇥null⇥w⇥null")
	c.send("service.start⇥writer")
	c.await(`/service.state⇥reader⇥up⇥.*/`, `/service.state⇥reader⇥down⇥\d+⇥\d+⇥exit⇥5⇥.*/`)
	c.ask("service.auto_up⇥reader⇥-")
}
