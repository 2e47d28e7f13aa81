package controllers

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestHandleErrorTexts(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	for _, command := range []string{"pipe", "open", "socket", "take", "delete", "give", "queue"} {
		c.refused("fd."+command, "Expected file descriptor name")
		c.refused("fd."+command+"⇥", "Expected file descriptor name")
		c.refused("fd."+command+"⇥a b", "Invalid file descriptor name")
	}
	for _, command := range []string{"delete", "give", "queue"} {
		c.refused("fd."+command+"⇥none", "No such file descriptor")
	}
	for command, text := range map[string]string{
		"fd.pipe⇥null⇥w":                          "File descriptor cannot be altered",
		"fd.pipe⇥r⇥control.cmd":                   "File descriptor cannot be altered",
		"fd.delete⇥null":                          "File descriptor cannot be altered",
		"fd.pipe⇥r":                               "Expected file descriptor name",
		"fd.pipe⇥r⇥w⇥bogus":                       `unknown flag "bogus"`,
		"fd.pipe⇥r⇥w⇥inet":                        "socketpair() failed: Operation not supported",
		"fd.pipe⇥p⇥p":                             "failed to create pipe: both ends have the same name",
		"fd.open⇥f":                               "missing flags argument",
		"fd.open⇥f⇥read":                          "missing path argument",
		"fd.open⇥f⇥read⇥/x⇥y":                     "unexpected argument after path",
		"fd.open⇥f⇥read,sync⇥/x":                  `unknown flag "sync"`,
		"fd.open⇥f⇥read⇥/does/not/exist":          "open failed: No such file or directory",
		"fd.open⇥f⇥write⇥/":                       "open failed: Is a directory",
		"fd.socket⇥s":                             "missing flags argument",
		"fd.socket⇥s⇥unix⇥a⇥b":                    "unexpected argument after address",
		"fd.socket⇥s⇥-":                           `unknown flag "-"`,
		"fd.socket⇥s⇥listen=0⇥a":                  "invalid listen queue length",
		"fd.socket⇥s⇥listen=65536⇥a":              "invalid listen queue length",
		"fd.socket⇥s⇥listen=x⇥a":                  "invalid listen queue length",
		"fd.socket⇥s⇥tcp,listen":                  "expected address argument",
		"fd.socket⇥s⇥bind":                        "expected address argument",
		"fd.socket⇥s⇥tcp⇥localhost:80":            "invalid address",
		"fd.socket⇥s⇥tcp⇥127.0.0.1:65536":         "invalid address",
		"fd.socket⇥s⇥tcp⇥127.0.0.1:-1":            "invalid address",
		"fd.socket⇥s⇥inet⇥[::1]:80":               "invalid address",
		"fd.socket⇥s⇥inet6⇥[::1]:70000":           "invalid address",
		"fd.socket⇥s⇥inet6⇥127.0.0.1:80":          "invalid address",
		"fd.socket⇥s⇥vsock⇥80":                    "invalid address",
		"fd.socket⇥s⇥unix⇥@":                      "invalid address",
		"fd.socket⇥s⇥mode=9⇥/x":                   "invalid mode",
		"fd.socket⇥s⇥owner=nobody-of-that-name":   "invalid owner",
		"fd.socket⇥s⇥group=nobody-of-that-name":   "invalid group",
		"fd.socket⇥s⇥backlog=0⇥/x":                "invalid backlog",
		"fd.socket⇥s⇥unix⇥/does/not/exist/s":      "bind: No such file or directory",
		"fd.socket⇥s⇥unix,dgram,listen⇥@" + r.dir: "listen: Operation not supported",
		"fd.socket⇥s⇥tcp,listen⇥192.0.2.1:1":      "bind: Cannot assign requested address",
		"fd.take⇥t":                               "No ancillary file descriptor received",
		"fd.give⇥control.cmd":                     "File descriptor cannot be handed over",
	} {
		c.refused(command, text)
	}
}

