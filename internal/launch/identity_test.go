package launch

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// status returns fields of /proc/self/status of a process that has just been executed.
func status(t *testing.T, l *Launcher, spec Spec, fields ...string) map[string]string {
	t.Helper()
	spec.Unit, spec.Path, spec.Argv = "status", "/bin/cat", []string{"cat", "/proc/self/status"}
	text, _ := output(t, l, compile(t, l, spec), Start{Streams: toPipe})
	found := make(map[string]string)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		if slices.Contains(fields, name) {
			found[name] = strings.Join(strings.Fields(value), " ")
		}
	}
	return found
}

const noCaps = "0000000000000000"

func TestIdentity(t *testing.T) {
	needRoot(t)
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			for _, id := range []Identity{{UID: nobody, GID: nobody}, {UID: 1234, GID: 0}, {UID: 1, GID: 2, Groups: []int{3, 4, 5}}, {UID: maxID, GID: maxID}} {
				got := status(t, l, Spec{Identity: &id}, "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapAmb")
				want := map[string]string{
					"Uid": ids(id.UID, id.UID, id.UID, id.UID), "Gid": ids(id.GID, id.GID, id.GID, id.GID), "Groups": ids(id.Groups...),
					"CapInh": noCaps, "CapPrm": noCaps, "CapEff": noCaps, "CapAmb": noCaps,
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%+v: %s", id, diff)
				}
			}
		})
	}
}

func ids(ids ...int) string {
	return strings.Trim(fmt.Sprint(ids), "[]")
}

// Root stays root, with the groups that are asked for.
func TestIdentityRoot(t *testing.T) {
	needRoot(t)
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			own := status(t, l, Spec{}, "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapAmb")
			if own["CapInh"] != noCaps || own["CapAmb"] != noCaps || own["CapPrm"] == noCaps || own["Uid"] != "0 0 0 0" {
				t.Errorf("own ids: %v", own)
			}
			root := status(t, l, Spec{Identity: &Identity{Groups: []int{7}}}, "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapAmb")
			own["Groups"] = "7"
			if diff := cmp.Diff(own, root); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What a program run by root could inherit is taken from it too.
func TestInheritableCapabilities(t *testing.T) {
	needRoot(t)
	l := newLauncher(t, MethodStage) // made anew, it has what the thread's parent had
	for _, id := range []*Identity{nil, {UID: nobody, GID: nobody}} {
		b, err := newBlock(blockSize)
		if err != nil {
			t.Fatal(err)
		}
		s := setup{block: b, host: l.host, program: &Spec{Identity: id}, start: &Start{}}
		s.capabilities()
		set := *(*[6]uint32)(unsafe.Pointer(&b.memory[b.table[1].args[1]-b.address(0)]))
		if set[2] != 0 || set[5] != 0 {
			t.Errorf("inheritable capabilities %#x are set", set)
		}
		if all := (set[0] | set[1]) != 0; all != (id == nil) {
			t.Errorf("%+v: capabilities %#x", id, set)
		}
		if err := unix.Munmap(b.memory); err != nil {
			t.Error(err)
		}
	}
}

// Other processes of a service's user cannot open our memory through a child that is that user's already, even when the
// kernel has just made it dumpable. The table is cut off after the change, and followed by what fs.suid_dumpable = 1 does.
func TestMemoryStaysClosed(t *testing.T) {
	needRoot(t)
	if !canClone {
		t.Skip("nothing is cloned on this processor")
	}
	var out strings.Builder
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `read file; exec 3<"$file"`)
	cmd.Stderr = &out
	// Made first: it changes its ids while it shares our memory too.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	stdin, err := cmd.StdinPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	l, g, b := newLauncher(t, MethodAuto), newGate(t), testBlock(t)
	s := setup{block: b, host: l.host, program: &Spec{Identity: &Identity{UID: nobody, GID: nobody}}, start: &Start{}}
	s.identity()
	s.call(StageUID, unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1)
	_, to := s.words(1)
	s.detail(s.call(StageVerify, unix.SYS_READ, uintptr(g.inside), to, 1), pipeDetail)
	s.call(StageExec, unix.SYS_EXIT_GROUP, 0)
	pid, fd, err := b.clone(l.method, true)
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(deadline); b.mark().detail != pipeDetail && time.Now().Before(end); {
		pause(fd)
	}
	_, err = fmt.Fprintf(stdin, "/proc/%d/mem\n", pid)
	if err := errors.Join(err, cmd.Wait()); err == nil || !strings.Contains(out.String(), "ermission denied") {
		t.Errorf("opening the memory: %v, %s", err, out.String())
	}
	g.open(t)
	if _, err := finish(&Process{PID: pid, FD: fd}); err != nil {
		t.Error(err)
	}
}

