package controllers

import (
	"io/fs"
	"os/user"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// defaultBacklog is that of listen without a number.
const defaultBacklog = 32

// A socketRequest is what fd.socket asks for.
type socketRequest struct {
	unix, inet, inet6, vsock   bool
	dual                       bool // the family was not said, only tcp or udp: the address may be IPv6
	kind                       int
	bind, listen, nonblock     bool
	mkdir                      bool
	backlog                    int
	uid, gid                   int // owner of a path; -1 leaves ours
	mode                       fs.FileMode
	reuseport, v6only, nodelay bool
	keepalive                  bool
	extra                      []string // words of ours, as they were written
	address                    string
}

var kinds = map[string]int{"stream": unix.SOCK_STREAM, "dgram": unix.SOCK_DGRAM, "seqpacket": unix.SOCK_SEQPACKET}

var kindNames = map[int]string{unix.SOCK_STREAM: "stream", unix.SOCK_DGRAM: "dgram", unix.SOCK_SEQPACKET: "seqpacket"}

func newSocketRequest() socketRequest {
	return socketRequest{kind: unix.SOCK_STREAM, backlog: defaultBacklog, uid: -1, gid: -1, mode: 0o700}
}

func parseSocket(flags string) (socketRequest, error) {
	r := newSocketRequest()
	err := words(flags, func(word, value string, valued bool) error {
		switch {
		case !valued && r.shape(word), !valued && r.plain(word):
			return nil
		case word == "listen":
			return r.setBacklog(value)
		case valued:
			return r.valued(word, value)
		}
		return flagNameError(word)
	})
	return r, err
}

// shape takes the words for the family and the kind; later ones win.
func (r *socketRequest) shape(word string) bool {
	switch word {
	case "unix", "vsock":
		r.unix, r.vsock, r.inet, r.inet6, r.dual = word == "unix", word == "vsock", false, false, false
	case "inet":
		r.unix, r.vsock, r.inet, r.dual = false, false, true, false
	case "inet6":
		r.unix, r.vsock, r.inet6 = false, false, true
	case "tcp", "udp":
		if !r.inet {
			r.dual = true
		}
		r.unix, r.vsock, r.inet = false, false, true
		r.kind = map[string]int{"tcp": unix.SOCK_STREAM, "udp": unix.SOCK_DGRAM}[word]
	default:
		kind, ok := kinds[word]
		if ok {
			r.kind = kind
		}
		return ok
	}
	return true
}

// plain takes the other words without a value.
func (r *socketRequest) plain(word string) bool {
	switch word {
	case "bind":
		r.bind = true
	case "listen":
		r.bind, r.listen = true, true
	case "nonblock":
		r.nonblock = true
	case "mkdir":
		r.mkdir = true
	default:
		return r.option(word)
	}
	return true
}

// option takes the words that are ours.
func (r *socketRequest) option(word string) bool {
	p := map[string]*bool{
		"reuseport": &r.reuseport, "v6only": &r.v6only, "nodelay": &r.nodelay, "keepalive": &r.keepalive,
	}[word]
	if p == nil {
		return false
	}
	*p = true
	r.extra = append(r.extra, word)
	return true
}

// setBacklog reads the number behind listen=, as far as there are digits.
func (r *socketRequest) setBacklog(value string) error {
	r.bind, r.listen = true, true
	digits := value[:len(value)-len(strings.TrimLeft(value, "0123456789"))]
	if value == "" {
		return nil
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n == 0 {
		return usage("invalid listen queue length")
	}
	r.backlog = int(n)
	return nil
}

// valued takes the words of ours with a value.
func (r *socketRequest) valued(word, value string) error {
	bad := usage("invalid " + word)
	switch word {
	case "backlog":
		if err := r.setBacklog(value); err != nil || value == "" {
			return bad
		}
		return nil
	case "mode":
		n, err := strconv.ParseUint(value, 8, 12)
		if err != nil || n > 0o777 {
			return bad
		}
		r.mode = fs.FileMode(n)
	case "owner":
		u, err := findUser(value)
		if err != nil {
			return bad
		}
		r.uid = u.uid
	case "group":
		gid, err := findGroup(value)
		if err != nil {
			return bad
		}
		r.gid = gid
	default:
		return flagNameError(word + "=" + value)
	}
	r.extra = append(r.extra, word+"="+value)
	return nil
}

// settle decides what the words leave open, once the address is known.
func (r *socketRequest) settle() {
	if r.dual && strings.HasPrefix(r.address, "[") {
		r.inet, r.inet6 = false, true
	}
	if r.inet {
		r.inet6 = false
	}
	r.unix = !r.inet && !r.inet6 && !r.vsock
	r.bind = r.bind || r.address != ""
}

func (r *socketRequest) domain() int {
	switch {
	case r.inet:
		return unix.AF_INET
	case r.inet6:
		return unix.AF_INET6
	case r.vsock:
		return unix.AF_VSOCK
	}
	return unix.AF_UNIX
}

var domainNames = map[int]string{unix.AF_INET: "inet", unix.AF_INET6: "inet6", unix.AF_VSOCK: "vsock", unix.AF_UNIX: "unix"}

// text is how fd.state prints the flags.
func (r *socketRequest) text() string {
	text := domainNames[r.domain()] + "," + kindNames[r.kind]
	text += chosen(r.bind, "bind", r.listen, "listen="+strconv.Itoa(r.backlog), r.mkdir, "mkdir", r.nonblock, "nonblock")
	return strings.Join(append([]string{text}, r.extra...), ",")
}

// An account is a user with what a process needs to become it.
type account struct {
	uid, gid int
	groups   []int
}

// findUser finds a user by name, and only then by number: a name may look like somebody else's number. A number that is no
// user's has no groups, and a gid of -1.
func findUser(name string) (account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		u, err = user.LookupId(name)
	}
	if err != nil {
		uid, perr := id(name)
		if perr != nil {
			return account{}, err
		}
		return account{uid: uid, gid: -1}, nil
	}
	a := account{}
	if a.uid, err = id(u.Uid); err != nil {
		return account{}, err
	}
	if a.gid, err = id(u.Gid); err != nil {
		return account{}, err
	}
	ids, err := u.GroupIds()
	for _, s := range ids {
		if gid, err := id(s); err == nil {
			a.groups = append(a.groups, gid)
		}
	}
	return a, err
}

func findGroup(name string) (int, error) {
	if g, err := user.LookupGroup(name); err == nil {
		return id(g.Gid)
	}
	return id(name)
}

// id reads a uid or gid. The highest number means "no change" to chown(2) and is nobody's.
func id(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err == nil && n == 1<<32-1 {
		err = strconv.ErrRange
	}
	return int(n), err
}
