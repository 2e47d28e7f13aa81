package controllers

import (
	"os"
	"testing"
)

// Section 7: why a service could not be executed is on its own descriptor 2, for whoever logs that.
func TestExecFailureIsOnTheServicesOwnError(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	c.want("fd.open⇥log⇥write,create,append⇥"+r.path("log"), "fd.state⇥log⇥file⇥write,append,create⇥"+r.path("log"))
	c.ask("service.args⇥a⇥/nonexistent/program")
	c.ask("service.fds⇥a⇥null⇥null⇥log")
	c.send("service.start⇥a")
	c.await(`/service.state⇥a⇥down⇥\d+⇥\d+⇥exit⇥3⇥0⇥0/`)
	got, err := os.ReadFile(r.path("log"))
	must(t, err)
	if want := "error: exec(/nonexistent/program, ...) failed: No such file or directory\n"; string(got) != want {
		t.Errorf("descriptor 2 got %q, want %q", got, want)
	}
}

// A reader who takes nothing, or is gone, holds up nobody.
func TestExecFailureIntoAFullPipe(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	c.ask("fd.pipe⇥out⇥in")
	c.ask("service.args⇥fill⇥head⇥-c⇥65536⇥/dev/zero") // all that a pipe holds
	c.ask("service.fds⇥fill⇥null⇥in⇥null")
	c.send("service.start⇥fill")
	c.await(`/service.state⇥fill⇥down⇥\d+⇥\d+⇥exit⇥0⇥\d+⇥0/`)
	c.ask("service.args⇥a⇥/nonexistent")
	c.ask("service.fds⇥a⇥null⇥null⇥in")
	c.send("service.start⇥a")
	c.await(`/service.state⇥a⇥down⇥\d+⇥\d+⇥exit⇥3⇥0⇥0/`)
	c.ask("fd.delete⇥out")
	c.send("service.start⇥a")
	c.await(`/service.state⇥a⇥down⇥\d+⇥\d+⇥exit⇥3⇥0⇥0/`)
}
