package activation

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/google/go-cmp/cmp"
)

// fakePID and fakePIDFDID are the process that a fakeProcess is.
const (
	fakePID     = 4711
	fakePIDFDID = 99
)

// fakeProcess is a process with an environment and open descriptors, which records what happens to them.
type fakeProcess struct {
	env        map[string]string
	open       int // descriptors 3 to 3+open-1 are open
	oldPIDFDs  bool
	closedExec []int
}

func (f *fakeProcess) process() process {
	return process{
		lookup:  func(name string) (string, bool) { value, ok := f.env[name]; return value, ok },
		unset:   func(name string) error { delete(f.env, name); return nil },
		pid:     fakePID,
		pidfdID: func() (uint64, bool) { return fakePIDFDID, !f.oldPIDFDs },
		closeOnExec: func(fd int) error {
			if fd < firstFD || fd >= firstFD+f.open {
				return unix.EBADF
			}
			f.closedExec = append(f.closedExec, fd)
			return nil
		},
	}
}

// environ makes a map of NAME=value strings.
func environ(variables ...string) map[string]string {
	env := make(map[string]string)
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	return env
}

func TestInherited(t *testing.T) {
	one := []FD{{FD: 3, Name: "unknown"}}
	for _, test := range []struct {
		name string
		env  []string
		want []FD
		err  string // part of the error
	}{
		{"no variable", nil, nil, ""},
		{"a descriptor without a name", []string{"LISTEN_PID=4711", "LISTEN_FDS=1"}, one, ""},
		{"two names", []string{"LISTEN_PID=4711", "LISTEN_FDS=2", "LISTEN_FDNAMES=http:https"}, []FD{{3, "http"}, {4, "https"}}, ""},
		{"an empty name", []string{"LISTEN_PID=4711", "LISTEN_FDS=2", "LISTEN_FDNAMES=http:"}, []FD{{3, "http"}, {4, ""}}, ""},
		{"our pidfd", []string{"LISTEN_PID=4711", "LISTEN_PIDFDID=99", "LISTEN_FDS=1"}, one, ""},
		{"LISTEN_PID missing", []string{"LISTEN_FDS=1"}, nil, ""},
		{"LISTEN_PID of another process", []string{"LISTEN_PID=4712", "LISTEN_FDS=1"}, nil, ""},
		{"LISTEN_PID of another process, the rest wrong", []string{"LISTEN_PID=4712", "LISTEN_FDS=x", "LISTEN_PIDFDID=x"}, nil, ""},
		{"LISTEN_PIDFDID of another process", []string{"LISTEN_PID=4711", "LISTEN_PIDFDID=98", "LISTEN_FDS=1"}, nil, ""},
		{"LISTEN_FDS missing", []string{"LISTEN_PID=4711"}, nil, ""},

		{"LISTEN_PID empty", []string{"LISTEN_PID=", "LISTEN_FDS=1"}, nil, `cannot read LISTEN_PID: "" is not a process id`},
		{"LISTEN_PID not a number", []string{"LISTEN_PID=4711x", "LISTEN_FDS=1"}, nil, "LISTEN_PID"},
		{"LISTEN_PID 0", []string{"LISTEN_PID=0", "LISTEN_FDS=1"}, nil, "LISTEN_PID"},
		{"LISTEN_PID that is ours modulo 2^32", []string{"LISTEN_PID=4294972007", "LISTEN_FDS=1"}, nil, "LISTEN_PID"},
		{"LISTEN_PIDFDID not a number", []string{"LISTEN_PID=4711", "LISTEN_PIDFDID=x", "LISTEN_FDS=1"}, nil, "LISTEN_PIDFDID"},
		{"LISTEN_FDS not a number", []string{"LISTEN_PID=4711", "LISTEN_FDS=one"}, nil, `cannot read LISTEN_FDS: "one" is not a number above 0`},
		{"LISTEN_FDS empty", []string{"LISTEN_PID=4711", "LISTEN_FDS="}, nil, "LISTEN_FDS"},
		{"LISTEN_FDS 0", []string{"LISTEN_PID=4711", "LISTEN_FDS=0"}, nil, "LISTEN_FDS"},
		{"LISTEN_FDS negative", []string{"LISTEN_PID=4711", "LISTEN_FDS=-1"}, nil, "LISTEN_FDS"},
		{"LISTEN_FDS beyond an int", []string{"LISTEN_PID=4711", "LISTEN_FDS=9223372036854775807"}, nil, "LISTEN_FDS"},
		{"LISTEN_FDS above what is open", []string{"LISTEN_PID=4711", "LISTEN_FDS=2147483647"}, nil, "cannot take descriptor 5 of LISTEN_FDS=2147483647"},
		{"too few names", []string{"LISTEN_PID=4711", "LISTEN_FDS=2", "LISTEN_FDNAMES=http"}, nil, `"http" is not as many names as LISTEN_FDS=2`},
		{"too many names", []string{"LISTEN_PID=4711", "LISTEN_FDS=1", "LISTEN_FDNAMES=http:https"}, nil, "LISTEN_FDNAMES"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := fakeProcess{env: environ(test.env...), open: 2}
			got, err := f.process().inherited(true)
			checkError(t, err, test.err)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("inherited (-want +got):\n%s", diff)
			}
			if len(f.env) != 0 {
				t.Errorf("variables left: %v", f.env)
			}
			for _, fd := range got {
				if !slices.Contains(f.closedExec, fd.FD) {
					t.Errorf("descriptor %d is not close-on-exec", fd.FD)
				}
			}
		})
	}
}

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("error: %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("error %v, want one with %q", err, want)
	}
}

