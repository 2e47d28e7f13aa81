package listener

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

func TestNodesGetOwnerAndMode(t *testing.T) {
	needRoot(t, "chown")
	for _, network := range []units.Network{units.UnixStream, units.UnixDatagram, units.UnixPacket, units.FIFO} {
		path := filepath.Join(t.TempDir(), "a", "b", "s")
		sock := socket(pathOf(network, path))
		sock.SocketUID, sock.SocketGID, sock.SocketMode, sock.DirectoryMode = 1234, 2345, 0o620, 0o711
		s := newSet(t, Options{})
		commit(t, s, unit("u", sock))
		wantNode(t, path, 1234, 2345, 0o620)
		for _, dir := range []string{filepath.Dir(path), filepath.Dir(filepath.Dir(path))} {
			if got := modeAt(t, dir); got != 0o711 {
				t.Errorf("mode of %s is %#o, want 0711", dir, got)
			}
		}
		changed := socket(pathOf(network, path))
		changed.SocketUID, changed.SocketGID, changed.SocketMode = 77, 88, 0o666
		commit(t, s, unit("u", changed))
		wantNode(t, path, 77, 88, 0o666)
	}
}

func wantNode(t *testing.T, path string, uid, gid, mode uint32) {
	t.Helper()
	_, st, err := lstat(path)
	mustSucceed(t, err)
	if st.Uid != uid || st.Gid != gid || st.Mode&0o7777 != mode {
		t.Errorf("%s is %d:%d %#o, want %d:%d %#o", path, st.Uid, st.Gid, st.Mode&0o7777, uid, gid, mode)
	}
}

// Nothing but bind can be looked at between bind and chmod, so the test stops there.
func TestNodeAppearsWithoutPermissions(t *testing.T) {
	path := t.TempDir() + "/s"
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	mustSucceed(t, err)
	defer closeQuietly(fd)
	mustSucceed(t, unix.Fchmod(fd, 0))
	mustSucceed(t, unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
	if got := modeAt(t, path); got != 0 {
		t.Errorf("mode right after bind is %#o, want 0", got)
	}
}

// A watcher that looks at the node all the time never sees it with more rights than wanted.
func TestNodeNeverHasTooManyRights(t *testing.T) {
	path := t.TempDir() + "/s"
	stop, seen := make(chan struct{}), make(chan uint32, 1)
	go func() { // ends when stop is closed; the test waits for what it has seen
		var all uint32
		for {
			select {
			case <-stop:
				seen <- all
				return
			default:
			}
			if _, st, err := lstat(path); err == nil {
				all |= st.Mode & 0o7777
			}
		}
	}()
	for range 200 {
		sock := socket(pathOf(units.UnixDatagram, path))
		sock.SocketMode, sock.RemoveOnStop = 0o600, true
		s := NewSet(Options{})
		commit(t, s, unit("u", sock))
		if errs := s.Close(); errs != nil {
			t.Fatal(errs)
		}
	}
	close(stop)
	if got := <-seen; got&^0o600 != 0 {
		t.Errorf("modes seen: %#o", got)
	}
}

func TestPathsThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	mustSucceed(t, os.WriteFile(dir+"/file", nil, 0o600))
	long := func(n int) string { return dir + "/" + strings.Repeat("x", n-len(dir)-1) }
	for _, c := range []struct {
		path    string
		network units.Network
		want    error
		hint    string
	}{
		{long(107), units.UnixStream, nil, ""},
		{long(108), units.UnixStream, unix.ENAMETOOLONG, "the path has 108 bytes"},
		{long(109), units.UnixDatagram, unix.ENAMETOOLONG, "the path has 109 bytes"},
		{dir + "/file/s", units.UnixStream, unix.ENOTDIR, "is a file, not a folder"},
		{dir + "/file/f", units.FIFO, unix.ENOTDIR, "is a file, not a folder"},
		{dir + "/file", units.FIFO, unix.EEXIST, "remove it"},
		{"/proc/s", units.UnixStream, unix.ENOENT, ""},
		{"@" + strings.Repeat("a", 106), units.UnixStream, nil, ""},
		{"@" + strings.Repeat("a", 107), units.UnixStream, unix.ENAMETOOLONG, ""},
	} {
		s := newSet(t, Options{})
		change, problems := s.Prepare([]*units.Unit{unit("u", socket(pathOf(c.network, c.path)))})
		change.Rollback()
		if c.want == nil {
			if len(problems) > 0 {
				t.Errorf("%d bytes: %v", len(c.path), problems)
			}
			continue
		}
		if len(problems) != 1 || !errors.Is(problems[0], c.want) || !strings.Contains(problems[0].Hint, c.hint) {
			t.Errorf("%s: %v, want %v with hint %q", c.path, problems, c.want, c.hint)
		}
	}
}

func TestModeBits(t *testing.T) {
	if got := modeBits(0o770 | fs.ModeSticky | fs.ModeSetgid); got != 0o3770 {
		t.Errorf("modeBits = %#o, want 03770", got)
	}
}
