package examples_test

import (
	"net"
	"os"
	"strings"
	"testing"
)

// Shipped units must be safe to serve anywhere and say how to try them.
func TestShippedUnits(t *testing.T) {
	taken := make(map[string]string)
	for _, u := range shipped(t) {
		first, _, _ := strings.Cut(u.text, "\n")
		if u.Description == "" || !strings.HasPrefix(first, "# Try: ") {
			t.Errorf("%s has no description, or its first line is not how to try it: %q", u.name, first)
		}
		for _, address := range u.Socket.ListenStream {
			if other, ok := taken[address]; ok {
				t.Errorf("%s and %s both listen on %s", u.name, other, address)
			}
			taken[address] = u.name
			checkAddress(t, u, first, address)
		}
		program := u.Service.ExecStart[len(u.Service.ExecStart)-1]
		if !strings.HasPrefix(program, installed) {
			t.Errorf("%s runs %q, which is not in %s", u.name, program, installed)
		}
	}
	if taken["127.0.0.1:34567"] != "greet" {
		t.Error("127.0.0.1:34567 is not greet's, which works everywhere")
	}
}

// checkAddress wants an address that only this host reaches, and that the unit's first line names.
func checkAddress(t *testing.T, u unit, try, address string) {
	t.Helper()
	if strings.HasPrefix(address, "/") {
		if !strings.HasPrefix(address, runFolder) || !strings.Contains(try, address) {
			t.Errorf("%s listens on %s, which is not in %s or not in %q", u.name, address, runFolder, try)
		}
		return
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || !net.ParseIP(host).IsLoopback() || port < "34567" || !strings.Contains(try, host+" "+port) {
		t.Errorf("%s listens on %s: not loopback, below port 34567, or not in %q", u.name, address, try)
	}
}

// The services of accept = false must be told by exactly one convention, but for Go, whose package knows all.
func TestShippedUnitsNameTheirConvention(t *testing.T) {
	for _, u := range shipped(t) {
		if !u.Socket.Accept && u.name != "message-go" && len(u.Service.FDProtocol) != 1 {
			t.Errorf("%s has fd_protocol %q", u.name, u.Service.FDProtocol)
		}
	}
}

func TestScriptsAreExecutable(t *testing.T) {
	for _, folder := range []string{"sh", "python"} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			info, err := entry.Info()
			if err != nil || info.Mode().Perm() != 0o755 {
				t.Errorf("%s/%s has mode %v, %v", folder, entry.Name(), info.Mode(), err)
			}
		}
	}
}