func TestPipes(t *testing.T) {
	c := newRig(t).dial()
	c.want("fd.pipe⇥r⇥w", "fd.state⇥r⇥pipe⇥from⇥w", "fd.state⇥w⇥pipe⇥to⇥r")
	c.want("fd.pipe⇥r⇥w⇥nonblock", "fd.state⇥r⇥pipe⇥nonblock,from⇥w", "fd.state⇥w⇥pipe⇥nonblock,to⇥r")
	c.want("fd.pipe⇥a⇥b⇥unix", "fd.state⇥a⇥pipe⇥unix,stream,to⇥b", "fd.state⇥b⇥pipe⇥unix,stream,to⇥a")
	c.want("fd.pipe⇥a⇥b⇥dgram,nonblock", "fd.state⇥a⇥pipe⇥unix,dgram,nonblock,to⇥b", "fd.state⇥b⇥pipe⇥unix,dgram,nonblock,to⇥a")
	c.want("fd.pipe⇥a⇥b⇥-", "fd.state⇥a⇥pipe⇥from⇥b", "fd.state⇥b⇥pipe⇥to⇥a")
	c.want("fd.delete⇥a", "fd.state⇥a⇥deleted")
	got := c.ask("statedump")
	if !strings.Contains(strings.Join(got, "\n"), "fd.state⇥b⇥pipe⇥to⇥?") {
		t.Errorf("the other end is still there: %q", got)
	}
}

func TestFiles(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	path := r.path("a/b/f")
	c.refused("fd.open⇥f⇥write,create⇥"+path, "open failed: No such file or directory")
	c.want("fd.open⇥f⇥write,create,mkdir,append⇥"+path, "fd.state⇥f⇥file⇥write,append,create,mkdir⇥"+path)
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm()&0o077 != 0 {
		t.Errorf("mode %v", info.Mode())
	}
	c.want("fd.open⇥f⇥,read,,write,trunc,nonblock⇥"+path, "fd.state⇥f⇥file⇥read,write,trunc,nonblock⇥"+path)
	c.want("fd.open⇥f⇥⇥"+path, "fd.state⇥f⇥file⇥read⇥"+path)
	must(t, unix.Mkfifo(r.path("fifo"), 0o600))
	c.want("fd.open⇥f⇥read⇥"+r.path("fifo"), "fd.state⇥f⇥file⇥read⇥"+r.path("fifo")) // does not wait for a writer
}

func TestSockets(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	path := r.path("s")
	for command, want := range map[string]string{
		"unix,listen⇥" + path:                             "unix,stream,bind,listen=32⇥" + path,
		"dgram⇥" + r.path("d"):                            "unix,dgram,bind⇥" + r.path("d"),
		"seqpacket,listen=7x,nonblock⇥" + r.path("q"):     "unix,seqpacket,bind,listen=7,nonblock⇥" + r.path("q"),
		"unix,mkdir,listen=⇥" + r.path("x/y"):             "unix,stream,bind,listen=32,mkdir⇥" + r.path("x/y"),
		"⇥@" + r.path("abstract"):                         "unix,stream,bind⇥@" + r.path("abstract"),
		"tcp,listen⇥127.0.0.1:0":                          "inet,stream,bind,listen=32⇥127.0.0.1:0",
		"udp,tcp⇥127.0.0.1":                               "inet,stream,bind⇥127.0.0.1",
		"tcp,unix":                                        "unix,stream⇥",
		"tcp,udp⇥*":                                       "inet,dgram,bind⇥*",
		"inet6,inet":                                      "inet,stream⇥",
		"inet6,dgram":                                     "inet6,dgram⇥",
		"inet6,listen,v6only⇥[::1]:0":                     "inet6,stream,bind,listen=32,v6only⇥[::1]:0",
		"tcp,nodelay,keepalive,reuseport,backlog=5⇥[::1]": "inet6,stream,bind,listen=5,nodelay,keepalive,reuseport⇥[::1]",
	} {
		c.want("fd.socket⇥n⇥"+command, "fd.state⇥n⇥socket⇥"+want)
	}
	c.want("fd.delete⇥n", "fd.state⇥n⇥deleted")
	c.want("fd.socket⇥n⇥listen,mode=620⇥"+path, "fd.state⇥n⇥socket⇥unix,stream,bind,listen=32,mode=620⇥"+path)
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o620 {
		t.Errorf("mode %v", info.Mode())
	}
}

