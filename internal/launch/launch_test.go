package launch

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

// see runs the helper that looks at itself.
func see(t *testing.T, l *Launcher, spec Spec, s Start) facts {
	t.Helper()
	text, status := output(t, l, compile(t, l, spec), s)
	if status.Code != 0 {
		t.Fatalf("the helper ended with %+v and said %q", status, text)
	}
	var f facts
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return f
}

func TestDefaults(t *testing.T) {
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			spec := looker(t, "an argument", "")
			spec.Env = []string{"B=2", "A=1"}
			spec.Umask = 0o27
			got := see(t, l, spec, Start{Streams: toPipe})
			want := facts{
				Env:  []string{"A=1", "B=2"},
				Args: []string{helperName, "look", "an argument", ""},
				Dir:  "/", Umask: 0o27, Nice: 0, PPID: os.Getpid(),
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(facts{}, "PID", "SID", "PGID", "Inode", "Keyring")); diff != "" {
				t.Error(diff)
			}
			if got.SID != got.PID || got.PGID != got.PID {
				t.Errorf("session %d of process %d is not its own", got.SID, got.PID)
			}
		})
	}
}

func TestAnnounce(t *testing.T) {
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			spec := looker(t)
			spec.Env = []string{"LISTEN_PID=1", "LISTEN_PIDFDID=1", "LISTEN_FDS=7", "A=1"}
			got := see(t, l, spec, Start{Streams: toPipe, Announce: true, Env: []string{"LISTEN_FDS=1"}})
			want := []string{"A=1", "LISTEN_FDS=1", fmt.Sprintf("LISTEN_PID=%d", got.PID)}
			if l.host.pidfs {
				want = append(want, fmt.Sprintf("LISTEN_PIDFDID=%d", got.Inode))
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, got.Env); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A limit that has room for the passed descriptors only does not disturb the announcement.
func TestAnnounceWithTightLimit(t *testing.T) {
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			spec := Spec{Unit: "tight", Path: trueBinary(t), Argv: []string{"true"}, Limits: []Limit{{"nofile", unix.RLIMIT_NOFILE, 4, 4}}}
			process, err := start(l, compile(t, l, spec), Start{Streams: noStreams, Files: []int{0}, Announce: true})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := finish(process); err != nil {
				t.Error(err)
			}
		})
	}
}

// Ten thousand units must not cost more than their strings.
func TestProgramsAreSmall(t *testing.T) {
	const programs, most = 10_000, 1024
	l := &Launcher{}
	spec := Spec{
		Unit: "x", Path: "/bin/cat", Argv: []string{"cat", "-"}, Env: []string{"PATH=/bin", "HOME=/", "USER=x", "LOGNAME=x", "SHELL=/bin/sh"},
		Limits: []Limit{{Name: "nofile", Resource: unix.RLIMIT_NOFILE}}, Identity: &Identity{Groups: []int{1, 2, 3}},
	}
	kept := make([]*Program, programs)
	before := heap()
	for i := range kept {
		kept[i] = compile(t, l, spec)
	}
	if each := (heap() - before) / programs; each > most {
		t.Errorf("a program takes %d bytes, want at most %d", each, most)
	}
	runtime.KeepAlive(kept)
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