func TestInheritedBeforePIDFDInodes(t *testing.T) {
	f := fakeProcess{env: environ("LISTEN_PID=4711", "LISTEN_PIDFDID=98", "LISTEN_FDS=1"), open: 1, oldPIDFDs: true}
	if got, err := f.process().inherited(false); err != nil || len(got) != 1 {
		t.Errorf("inherited = %v, %v; want the one descriptor", got, err)
	}
}

func TestInheritedKeepsVariables(t *testing.T) {
	env := environ("LISTEN_PID=4711", "LISTEN_FDS=1", "LISTEN_FDNAMES=a:b", "LISTEN_PIDFDID=99")
	f := fakeProcess{env: maps.Clone(env), open: 1}
	_, err := f.process().inherited(false)
	checkError(t, err, "LISTEN_FDNAMES")
	if diff := cmp.Diff(env, f.env); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestInheritedReportsUnset(t *testing.T) {
	f := fakeProcess{env: environ("LISTEN_PID=4711", "LISTEN_FDS=1"), open: 1}
	p := f.process()
	p.unset = func(string) error { return unix.EINVAL }
	if got, err := p.inherited(true); !errors.Is(err, unix.EINVAL) || got != nil {
		t.Errorf("inherited = %v, %v; want EINVAL", got, err)
	}
}

func TestOwnPIDFDID(t *testing.T) {
	id, ok := ownPIDFDID()
	if !ok {
		t.Skip("pidfds have no inodes of their own before Linux 6.9")
	}
	if again, _ := ownPIDFDID(); id != again {
		t.Errorf("two inode numbers: %d and %d", id, again)
	}
	t.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	t.Setenv("LISTEN_FDS", "x")
	t.Setenv("LISTEN_PIDFDID", strconv.FormatUint(id, 10))
	if _, err := Inherited(false); err == nil {
		t.Error("LISTEN_FDS was not read, though pid and pidfd are ours")
	}
	t.Setenv("LISTEN_PIDFDID", strconv.FormatUint(id+1, 10))
	if fds, err := Inherited(false); fds != nil || err != nil {
		t.Errorf("Inherited = %v, %v, though the pidfd is another's", fds, err)
	}
}

func FuzzInherited(f *testing.F) {
	f.Add("4711", "2", "a:b", "99", "3 4")
	f.Add("4711", "0", "", "x", "")
	f.Fuzz(func(t *testing.T, pid, fds, names, pidfdID, upstart string) {
		fake := fakeProcess{env: environ("LISTEN_PID="+pid, "LISTEN_FDS="+fds, "LISTEN_FDNAMES="+names, "LISTEN_PIDFDID="+pidfdID, "UPSTART_FDS="+upstart), open: 5}
		passed, err := fake.process().passed()
		if err != nil {
			return
		}
		seen := make(map[int]bool)
		for _, fd := range passed {
			if seen[fd.FD] || fd.FD != 0 && !slices.Contains(fake.closedExec, fd.FD) {
				t.Errorf("descriptor %d of %v is passed twice or not close-on-exec", fd.FD, passed)
			}
			seen[fd.FD] = true
		}
	})
}