// A user namespace may forbid setgroups(2). Who keeps the groups does not need it.
func TestGroupsForbidden(t *testing.T) {
	needRoot(t)
	cmd := exec.CommandContext(t.Context(), selfBinary(t), helperName, "own-groups")
	own := []syscall.SysProcIDMap{{Size: 1}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, UidMappings: own, GidMappings: own}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) {
		t.Skipf("there are no user namespaces here: %v", err)
	}
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// startOwnGroups runs in a helper, in such a namespace.
func startOwnGroups() error {
	if err := unix.Setgroups([]int{0}); !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("setgroups is allowed: %w", err)
	}
	groups, err := unix.Getgroups()
	if err != nil {
		return err
	}
	for _, method := range usable() {
		l, err := New(Options{Method: method})
		if err != nil {
			return err
		}
		p, err := l.Compile(Spec{Unit: "x", Path: "/bin/true", Argv: []string{"true"}, Identity: &Identity{Groups: groups}})
		if err != nil {
			return err
		}
		process, err := start(l, p, Start{Streams: noStreams})
		if err != nil {
			return fmt.Errorf("by %v, with groups %v: %w", method, groups, err)
		}
		_, err = finish(process)
		if err := errors.Join(err, l.Close()); err != nil {
			return err
		}
	}
	return nil
}

func TestHasGroups(t *testing.T) {
	for _, c := range []struct {
		own, groups []int
		want        bool
	}{
		{nil, nil, true},
		{[]int{0, 7}, []int{0, 7}, true},
		{[]int{0, 7}, []int{0}, false},
		{[]int{0}, []int{0, 7}, false},
		{[]int{overflowGroup}, []int{overflowGroup}, false}, // it may be any group
	} {
		if got := (&host{groups: c.own}).hasGroups(c.groups); got != c.want {
			t.Errorf("%v of %v: %v", c.groups, c.own, got)
		}
	}
}

// Each service has a session keyring of its own: ours may hold keys.
func TestKeyring(t *testing.T) {
	own, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, true)
	if err != nil {
		t.Skipf("there are no keyrings here: %v", err)
	}
	for _, method := range usable() {
		l := newLauncher(t, method)
		if got := see(t, l, looker(t), Start{Streams: toPipe}); got.Keyring == own || got.Keyring == 0 {
			t.Errorf("%v: the service has the keyring %d, we %d", method, got.Keyring, own)
		}
	}
}

// The proof fails the start when a privilege can be had again.
func TestVerifyFails(t *testing.T) {
	needRoot(t)
	if !canClone {
		t.Skip("nothing is cloned on this processor")
	}
	for _, method := range methods[:2] {
		l := newLauncher(t, method)
		l.extra = func(s *setup) { s.mustFail(s.call(StageVerify, sysSetresuid, unchanged, 0, unchanged), "user 0") }
		_, err := start(l, compile(t, l, Spec{Unit: "x", Path: "/bin/true", Argv: []string{"true"}}), Start{Streams: noStreams})
		if err == nil || err.Error() != `unit "x": verifying that privileges are gone (user 0): they can be regained` {
			t.Errorf("%v: %v", method, err)
		}
	}
	noChildren(t)
}

// The order in which privileges go, as the kernel sees it.
func TestOrder(t *testing.T) {
	needRoot(t)
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	for _, method := range usable() {
		trace := filepath.Join(t.TempDir(), "trace")
		cmd := exec.CommandContext(t.Context(), strace, "-ff", "-qq", "-e", "signal=none", "-o", trace, selfBinary(t), helperName, "order", fmt.Sprint(uint8(method)))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if diff := cmp.Diff(order, traced(t, trace)); diff != "" {
			t.Errorf("%v: %s", method, diff)
		}
	}
}

// startOrdered is the helper that strace watches.
func startOrdered(method string) error {
	l, err := New(Options{Method: Method(method[0] - '0')})
	if err != nil {
		return err
	}
	p, err := l.Compile(Spec{
		Unit: "order", Path: "/bin/true", Argv: []string{"true"}, Dir: "/tmp", Root: "/", Umask: 0o27, Nice: new(1),
		Limits: []Limit{{"core", unix.RLIMIT_CORE, 0, 0}}, Identity: &Identity{UID: 1, GID: 2, Groups: []int{3, 4}},
		Files: [3]File{{Path: "/dev/zero"}},
	})
	if err != nil {
		return err
	}
	process, err := start(l, p, Start{Streams: [3]int{-1, 1, 2}, Files: []int{1}})
	if err != nil {
		return err
	}
	_, err = finish(process)
	return errors.Join(err, l.Close())
}

