package listener

import (
	"bytes"
	"encoding/binary"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A unixSocket is what sock_diag(7) tells about a Unix socket.
type unixSocket struct {
	inode    uint32
	kind     uint8 // SOCK_STREAM and its kin
	state    uint8
	name     string // with a leading "@" for an abstract one
	file     vfs    // of a name in the file system
	queued   uint32 // of a listening one: connections that wait
	capacity uint32 // of a listening one: how many may
	peers    []uint32
}

// A vfs is an inode as sock_diag has it: 32 bits of each number, and the device of the superblock, which on overlayfs
// and btrfs differs from the one that stat(2) tells.
type vfs struct{ inode, device uint32 }

// What to tell and what is told, linux/unix_diag.h.
const (
	showName, showVFS, showPeer, showQueued, showLength  = 1, 2, 4, 8, 16
	attrName, attrVFS, attrPeer, attrQueued, attrLengths = 0, 1, 2, 3, 4
	unixRequestLen, unixMessageLen                       = 24, 16
)

func unixRequest(inode, show uint32) []byte {
	r := make([]byte, unixRequestLen)
	r[0] = unix.AF_UNIX
	binary.NativeEndian.PutUint32(r[4:], ^uint32(0)) // all states
	binary.NativeEndian.PutUint32(r[8:], inode)
	binary.NativeEndian.PutUint32(r[12:], show)
	binary.NativeEndian.PutUint64(r[16:], ^uint64(0)) // no cookie
	return r
}

// unixSocket looks up the socket of fd. One of another network namespace is unix.ENOENT.
func (d *diag) unixSocket(fd int, show uint32) (unixSocket, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return unixSocket{}, err
	}
	var s unixSocket
	err := d.one(unixRequest(uint32(st.Ino), show), func(m []byte) { s = parseUnix(m) })
	return s, err
}

// unixSockets lists the Unix sockets of the network namespace.
func (d *diag) unixSockets() ([]unixSocket, error) {
	var all []unixSocket
	err := d.dump(unixRequest(0, showName|showVFS), func(m []byte) { all = append(all, parseUnix(m)) })
	return all, err
}

func parseUnix(m []byte) unixSocket {
	if len(m) < unixMessageLen {
		return unixSocket{}
	}
	s := unixSocket{kind: m[1], state: m[2], inode: binary.NativeEndian.Uint32(m[4:])}
	attributes(m[unixMessageLen:], func(kind uint16, v []byte) {
		switch {
		case kind == attrName:
			s.name = unixName(v)
		case kind == attrVFS && len(v) >= 8:
			s.file = vfs{binary.NativeEndian.Uint32(v), binary.NativeEndian.Uint32(v[4:])}
		case kind == attrLengths && len(v) >= 8:
			s.queued, s.capacity = binary.NativeEndian.Uint32(v), binary.NativeEndian.Uint32(v[4:])
		case kind == attrQueued:
			for ; len(v) >= 4; v = v[4:] {
				s.peers = append(s.peers, binary.NativeEndian.Uint32(v))
			}
		}
	})
	return s
}

func unixName(b []byte) string {
	if len(b) > 0 && b[0] == 0 {
		return "@" + string(b[1:])
	}
	return string(bytes.TrimRight(b, "\x00"))
}

// serves reports whether the socket is one that a client of its name would reach. Connections that outlive their
// listener keep its name, yet serve nobody new.
func (s unixSocket) serves() bool {
	return s.kind == unix.SOCK_DGRAM || s.state == unix.BPF_TCP_LISTEN || s.state == unix.BPF_TCP_CLOSE
}

// at reports whether the socket is bound to the node n at path. Without sock_diag only the name can tell.
func (s unixSocket) at(n node, path string) bool {
	if s.file == (vfs{}) {
		return s.name == path
	}
	return s.file.inode == uint32(n.inode) && (s.file.device == n.kernelDevice() || s.name == path)
}

// procNet holds the tables of the network namespace that the calling thread is in; /proc/net would be the first thread's.
const procNet = "/proc/thread-self/net/"

// procUnix is unixSockets for kernels without unix_diag, from /proc: names, but no nodes.
func procUnix() ([]unixSocket, error) {
	text, err := os.ReadFile(procNet + "unix")
	if err != nil {
		return nil, err
	}
	var all []unixSocket
	for line := range strings.Lines(string(text)) {
		if s, ok := parseProcUnix(line); ok {
			all = append(all, s)
		}
	}
	return all, nil
}

// parseProcUnix reads a line: Num RefCount Protocol Flags Type St Inode Path, proc_net(5). The state is that of the
// struct socket: 1 is not connected, 3 is connected.
func parseProcUnix(line string) (unixSocket, bool) {
	var fields [7]string
	rest := strings.TrimSuffix(line, "\n")
	for i := range fields {
		fields[i], rest, _ = strings.Cut(strings.TrimLeft(rest, " "), " ")
	}
	kind, err1 := strconv.ParseUint(fields[4], 16, 8)
	state, err2 := strconv.ParseUint(fields[5], 16, 8)
	inode, err3 := strconv.ParseUint(fields[6], 10, 32)
	if err1 != nil || err2 != nil || err3 != nil || rest == "" {
		return unixSocket{}, false
	}
	s := unixSocket{inode: uint32(inode), kind: uint8(kind), state: unix.BPF_TCP_ESTABLISHED, name: rest}
	if state == 1 {
		s.state = unix.BPF_TCP_LISTEN
	}
	return s, true
}
