package proxy

import (
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
)

func TestNumbersStay(t *testing.T) {
	const gap = launch.Closed
	for _, test := range []struct{ fds, want []int }{
		{nil, nil},
		{[]int{3, 4}, []int{3, 4}},
		{[]int{5, 7}, []int{gap, gap, 5, gap, 7}},
	} {
		if got := atTheirNumbers(test.fds); !slices.Equal(got, test.want) {
			t.Errorf("%d: %d, want %d", test.fds, got, test.want)
		}
	}
}

func TestReadLine(t *testing.T) {
	for text, want := range map[string]string{"": "", "ready\n": "ready", "end 5\nmore": "end 5", "half": "half"} {
		r, w := testPipe(t)
		if _, err := unix.Write(w, []byte(text)); err != nil {
			t.Fatal(err)
		}
		null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Dup3(null, w, unix.O_CLOEXEC); err != nil { // the end of the pipe
			t.Fatal(err)
		}
		closeQuietly(null)
		if got, err := readLine(r); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// Only the first report reaches the parent, and none is needed.
func TestReporter(t *testing.T) {
	(*reporter)(nil).ended(5)
	r, w := testPipe(t)
	copied, err := unix.FcntlInt(uintptr(w), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	reports := &reporter{copied}
	reports.ended(5)
	reports.report(reportReady)
	if got := drain(t, r); got != "end 5\n" {
		t.Errorf("%q", got)
	}
}

func TestReporterIsHiddenFromServices(t *testing.T) {
	t.Setenv(reportVariable, "none")
	if openReporter() != nil {
		t.Error("a descriptor that is none")
	}
	if _, set := os.LookupEnv(reportVariable); set {
		t.Error("services would see the variable")
	}
}

// Strangers are reaped; the engine's own, and one that it has not told of yet, are not.
func TestStrangers(t *testing.T) {
	l := newTestLoop(t)
	live := 0
	s := &strangers{loop: l, live: func() int { return live }, known: map[int]struct{}{}}
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	pid := cmd.Process.Pid
	runUntil(t, l, func() bool { return firstEnded() == pid })
	live = 1 // a start that is not settled
	s.reap()
	s.event(event.Event{Type: event.Start, PID: pid})
	s.reap()
	if firstEnded() != pid {
		t.Fatal("a process of the engine's was reaped")
	}
	s.event(event.Event{Type: event.Exit, PID: pid})
	live = 0
	runUntil(t, l, func() bool { return firstEnded() == 0 }) // by the timer
	if err := cmd.Wait(); err == nil {
		t.Error("it was not reaped")
	}
	(*strangers)(nil).event(event.Event{Type: event.Start, PID: 1})
}

// Signals that come before the loop has looked are one; those that mean nothing are none.
func TestSignalsMerge(t *testing.T) {
	l := newTestLoop(t)
	r := receive(l)
	got := map[unix.Signal]int{}
	for range 5 {
		for _, sig := range []unix.Signal{unix.SIGUSR2, unix.SIGALRM, unix.SIGHUP} {
			if err := unix.Kill(os.Getpid(), sig); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Cleanup(func() {
		signal.Stop(r.arrived)
		close(r.arrived)
	})
	r.serve(func(sig unix.Signal) { got[sig]++ })
	runUntil(t, l, func() bool { return got[unix.SIGUSR2] > 0 && got[unix.SIGHUP] > 0 })
	runFor(t, l, 20*time.Millisecond)
	if len(got) != 2 || got[unix.SIGUSR2] > 5 {
		t.Errorf("%v", got)
	}
}

func TestIntrospect(t *testing.T) {
	r, w := testPipe(t)
	sockets, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeQuietly(sockets[0])
	defer closeQuietly(sockets[1])
	for fd, want := range map[int]string{r: "file read", w: "file write", sockets[0]: "socket unix,seqpacket,nonblock"} {
		h := introspect("fd_3", fd)
		if got := h.Kind + " " + h.Flags; got != want || h.Text != unknown || h.FD != fd {
			t.Errorf("%+v, want %q", h, want)
		}
	}
}

func TestNamed(t *testing.T) {
	for line, want := range map[string]bool{
		"daemonproxy": true, "/sbin/daemonproxy -i": true, "sockbridge proxy": true, "sockbridge proxy -i": true,
		"sockbridge": false, "sockbridge run proxy": false, "/daemonproxy/sockbridge": false, "mydaemonproxy": false,
	} {
		argv := strings.Fields(line)
		if Named(argv) != want {
			t.Errorf("%s: %t", line, !want)
		}
	}
	if Named(nil) {
		t.Error("nobody")
	}
	if got := arguments([]string{"x/daemonproxy", "proxy"}); !slices.Equal(got, []string{"proxy"}) {
		t.Errorf("%q", got)
	}
	if got := arguments([]string{"sockbridge", "proxy", "-i"}); !slices.Equal(got, []string{"-i"}) {
		t.Errorf("%q", got)
	}
}