var order = []string{
	`setsid`, `keyctl KEYCTL_JOIN_SESSION_KEYRING`,
	`dup3 1`, `dup3 2`, `dup3 3`,
	`close_range 4`,
	`openat "/dev/zero"`, `dup3 0`, `fcntl 0, F_SETFL`,
	`prlimit64 RLIMIT_NOFILE`, `prlimit64 RLIMIT_CORE`,
	`setpriority 1`,
	`umask 027`,
	`chroot "/"`, `chdir "/"`,
	`setgroups [3, 4]`, `setresgid 2, 2, 2`, `prctl keepcaps`, `setresuid 1, 1, 1`, `prctl SUID_DUMP_DISABLE`,
	`chdir "/tmp"`,
	`prctl PR_CAP_AMBIENT_CLEAR_ALL`, `capset effective=0, permitted=0, inheritable=0`,
	`setresuid -1, 0, -1 EPERM`, `setresgid -1, 0, -1 EPERM`,
	`rt_sigprocmask []`,
	`execve "/bin/true"`,
}

// steps are the calls of a trace that the order is about, and how each is written there.
var steps = []struct{ pattern, step string }{
	{`openat\(AT_FDCWD, ("/dev/zero").*`, `openat $1`},
	{`dup3\(\d+, (\d), 0\).*`, `dup3 $1`},
	{`close_range\((4), .*`, `close_range $1`},
	{`prlimit64\(0, (\w+), \{.*`, `prlimit64 $1`},
	{`setpriority\(PRIO_PROCESS, 0, (1)\).*`, `setpriority $1`},
	{`umask\((027)\).*`, `umask $1`},
	{`(chroot|chdir)\((".*?")\).*`, `$1 $2`},
	{`setgroups\(2, (.*?)\) .*`, `setgroups $1`},
	{`(setres[ug]id)\(-1, 0, -1\)\s+= -1 (EPERM).*`, `$1 -1, 0, -1 $2`},
	{`(setres[ug]id)\((.*?)\).*`, `$1 $2`},
	{`(keyctl)\((KEYCTL_JOIN_SESSION_KEYRING), NULL\).*`, `$1 $2`},
	{`fcntl\((0, F_SETFL), O_RDONLY(\|O_LARGEFILE)?\).*`, `fcntl $1`},
	{`prctl\(PR_SET_KEEPCAPS, 1\).*`, `prctl keepcaps`},
	{`prctl\(PR_SET_DUMPABLE, (\w+).*`, `prctl $1`},
	{`prctl\(PR_CAP_AMBIENT, (\w+).*`, `prctl $1`},
	{`capset\(.*?, \{(.*?)\}\).*`, `capset $1`},
	{`rt_sigprocmask\(SIG_SETMASK, (\[\]), NULL, 8\).*`, `rt_sigprocmask $1`},
	{`execve\(("/bin/true").*`, `execve $1`},
}

// traced are the steps of the process with a session of its own, from that on. Each thread has its own trace.
func traced(t *testing.T, prefix string) []string {
	t.Helper()
	paths, err := filepath.Glob(prefix + ".*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, after, ok := strings.Cut(string(data), "setsid()"); ok {
			return stepsOf(after)
		}
	}
	t.Fatalf("there is no setsid in %q", paths)
	return nil
}

// stepsOf lists the steps of a trace that begins within its first line, up to execve.
func stepsOf(trace string) []string {
	found := []string{"setsid"}
	for line := range strings.Lines(trace) {
		step := stepOf(strings.TrimSpace(line))
		if step != "" {
			found = append(found, step)
		}
		if strings.HasPrefix(step, "execve") {
			break
		}
	}
	return found
}

func stepOf(call string) string {
	for _, s := range steps {
		if pattern := regexp.MustCompile(`^` + s.pattern); pattern.MatchString(call) {
			return strings.TrimSpace(pattern.ReplaceAllString(call, s.step))
		}
	}
	return ""
}

// TestAsUser runs the tests that need no privilege, and those that need the lack of one, once more as another user.
func TestAsUser(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	binary := filepath.Join(dir, "test")
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), copyFile(binary, selfBinary(t))); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "-test.short", "-test.run=Fail|Defaults|Announce|Wait|Places|Files|FIFO|Keyring|Slow|Processes|State|Stress")
	cmd.Dir = "/"
	const uid = 54322 // nobody else uses it, so nobody else counts against its limits
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func copyFile(to, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}
