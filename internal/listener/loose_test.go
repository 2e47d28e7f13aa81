package listener

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func looseSocket(t *testing.T) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	mustSucceed(t, err)
	return fd
}

func TestLooseNodes(t *testing.T) {
	noLeak(t)
	o := NewLoose(0)
	defer func() { mustSucceed(t, o.Close()) }()
	path := filepath.Join(t.TempDir(), "a", "s")
	n := Node{UID: -1, GID: -1, Mode: 0o640}
	first := looseSocket(t)
	if err := o.BindNode(first, path, n); !errors.Is(err, unix.ENOENT) {
		t.Errorf("without its folder: %v", err)
	}
	n.MakeDirs = true
	mustSucceed(t, o.BindNode(first, path, n))
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	second := looseSocket(t)
	if err := o.BindNode(second, path, n); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("a socket that is in use: %v", err)
	}
	mustSucceed(t, unix.Close(first))
	mustSucceed(t, o.BindNode(second, path, n))
	mustSucceed(t, o.RemoveNode(second, path))
	mustSucceed(t, os.WriteFile(path, nil, 0o600))
	mustSucceed(t, o.RemoveNode(second, path)) // is not its any more
	mustSucceed(t, unix.Close(second))
	third := looseSocket(t)
	if err := o.BindNode(third, path, n); !errors.Is(err, unix.EEXIST) {
		t.Errorf("a file that is no socket: %v", err)
	}
	mustSucceed(t, unix.Close(third))
}

func TestLooseQueue(t *testing.T) {
	noLeak(t)
	o := NewLoose(0)
	defer func() { mustSucceed(t, o.Close()) }()
	path := filepath.Join(t.TempDir(), "s")
	fd := looseSocket(t)
	defer closeQuietly(fd)
	if _, err := o.Queue(fd, 5); !errors.Is(err, unix.EOPNOTSUPP) {
		t.Errorf("a socket that does not listen: %v", err)
	}
	mustSucceed(t, o.BindNode(fd, path, Node{UID: -1, GID: -1, Mode: 0o600}))
	mustSucceed(t, unix.Listen(fd, 5))
	q, err := o.Queue(fd, 5)
	mustSucceed(t, err)
	for range 2 {
		c, err := net.Dial("unix", path)
		mustSucceed(t, err)
		defer func() { mustSucceed(t, c.Close()) }()
	}
	if n, err := q.Waiting(); n != 2 || err != nil || q.Capacity() != 5 || !q.Accepts() {
		t.Errorf("%d wait of %d, %v", n, q.Capacity(), err)
	}
	if _, err := o.Queue(-1, 5); err == nil {
		t.Error("no descriptor has a queue")
	}
}
