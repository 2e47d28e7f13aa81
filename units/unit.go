package units

import (
	"crypto/sha256"
	"io/fs"
	"math"
	"net/netip"
	"time"
)

// A Unit is one unit file with its drop-ins and defaults: sockets, and the service behind them.
// It is plain data: nothing in it is bound, started or looked at again once it is loaded.
// Units of one Set are shared and must not be changed.
type Unit struct {
	Name          string
	Description   string
	Documentation []string

	Sockets []Socket
	Service Service
	Access  Access

	origins  []keyOrigin
	hash     [sha256.Size]byte // of all that the unit was made from, but for the host's answers
	asked    []question        // of the host
	answers  [sha256.Size]byte // fingerprint of what it answered
	warnings Problems          // what was told about the unit, to be told again when it is used again
}

// A Socket is one [socket] table: addresses that share their options.
type Socket struct {
	// Listen holds the addresses of all listen_ keys in the order of the file.
	Listen []Address

	Accept       bool
	Backlog      int
	BindIPv6Only BindIPv6Only
	BindToDevice string

	// SocketUID and SocketGID own the nodes of Unix sockets and FIFOs; -1 leaves the manager's own.
	SocketUID, SocketGID int
	SocketMode           fs.FileMode
	DirectoryMode        fs.FileMode

	MaxConnections          Limit
	MaxConnectionsPerSource Limit

	KeepAlive            bool
	KeepAliveTimeSec     time.Duration // 0 leaves the kernel's
	KeepAliveIntervalSec time.Duration // 0 leaves the kernel's
	KeepAliveProbes      int           // 0 leaves the kernel's
	NoDelay              bool
	Priority             *int
	DeferAcceptSec       time.Duration // 0 is off
	ReceiveBuffer        int64         // bytes; 0 leaves the kernel's
	SendBuffer           int64         // bytes; 0 leaves the kernel's
	IPTOS                *int
	IPTTL                *int
	Mark                 *int
	ReusePort            bool
	FreeBind             bool
	Transparent          bool
	Broadcast            bool
	PassCredentials      bool
	PassPacketInfo       bool
	TCPCongestion        string
	SocketProtocol       string // "" or "mptcp"
	RemoveOnStop         bool
	Symlinks             []string
	FileDescriptorName   string // never empty: defaults to the unit's name, with accept = true to "connection"
}

// BindIPv6Only says whether an IPv6 socket takes IPv4 clients too, as BindIPv6Only= of systemd.socket(5).
type BindIPv6Only int

// The values of bind_ipv6_only.
const (
	BindIPv6OnlyDefault BindIPv6Only = iota // as /proc/sys/net/ipv6/bindv6only says
	BindIPv6OnlyBoth
	BindIPv6OnlyIPv6
)

// A Limit is a number of things allowed at once.
type Limit int

// Infinity is no limit.
const Infinity Limit = math.MaxInt

// A Service is the [service] table: the process behind the sockets.
type Service struct {
	// ExecStart is the program and its arguments; with Script it is /bin/sh -e -c SCRIPT.
	ExecStart []string
	Script    string

	// Account is whom the service runs as: the account of user and group, or the manager's own.
	Account Account

	WorkingDirectory string // absolute; "/" unless set, "~" is resolved
	RootDirectory    string // "" keeps the manager's
	Umask            fs.FileMode

	// Environment is complete but for what activation adds: PATH, the account's variables, environment_file,
	// environment, pass_environment, less unset_environment. Sorted by name, each "NAME=value".
	Environment []string

	StandardInput  Stream
	StandardOutput Stream
	StandardError  Stream

	Limits []ResourceLimit // those that are written
	Nice   *int

	FDProtocol  []string // of "systemd", "upstart", "ucspi"
	Instances   int      // of accept = false
	NonBlocking bool

	TimeoutStopSec time.Duration // from TERM to KILL; math.MaxInt64 is infinity
}

// An Account is a user with everything a process needs to become it.
type Account struct {
	// Named means that a process must be made to have the account: a user or a group is named, or the manager is root,
	// whose own supplementary groups are nobody else's business. False is the manager's own account, as it is.
	Named  bool
	User   string
	Group  string
	UID    int
	GID    int
	Groups []int // supplementary, sorted, as initgroups(3) sets them, with supplementary_groups
	Home   string
	Shell  string
}

// A Stream says where one of the descriptors 0, 1 and 2 of a service goes.
type Stream struct {
	Kind StreamKind
	Path string // of StreamFile, StreamAppend and StreamTruncate: absolute
}

// StreamKind is the first word of standard_input and its kin.
type StreamKind int

// The kinds of streams.
const (
	StreamNull     StreamKind = iota
	StreamSocket              // the connection, or the one listening socket
	StreamLog                 // the manager's log, a line each
	StreamInherit             // output: what standard_input is; error: what standard_output is
	StreamFile                // file:PATH, opened from its start, made where it is missing (output)
	StreamAppend              // append:PATH
	StreamTruncate            // truncate:PATH
)

// A ResourceLimit is one limit_ key, as setrlimit(2) takes it.
type ResourceLimit struct {
	Name       string // "nofile"
	Resource   int    // RLIMIT_NOFILE
	Soft, Hard uint64 // math.MaxUint64 is infinity
}

// Access is the [access] table: who may connect.
type Access struct {
	// OnlyFrom, where OnlyFromSet, are the only peers allowed (none of them: nobody). A peer of NoAccess is always denied.
	OnlyFrom    []netip.Prefix
	OnlyFromSet bool
	NoAccess    []netip.Prefix
	OnLimit     OnLimit
}

// OnLimit is what happens to a client that comes while the unit has max_connections.
type OnLimit int

// The values of on_limit.
const (
	OnLimitWait   OnLimit = iota // leave it in the kernel's queue
	OnLimitRefuse                // answer and close
)

// An Origin is where a value was written. Lines and columns count from 1, columns in bytes; File is "" for a default.
type Origin struct {
	File         string
	Line, Column int
}
