package activation

// A Protocol is a convention by which variables tell a service about its descriptors.
type Protocol string

// The protocols, as a unit's fd_protocol names them.
const (
	Systemd Protocol = "systemd" // LISTEN_FDS and its kin
	Upstart Protocol = "upstart" // UPSTART_FDS and the socket event's variables: listening sockets only
	UCSPI   Protocol = "ucspi"   // TCPREMOTEIP and its kin: connections only
)

// firstFD is where passed descriptors begin, SD_LISTEN_FDS_START of sd_listen_fds(3).
const firstFD = 3

// The variables of sd_listen_fds(3).
const (
	listenPID     = "LISTEN_PID"
	listenPIDFDID = "LISTEN_PIDFDID"
	listenFDs     = "LISTEN_FDS"
	listenFDNames = "LISTEN_FDNAMES"
)

const upstartFDs = "UPSTART_FDS"

// maxFDName is what sd_listen_fds_with_names(3) allows a name of a descriptor.
const maxFDName = 255

// appendFDName appends a name of a descriptor in LISTEN_FDNAMES. What its syntax does not allow becomes "_": a colon in
// a name would shift the names of all descriptors after it.
func appendFDName(b []byte, name string) []byte {
	if len(name) > maxFDName {
		name = name[:maxFDName]
	}
	for i := range len(name) {
		c := name[i]
		if c < ' ' || c > '~' || c == ':' {
			c = '_'
		}
		b = append(b, c)
	}
	return b
}
