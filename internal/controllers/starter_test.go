package controllers

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// play makes a service that the test binary plays, with its output in a file, and returns the file.
func (c *client) play(r *rig, name, role string, opts ...string) string {
	c.t.Helper()
	self, err := os.Executable()
	must(c.t, err)
	out := r.path(name + ".out")
	c.ask("service.args⇥" + name + "⇥" + self)
	c.ask("fd.open⇥" + name + ".out⇥write,create⇥" + out)
	c.ask("service.fds⇥" + name + "⇥null⇥" + name + ".out⇥" + name + ".out")
	opts = append([]string{"env=SERVICE=" + role}, opts...)
	c.want("service.opts⇥"+name+"⇥"+strings.Join(opts, "⇥"), "service.opts⇥"+name+"⇥"+strings.Join(opts, "⇥"))
	return out
}

// run starts a service and returns what it has written when it is down.
func (c *client) run(name, out string) string {
	c.t.Helper()
	c.send("service.start⇥" + name)
	c.await(`/service.state⇥` + name + `⇥up⇥.*/`)
	c.await(`/service.state⇥` + name + `⇥down⇥.*/`)
	text, err := os.ReadFile(out)
	must(c.t, err)
	return strings.TrimSpace(string(text))
}

func TestExactlyTheDescriptorsOfTheList(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	out := c.play(r, "a", "descriptors")
	c.want("service.fds⇥a⇥null⇥a.out⇥null⇥-⇥null⇥null⇥-⇥control.socket⇥-", "service.fds⇥a⇥null⇥a.out⇥null⇥-⇥null⇥null⇥-⇥control.socket⇥-")
	if got := c.run("a", out); got != "0 1 2 4 5 7" {
		t.Errorf("open: %s", got)
	}
}

// Seven descriptors or fifty arguments crashed the original.
func TestManyDescriptorsAndArguments(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Compatible = false })
	c := r.dial2()
	out := c.play(r, "a", "descriptors")
	list := "service.fds⇥a⇥null⇥a.out" + strings.Repeat("⇥null", 198)
	c.want(list, list)
	got := strings.Fields(c.run("a", out))
	if len(got) != 200 || got[199] != "199" {
		t.Errorf("%d are open: %v", len(got), got)
	}
	c.ask("service.fds⇥b⇥null⇥a.out")
	args := "service.args⇥b⇥/bin/sh⇥-c⇥test $# = 5000⇥sh" + strings.Repeat("⇥argument", 5000)
	c.want(args, args)
	c.send("service.start⇥b")
	c.await(`/service.state⇥b⇥down⇥.*⇥exit⇥0⇥.*/`)
}

func TestOptions(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	out := c.play(r, "a", "state", "dir="+r.dir, "umask=027", "rlimit.core=0:100", "nice=3", "pgrp=yes", "env=X=1", "env=X=2")
	got := c.run("a", out)
	for _, want := range []string{"dir=" + r.dir, "umask=027", "core=0:100", "nice=3", "leader=true session=false", "x=2"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s: not %s", got, want)
		}
	}
	out = c.play(r, "b", "state", "session=yes")
	got = c.run("b", out)
	for _, want := range []string{"umask=077", "leader=true session=true"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s: not %s", got, want)
		}
	}
	dir, err := os.Getwd()
	must(t, err)
	out = c.play(r, "c", "state")
	got = c.run("c", out)
	for _, want := range []string{"dir=" + dir, "umask=077", "leader=false session=false"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s: not %s", got, want)
		}
	}
	c.want("service.opts⇥c", "service.opts⇥c⇥")
}

func TestOptionsOfAUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can start a service as somebody else")
	}
	r := newRig(t)
	c := r.dial()
	out := c.play(r, "a", "state", "user=nobody")
	self, err := os.Executable()
	must(t, err)
	if !readableByAll(self) {
		t.Skip("nobody cannot execute the test binary")
	}
	if got := c.run("a", out); !strings.Contains(got, "uid=65534 gid=65534") {
		t.Errorf("%s", got)
	}
}

func readableByAll(path string) bool {
	for ; path != "/"; path = filepath.Dir(path) {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o005 != 0o005 {
			return false
		}
	}
	return true
}

func TestScriptsWithoutInterpreter(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	must(t, os.WriteFile(r.path("script"), []byte("echo \"$0 $1\"\n"), 0o700))
	c.ask("fd.open⇥out⇥write,create⇥" + r.path("out"))
	c.ask("service.fds⇥a⇥null⇥out⇥out")
	c.ask("service.args⇥a⇥" + r.path("script") + "⇥x y")
	if got := c.run("a", r.path("out")); got != r.path("script")+" x y" {
		t.Errorf("%q", got)
	}
}

func TestReady(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	c.play(r, "a", "ready", "notify=yes")
	c.send("service.start⇥a")
	c.await(`/service.state⇥a⇥up⇥.*/`, "service.ready⇥a")
	c.send("service.stop⇥a⇥0")
	c.await(`/service.state⇥a⇥down⇥.*/`)
}

