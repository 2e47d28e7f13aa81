package listener

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

func TestDiagAnswersErrors(t *testing.T) {
	noLeak(t)
	d := &diag{minFD: 300}
	err := d.one(unixRequest(0xfffffff0, showLength), func([]byte) { t.Error("there is a message") })
	if !errors.Is(err, unix.ENOENT) {
		t.Errorf("a socket that is not there: %v", err)
	}
	if d.fd < 300 {
		t.Errorf("descriptor %d, want at least 300", d.fd)
	}
	if err := d.one([]byte{unix.AF_UNIX}, func([]byte) {}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("a request that is cut short: %v", err)
	}
	mustSucceed(t, d.close())
	mustSucceed(t, d.close())
}

func TestDumpsAreWholeAndInOrder(t *testing.T) {
	s := newSet(t, Options{})
	dir := t.TempDir()
	all := manyUnits(600, func(i int) units.Address {
		return pathOf(units.UnixStream, fmt.Sprintf("%s/%d", dir, i))
	})
	commit(t, s, all...)
	for range 3 {
		sockets, err := s.diag.unixSockets()
		mustSucceed(t, err)
		found := 0
		for _, sock := range sockets {
			if strings.HasPrefix(sock.name, dir) {
				found++
			}
		}
		if found != 600 {
			t.Errorf("found %d sockets of 600", found)
		}
	}
}

func TestProcUnix(t *testing.T) {
	path := t.TempDir() + "/a name with spaces"
	s, l := one(t, pathOf(units.UnixStream, path))
	sockets, err := procUnix()
	mustSucceed(t, err)
	for _, sock := range sockets {
		if sock.name == path {
			if uint64(sock.inode) != inode(t, l) || !sock.serves() || !sock.at(node{}, path) || sock.at(node{}, path+"x") {
				t.Errorf("read as %+v", sock)
			}
			broken := census{diag: &diag{fd: 1 << 20}}
			if in, err := broken.servesNode(l.node, path); in == 0 || err != nil {
				t.Errorf("without sock_diag, the node is served by %d, %v", in, err)
			}
			if n := broken.nodeOf(l.FD, path); n != l.node {
				t.Errorf("without sock_diag, the node is %v, want %v", n, l.node)
			}
			return
		}
	}
	t.Errorf("%s is not among %d sockets of %v", path, len(sockets), s.All())
}

func TestSessionInProcUnixServesNobody(t *testing.T) {
	for line, want := range map[string]bool{
		"0000000000000000: 00000002 00000000 00010000 0001 01 20475 /run/x\n": true,
		"0000000000000000: 00000003 00000000 00000000 0001 03 20475 /run/x\n": false,
		"0000000000000000: 00000002 00000000 00000000 0002 01 20475 /run/x\n": true,
	} {
		s, ok := parseProcUnix(line)
		if !ok || s.name != "/run/x" || s.serves() != want {
			t.Errorf("%q is %+v, %v", line, s, ok)
		}
	}
	for _, line := range []string{"", "Num       RefCount Protocol Flags    Type St Inode Path\n", "0: 1 0 0 0001 03    79\n"} {
		if s, ok := parseProcUnix(line); ok {
			t.Errorf("%q is %+v", line, s)
		}
	}
}

func FuzzDiagParse(f *testing.F) {
	f.Add([]byte{})
	message := make([]byte, 40)
	binary.NativeEndian.PutUint32(message, 40)
	f.Add(message)
	f.Add(append(message, message[:20]...))
	f.Fuzz(func(_ *testing.T, b []byte) {
		d := &diag{}
		_, _ = d.parse(b, func(m []byte) { parseUnix(m) })
		parseUnix(b)
	})
}

func FuzzProcLines(f *testing.F) {
	for _, file := range []string{"/proc/net/unix", "/proc/net/tcp"} {
		text, err := os.ReadFile(file)
		if err == nil {
			f.Add(string(text[:min(len(text), 500)]))
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		if s, ok := parseProcUnix(line); ok && s.name == "" {
			t.Errorf("%q has no name", line)
		}
		internetLine(line, 80, "0A")
		socketInode(line)
	})
}
