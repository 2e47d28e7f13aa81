package launch

import "sync/atomic"

// A Spec is what a unit says of its process. It is plain data.
type Spec struct {
	Unit string   // for errors
	Path string   // of the executable: absolute, as seen after Root
	Argv []string // with the name of the program first
	Env  []string // "NAME=value", each name once
	Dir  string   // working directory, absolute, as seen after Root and with the new ids; "" is "/"
	Root string   // root directory, absolute; "" keeps ours

	Umask uint32
	Nice  *int // -20 to 19; nil keeps ours

	// KeepSession leaves the child in our session, with its keyring, and in our process group: what a terminal sends to us
	// reaches it too. Otherwise it leads a session of its own.
	KeepSession bool
	// Leader gives the child a process group of its own within our session. It includes KeepSession, but for the group.
	Leader bool

	// Limits are set as they are; RLIMIT_NOFILE, where it is not among them, to 1024:524288 or our hard limit if that
	// is lower.
	Limits []Limit
	// KeepLimits sets RLIMIT_NOFILE, where it is not among Limits, to what our own program found at its start: Go raises
	// our soft limit. Where that is not known, on processors other than amd64 and arm64, the soft limit is 1024, or our
	// hard limit if that is lower.
	KeepLimits bool

	// KeepIgnored lets those signals stay ignored that we ignored when the Launcher was made; otherwise all signals have
	// their default action. Go's runtime takes over, while it starts, whatever it can be asked to handle but SIGHUP and
	// SIGINT: that our own parent ignored another of those is lost.
	KeepIgnored bool

	Identity *Identity // nil keeps our own ids, which is all that another user than root can do

	// Files are the streams 0, 1 and 2 that the child opens itself, with our ids and before it changes its root directory.
	// A stream whose File equals the one before it shares its description, as 2>&1 in a shell.
	Files [3]File
}

// A Limit is a resource limit as setrlimit(2) takes it; math.MaxUint64 is RLIM_INFINITY.
type Limit struct {
	Name       string // for errors, such as "nofile"
	Resource   int    // such as unix.RLIMIT_NOFILE
	Soft, Hard uint64
}

// An Identity is whom a process runs as. All three user and group ids are set, and the supplementary groups are exactly
// Groups.
type Identity struct {
	UID, GID int
	Groups   []int
}

// A File is opened for a stream. The zero File is none: the stream is given by [Start], or is /dev/null.
//
// For writing, no part of the path may be a symbolic link; before Linux 5.6, or where openat2(2) is forbidden, only the last
// part may not. A FIFO is not waited for: without a reader it cannot be opened for writing (ENXIO), and who reads one
// without a writer finds its end at once.
type File struct {
	Path  string // absolute
	Flags int    // of open(2); O_CLOEXEC and O_NOCTTY are added
	Mode  uint32 // of a new file; no umask is taken off
}

// A Program is a checked Spec, ready to be started any number of times. It is safe for concurrent use.
type Program struct {
	spec     Spec         // immutable
	inFlight atomic.Int32 // starts that are not settled
}

// maxInFlight bounds the starts of one Program in flight; more fail with EAGAIN.
const maxInFlight = maxBlocks / 4

// Closed in Start.Streams or Start.Files means that the child has no descriptor of that number.
const Closed = -2

// ownFile in Start.Streams means the Program's file.
const ownFile = -1

// Start is what is particular to one start of a Program. The zero value of Streams is not useful: it passes our own
// standard input.
type Start struct {
	// Streams are the descriptors that become 0, 1 and 2; -1 takes the Program's file, or /dev/null.
	Streams [3]int
	// Files become descriptors 3, 4, …. They and Streams are borrowed: they must stay open until the start is settled.
	// The same descriptor may be given several times.
	Files []int
	// Env is added to the Program's. A name that both have is taken from here.
	Env []string
	// Announce adds LISTEN_PID, and LISTEN_PIDFDID where the kernel gives pidfds an inode of their own (Linux 6.9), as
	// sd_listen_fds(3) reads them: both name exactly the process that is executed.
	Announce bool
}