// A socket file may be replaced only if nobody listens; nothing else may.
func TestStaleSocketFiles(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	path := r.path("s")
	c.ask("fd.socket⇥n⇥listen⇥" + path)
	c.refused("fd.socket⇥m⇥listen⇥"+path, "bind: Address already in use")
	c.ask("fd.delete⇥n")
	c.want("fd.socket⇥m⇥listen⇥"+path, "fd.state⇥m⇥socket⇥unix,stream,bind,listen=32⇥"+path)
	must(t, os.WriteFile(r.path("f"), []byte("precious"), 0o600))
	c.refused("fd.socket⇥f⇥listen⇥"+r.path("f"), "bind: File exists")
	c.refused("socket.create⇥-⇥"+r.path("f"), "Failed to create control socket")
	text, err := os.ReadFile(r.path("f"))
	if err != nil || string(text) != "precious" {
		t.Errorf("the file is %q, %v", text, err)
	}
}

func TestQueue(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	c.ask("fd.socket⇥n⇥listen=7⇥" + r.path("s"))
	c.want("fd.queue⇥n", "fd.queue⇥n⇥0⇥7")
	for range 3 {
		conn, err := net.Dial("unix", r.path("s"))
		must(t, err)
		defer func() { _ = conn.Close() }()
	}
	c.want("fd.queue⇥n", "fd.queue⇥n⇥3⇥7")
	c.ask("fd.pipe⇥r⇥w")
	c.want("fd.queue⇥r", "fd.queue⇥r⇥0⇥-")
	c.want("fd.queue⇥control.cmd", "fd.queue⇥control.cmd⇥0⇥-")
}

func (c *client) sendWith(fds []int, line string) {
	c.t.Helper()
	_, _, err := c.conn.WriteMsgUnix([]byte(tabs(line)+"\n"), unix.UnixRights(fds...), nil)
	must(c.t, err)
}

func TestTakeAndGive(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	f, err := os.Create(r.path("f"))
	must(t, err)
	defer func() { _ = f.Close() }()
	fd := int(f.Fd())
	c.sendWith([]int{fd, fd, fd}, "fd.take⇥a")
	c.expect("fd.state⇥a⇥file⇥read,write⇥unknown")
	r.logged("No room for ancillary file descriptor ")
	c.refused("fd.take⇥a b", "Invalid file descriptor name") // and it is closed
	c.refused("fd.take⇥b", "No ancillary file descriptor received")
	conn, err := c.conn.File()
	must(t, err)
	c.sendWith([]int{int(conn.Fd())}, "fd.take⇥s")
	c.expect("fd.state⇥s⇥socket⇥unix,stream⇥unknown")
	c.ask("fd.delete⇥s")
	must(t, conn.Close())

	c.send("fd.give⇥a", "echo⇥after")
	line, got := c.receive()
	if line != "fd.give⇥a" || len(got) != 1 {
		t.Fatalf("received %q with %v", line, got)
	}
	defer closeQuietly(got[0])
	c.expect("after")
	target, err := os.Readlink(filepath.Join("/proc/self/fd", itoa(got[0])))
	if err != nil || target != r.path("f") {
		t.Errorf("got %q, %v", target, err)
	}
	c.sendWith([]int{fd}, "echo⇥left")
	c.expect("left")
	_ = c.conn.Close()
	r.logged("closing undelivered ancillary file descriptor ")
}