// Commands that a controller wrote just before it ended were lost.
func TestCommandsOfAControllerAreDrainedBeforeItsDown(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	var commands strings.Builder
	var want []string
	for i := range 100 {
		fmt.Fprintf(&commands, "service.tags⇥t⇥%d\n", i)
		want = append(want, fmt.Sprintf("service.tags⇥t⇥%d", i))
	}
	must(t, os.WriteFile(r.path("commands"), []byte(tabs(commands.String())), 0o600))
	c.ask("service.args⇥a⇥sh⇥-c⇥cat " + r.path("commands") + " >&3")
	c.ask("service.fds⇥a⇥null⇥null⇥null⇥control.cmd")
	for range 5 {
		c.send("service.start⇥a")
		c.await(want...)
		c.expect(`/service.state⇥a⇥down⇥.*⇥exit⇥0⇥.*/`)
	}
	r.on(func() {
		if len(r.server.sessions) != 1 {
			t.Errorf("%d sessions are left", len(r.server.sessions))
		}
	})
}

func TestControllerServicesSpeakAndHear(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	c.ask("service.args⇥a⇥sh⇥-c⇥echo 'echo\tI am here' >&3; while read x; do case $x in *here) echo 'service.tags\tb\tseen' >&3;; esac; done <&4")
	c.send("service.args⇥a⇥sh⇥-c⇥printf 'echo\\tI am here\\n' >&3; while read -r x; do case $x in *here) printf 'service.tags\\tb\\tseen\\n' >&3;; esac; done <&4")
	c.ask("service.fds⇥a⇥null⇥null⇥null⇥control.cmd⇥control.event")
	c.send("service.start⇥a")
	c.await("service.tags⇥b⇥seen")
	c.send("service.stop⇥a⇥1")
	c.await(`/service.state⇥a⇥down⇥.*/`)
}

func TestAccept(t *testing.T) {
	r := newRig(t)
	c := r.dial2()
	c.want("fd.socket⇥n⇥listen⇥"+r.path("s"), "fd.state⇥n⇥socket⇥unix,stream,bind,listen=32⇥"+r.path("s"))
	c.ask("service.args⇥a⇥cat")
	for command, text := range map[string]string{
		"max_connections=0": `invalid value for option "max_connections"`, "on_limit=x": `invalid value for option "on_limit"`,
		"limit=1": `unknown option "limit"`,
	} {
		c.refused("service.accept⇥a⇥n⇥"+command, text)
	}
	c.want("service.accept⇥a⇥n⇥max_connections=1⇥on_limit=refuse", "service.accept⇥a⇥n⇥max_connections=1⇥on_limit=refuse")
	peer := connect(t, r.path("s"))
	opened := c.await(`/conn.open⇥a⇥\w+⇥pid \d+ uid \d+⇥\d+/`)
	peer.send("hello")
	peer.expect("hello")
	id := strings.Split(opened, "⇥")[2]
	c.want("conn.list", `/conn.state⇥a⇥`+id+`⇥pid \d+ uid \d+⇥\d+⇥since=.*Z⇥state=live/`)
	if got := c.ask("conn.list⇥b"); len(got) != 1 || !strings.HasSuffix(got[0], "⇥no_such_unit") {
		t.Errorf("%q", got)
	}
	if got := c.ask("conn.kill⇥zz"); len(got) != 1 || !strings.HasSuffix(got[0], "⇥no_such_conn") {
		t.Errorf("%q", got)
	}
	second := connect(t, r.path("s"))
	c.await(`/conn.refuse⇥a⇥\w+⇥.*⇥max_connections/`)
	second.ended()
	must(t, peer.conn.CloseWrite())
	fields := strings.Split(opened, "⇥")
	c.await(`/conn.close⇥a⇥` + fields[2] + `⇥` + fields[4] + `⇥exit⇥0⇥\d+/`)
	if got := strings.Join(c.ask("statedump"), "\n"); !regexp.MustCompile(`service.accept⇥a⇥n⇥max_connections=1⇥on_limit=refuse`).MatchString(got) {
		t.Errorf("statedump: %s", got)
	}
	peer = connect(t, r.path("s"))
	opened = c.await(`/conn.open⇥a⇥.*/`)
	c.send("conn.kill⇥" + strings.Split(opened, "⇥")[2] + "⇥KILL")
	c.await(`/conn.close⇥a⇥\w+⇥\d+⇥signal⇥SIGKILL⇥\d+/`)
	peer.ended()
	c.ask("service.args⇥a⇥/does/not/exist")
	connect(t, r.path("s")).ended()
	c.await(`/service.error⇥a⇥.*/`, `/conn.refuse⇥a⇥\w+⇥.*⇥start_failed/`)
	c.want("fd.delete⇥n", "fd.state⇥n⇥deleted", "service.accept⇥a⇥-")
}

func TestFirstUpIsQuick(t *testing.T) {
	c := newRig(t).dial()
	c.ask("service.args⇥a⇥true")
	begin := time.Now()
	for range 50 {
		c.send("service.start⇥a")
		c.await(`/service.state⇥a⇥down⇥.*⇥exit⇥0⇥.*/`)
	}
	t.Logf("%v for a start and its end", time.Since(begin)/50)
}
