package launch

import (
	"fmt"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A setup writes the table of one start into a block.
type setup struct {
	*block
	host    *host
	program *Spec
	start   *Start
	sources []int // descriptors that become 0, 1, 2, 3, …, or ownFile or Closed
	shared  bool  // the child begins with our descriptor table itself
	extra   func(*setup)

	announced [2]uintptr // addresses of LISTEN_PID and LISTEN_PIDFDID, or 0
}

// write is the whole of a start, in order. Files are opened with our privileges and before the root directory changes;
// limits come after descriptors, since RLIMIT_NOFILE bounds the numbers that duplicates can get; the working directory
// is entered with the service's ids; the proof comes after the last privilege is dropped, and signals after that, so
// that nothing can end the child unseen while it is half done.
func (s *setup) write() {
	s.share()
	s.session()
	s.descriptors()
	s.sweep()
	s.files()
	s.announce()
	s.limits()
	s.scheduling()
	s.call(StageUmask, unix.SYS_UMASK, uintptr(s.program.Umask))
	s.root()
	s.identity()
	s.directory()
	s.capabilities()
	s.verify()
	if s.extra != nil {
		s.extra(s)
	}
	s.resetSignals()
	s.exec()
}

const (
	allDescriptors = 1<<32 - 1
	// cwd is AT_FDCWD, as a register holds it.
	cwd = ^uintptr(99)
	// unchanged is the id -1 of setresuid(2).
	unchanged = 1<<32 - 1
)

func (s *setup) share() {
	if s.shared {
		s.call(StageShare, unix.SYS_CLOSE_RANGE, LongLived, allDescriptors, unix.CLOSE_RANGE_UNSHARE)
	}
}

// session gives the child a session of its own, and a session keyring, since ours can hold keys of whoever started us. A
// kernel or a container without keyrings refuses that, and so does the quota of another user than root, who could read
// our keyring in any case.
// Who keeps our session keeps its keyring: it is one of ours in all else too.
func (s *setup) session() {
	switch {
	case s.program.Leader:
		s.detail(s.call(StageSession, unix.SYS_SETPGID, 0, 0), "process group")
		return
	case s.program.KeepSession:
		return
	}
	s.call(StageSession, unix.SYS_SETSID)
	join := s.call(StageSession, unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0)
	s.table[join].want = anyResult
}

func (s *setup) limits() {
	limits := s.program.Limits
	if !hasLimit(limits, unix.RLIMIT_NOFILE) {
		s.limit(s.host.noFileLimit())
	}
	for _, limit := range limits {
		s.limit(limit)
	}
}

func hasLimit(limits []Limit, resource int) bool {
	for _, limit := range limits {
		if limit.Resource == resource {
			return true
		}
	}
	return false
}

func (s *setup) limit(limit Limit) {
	at := s.call(StageLimits, unix.SYS_PRLIMIT64, 0, uintptr(limit.Resource), s.quads(limit.Soft, limit.Hard))
	s.detail(at, limit.Name)
}

func (s *setup) scheduling() {
	if nice := s.program.Nice; nice != nil {
		s.call(StageNice, unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, uintptr(*nice))
	}
}

func (s *setup) root() {
	if s.program.Root == "" {
		return
	}
	s.detail(s.call(StageRoot, unix.SYS_CHROOT, s.text(s.program.Root)), s.program.Root)
	// Whatever stays outside the new root would be a way out of it.
	s.call(StageRoot, unix.SYS_CHDIR, s.text("/"))
}

func (s *setup) directory() {
	s.detail(s.call(StageDirectory, unix.SYS_CHDIR, s.text(s.program.Dir)), s.program.Dir)
}

// identity keeps the memory closed to other processes of the new user, who could otherwise read and change ours through
// the child. A change of ids makes the memory as dumpable as the sysctl fs.suid_dumpable says, and 1 makes it so for all;
// but ptrace(2) wants all permitted capabilities of a process, so the child keeps them until the memory is undumpable
// again. The effective ones go with the user in any case.
func (s *setup) identity() {
	id := s.program.Identity
	if id == nil {
		return
	}
	s.groups(id.Groups)
	gid, uid := uintptr(id.GID), uintptr(id.UID)
	s.detail(s.call(StageGID, sysSetresgid, gid, gid, gid), strconv.Itoa(id.GID))
	s.detail(s.call(StageUID, unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1), "keeping capabilities")
	s.detail(s.call(StageUID, sysSetresuid, uid, uid, uid), strconv.Itoa(id.UID))
	s.detail(s.call(StageUID, unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 0), "becoming undumpable")
}

// groups leaves out a change that changes nothing: a user namespace can forbid the call, see user_namespaces(7).
func (s *setup) groups(groups []int) {
	if s.host.hasGroups(groups) {
		return
	}
	list := make([]uint32, len(groups))
	for i, group := range groups {
		list[i] = uint32(group)
	}
	s.call(StageGroups, sysSetgroups, uintptr(len(list)), s.longs(list...))
}

// capabilities leaves root and our own ids what they have, but nothing that a program would inherit past its own
// rights; all others get none at all, whatever securebits said about the change of ids.
func (s *setup) capabilities() {
	s.call(StageCapabilities, unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL)
	sets := [2]unix.CapUserData{}
	if id := s.program.Identity; id == nil || id.UID == 0 {
		sets = s.host.caps
	}
	header := s.longs(unix.LINUX_CAPABILITY_VERSION_3, 0)
	low, high := sets[0], sets[1]
	s.call(StageCapabilities, unix.SYS_CAPSET, header, s.longs(low.Effective, low.Permitted, 0, high.Effective, high.Permitted, 0))
}

// verify proves that user and group 0 are gone for good: setresuid(2) may set the effective id to any of the three, so
// asking for it tries them all. Who keeps our ids, or is to be root, has nothing to prove.
func (s *setup) verify() {
	id := s.program.Identity
	if id == nil || id.UID == 0 {
		return
	}
	s.mustFail(s.call(StageVerify, sysSetresuid, unchanged, 0, unchanged), "user 0")
	if id.GID != 0 {
		s.mustFail(s.call(StageVerify, sysSetresgid, unchanged, 0, unchanged), "group 0")
	}
}

func (s *setup) mustFail(at int, detail string) {
	s.table[at].want = -int32(unix.EPERM)
	s.detail(at, detail)
}

// resetSignals gives every signal its default action, but for those that are to stay ignored, and then lets them in: one
// that came during the set-up ends the child here, as it would end a service without a handler.
func (s *setup) resetSignals() {
	zeros := s.address(s.offset(unsafe.Pointer(&s.head.zeros)))
	var kept []uint8
	if s.program.KeepIgnored {
		kept = s.host.ignored
		s.ignore(kept)
	}
	for _, signal := range s.host.signals {
		if !slices.Contains(kept, signal) {
			s.action(signal, zeros)
		}
	}
	s.call(StageSignals, unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, zeros, 0, sigsetSize)
}

// ignore sets what may be ignored already: in a stage, Go's runtime has taken it over.
func (s *setup) ignore(signals []uint8) {
	if len(signals) == 0 {
		return
	}
	words, address := s.words(int(unsafe.Sizeof(sigaction{}) / unsafe.Sizeof(uintptr(0))))
	if s.full {
		return
	}
	clear(words)
	words[handlerWord] = sigIgnore
	for _, signal := range signals {
		s.action(signal, address)
	}
}

func (s *setup) action(signal uint8, address uintptr) {
	at := s.call(StageSignals, unix.SYS_RT_SIGACTION, uintptr(signal), address, 0, sigsetSize)
	s.detail(at, signalName(signal))
}

func signalName(signal uint8) string {
	if name := unix.SignalName(unix.Signal(signal)); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", signal)
}

func (s *setup) exec() {
	path := s.program.Path
	argv, environ := s.arguments(), s.environment()
	s.detail(s.call(StageExec, unix.SYS_EXECVE, s.text(path), argv, environ), path)
}
