package listener

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sockbridge/units"
)

// A process is somebody who holds a socket.
type process struct {
	pid  int
	name string
}

func (p process) String() string { return fmt.Sprintf("%q (pid %d)", p.name, p.pid) }

// holder returns who listens on an address that is taken; false if that cannot be known.
func (c *census) holder(a units.Address) (process, bool) {
	inode := uint32(0)
	switch {
	case a.Network == units.TCP || a.Network == units.UDP:
		inode = internetHolder(a)
	case hasNode(a):
		if n, _, err := lstat(a.Path); err == nil {
			inode, _ = c.servesNode(n, a.Path) // no answer: not known
		}
	default:
		inode = c.abstractHolder(a.Path)
	}
	return c.owner(inode)
}

func (c *census) abstractHolder(name string) uint32 {
	if c.count() != nil {
		return 0
	}
	for _, s := range c.sockets {
		if name != "" && s.name == name && s.serves() {
			return s.inode
		}
	}
	return 0
}

func (c *census) owner(inode uint32) (process, bool) {
	if inode == 0 {
		return process{}, false
	}
	if c.owners == nil {
		c.owners = socketOwners()
	}
	p, ok := c.owners[inode]
	return p, ok
}

// socketOwners maps the sockets of all processes that we may look at to the first of their holders.
func socketOwners() map[uint32]process {
	owners := make(map[uint32]process)
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*") // its only error is a bad pattern
	for _, link := range links {
		target, err := os.Readlink(link)
		inode, ok := socketInode(target)
		if err != nil || !ok {
			continue // closed meanwhile, or something else
		}
		if _, known := owners[inode]; !known {
			owners[inode] = processAt(filepath.Dir(filepath.Dir(link)))
		}
	}
	return owners
}

// socketInode reads "socket:[INODE]", proc_pid_fd(5).
func socketInode(target string) (uint32, bool) {
	digits, ok := strings.CutPrefix(target, "socket:[")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(digits, "]"), 10, 32)
	return uint32(n), err == nil
}

func processAt(dir string) process {
	pid, _ := strconv.Atoi(filepath.Base(dir)) // the pattern has digits only
	name, err := os.ReadFile(filepath.Join(dir, "comm"))
	if err != nil {
		name = []byte("?") // it ended meanwhile
	}
	return process{pid, string(bytes.TrimSpace(name))}
}

// internetHolder returns the inode of a socket that is in the way of a, from /proc, and 0 if it finds none.
func internetHolder(a units.Address) uint32 {
	files, listening := [...]string{"tcp", "tcp6"}, "0A"
	if a.Network == units.UDP {
		files, listening = [...]string{"udp", "udp6"}, "07"
	}
	for _, file := range files {
		text, err := os.ReadFile(procNet + file)
		if err != nil {
			continue // no such family
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		for lines.Scan() {
			if inode, ok := internetLine(lines.Text(), a.Port, listening); ok {
				return inode
			}
		}
	}
	return 0
}

// internetLine reads a line of tcp and its kin: sl, local address:port, remote, state, five more, inode, as
// proc_net(5) says.
func internetLine(line string, port uint32, state string) (uint32, bool) {
	f := strings.Fields(line)
	if len(f) < 10 || f[3] != state {
		return 0, false
	}
	_, p, _ := strings.Cut(f[1], ":")
	n, err := strconv.ParseUint(p, 16, 16)
	if err != nil || uint32(n) != port {
		return 0, false
	}
	inode, err := strconv.ParseUint(f[9], 10, 32)
	return uint32(inode), err == nil
}
