package units

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Whatever a file holds, loading it ends soon, and either gives a complete unit or says where it is wrong.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/check/*/conf.d/*.toml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for k, c := range keyCases {
		section, name, _ := strings.Cut(k, ".")
		if key := LookupKey(section, name); key != nil {
			for toml := range c.good {
				f.Add(c.unitWith(key, toml))
			}
			for toml := range c.bad {
				f.Add(c.unitWith(key, toml))
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<14 {
			return
		}
		start := time.Now()
		set := loadText(t, text)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
		lines := strings.Count(text, "\n") + 1
		for _, p := range set.Problems {
			if p.File != "x.toml" || p.Line < 1 || p.Line > lines || p.Column < 1 || p.Msg == "" {
				t.Errorf("a problem without a place: %+v", p)
			}
			if printed := p.String(); strings.ContainsAny(printed, "\x1b\r\x00") {
				t.Errorf("%q would be obeyed by a terminal", printed)
			}
		}
		for _, u := range set.Units {
			checkComplete(t, u)
		}
		if len(set.Units) == 0 && len(set.Disabled) == 0 && set.Problems.Count(Error) == 0 {
			t.Error("neither a unit nor an error")
		}
	})
}

func checkComplete(t *testing.T, u *Unit) {
	t.Helper()
	s := u.Service
	switch {
	case len(u.Sockets) == 0 || u.count() == 0:
		t.Error("no address")
	case len(s.ExecStart) == 0 || s.ExecStart[0] == "" || s.ExecStart[0][0] != '/':
		t.Errorf("exec_start is %q", s.ExecStart)
	case !s.Account.Named || s.Account.UID < 0 || s.Account.GID < 0 || s.Account.User == "":
		t.Errorf("account is %+v", s.Account)
	case s.TimeoutStopSec <= 0 || s.Instances < 1:
		t.Errorf("service is %+v", s)
	}
	for i := range u.Sockets {
		socket := &u.Sockets[i]
		if socket.MaxConnections < 1 || socket.MaxConnectionsPerSource < 1 || socket.Backlog < 1 || socket.FileDescriptorName == "" {
			t.Errorf("socket is %+v", socket)
		}
	}
	for _, v := range append(s.Environment, s.ExecStart...) {
		if strings.IndexByte(v, 0) >= 0 {
			t.Errorf("%q holds a NUL byte", v)
		}
	}
	u.Values()
}
