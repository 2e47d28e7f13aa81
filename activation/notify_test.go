package activation_test

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/activation"
)

func TestNotify(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "notify"), "@sockbridge-notify-test"} {
		manager := notifySocket(t, name)
		t.Setenv("NOTIFY_SOCKET", name)
		if err := activation.Notify("READY=1\nSTATUS=serving"); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 100)
		n, err := manager.Read(got)
		if err != nil {
			t.Fatal(err)
		}
		if want := "READY=1\nSTATUS=serving"; string(got[:n]) != want {
			t.Errorf("%s received %q, want %q", name, got[:n], want)
		}
	}
}

func notifySocket(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func TestNotifyWithoutManager(t *testing.T) {
	// No t.Setenv: the package's TestMain removes the variable.
	if err := activation.Notify("READY=1"); err != nil {
		t.Errorf("Notify without NOTIFY_SOCKET: %v", err)
	}
}

func TestNotifyRefuses(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, test := range []struct{ socket, state, want string }{
		{"", "READY=1", `cannot notify "": neither a path nor an abstract name`},
		{"run/notify", "READY=1", "neither a path nor an abstract name"},
		{"vsock:2:1", "READY=1", "neither a path nor an abstract name"},
		{missing, "", "the state is empty"},
		{missing, "READY=1", "no such file"},
		{"/" + strings.Repeat("x", 200), "READY=1", "invalid argument"},
	} {
		t.Setenv("NOTIFY_SOCKET", test.socket)
		if err := activation.Notify(test.state); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Notify to %q: %v, want %q", test.socket, err, test.want)
		}
	}
}

// A manager that does not read must not stop the service.
func TestNotifyNeverBlocks(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	notifySocket(t, name)
	t.Setenv("NOTIFY_SOCKET", name)
	for range 100_000 {
		if err := activation.Notify("WATCHDOG=1"); err != nil {
			if !errors.Is(err, unix.EAGAIN) {
				t.Errorf("Notify to a full socket: %v, want EAGAIN", err)
			}
			return
		}
	}
	t.Error("the socket took 100,000 datagrams")
}
