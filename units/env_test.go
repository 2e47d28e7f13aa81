package units

import (
	"context"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// fakeLookup is a host with a few accounts and names, on which every program is there but those below /missing.
func fakeLookup() *Lookup {
	users := []Account{
		{User: "root", UID: 0, GID: 0, Group: "root", Home: "/root", Shell: "/bin/sh"},
		{User: "nobody", UID: 65534, GID: 65534, Group: "nogroup", Home: "/", Shell: "/bin/false"},
		{User: "www", UID: 33, GID: 33, Group: "www", Home: "/srv/www", Shell: "/bin/sh"},
	}
	groups := map[string]int{"root": 0, "nogroup": 65534, "www": 33, "adm": 4, "ssl": 110}
	return &Lookup{
		User: func(name string) (Account, error) {
			i := slices.IndexFunc(users, func(a Account) bool { return a.User == name || strconv.Itoa(a.UID) == name })
			if i >= 0 {
				return users[i], nil
			}
			if id, ok := parseID(name); ok {
				return Account{User: name, UID: id, GID: -1, Home: "/", Shell: "/bin/sh"}, nil
			}
			return Account{}, fs.ErrNotExist
		},
		Group: func(name string) (int, string, error) {
			if id, ok := groups[name]; ok {
				return id, name, nil
			}
			if id, ok := parseID(name); ok {
				return id, name, nil
			}
			return 0, "", fs.ErrNotExist
		},
		Groups: func(user string, gid int) ([]int, error) {
			if user == "www" {
				return []int{gid, 110}, nil
			}
			return []int{gid}, nil
		},
		Self: func() (Account, error) {
			return Account{User: "me", UID: 1000, GID: 1000, Group: "me", Groups: []int{24, 1000}, Home: "/home/me", Shell: "/bin/zsh"}, nil
		},
		Host: func(_ context.Context, name string) ([]netip.Addr, error) {
			if name != "localhost" {
				return nil, fs.ErrNotExist
			}
			return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"), netip.MustParseAddr("::ffff:127.0.0.1")}, nil
		},
		Service: func(_ context.Context, network, name string) (uint16, error) {
			if name == "http" && network == "tcp" {
				return 80, nil
			}
			return 0, fs.ErrNotExist
		},
		BindV6Only: func() bool { return false },
		MostFiles:  func() uint64 { return 1 << 20 },
		Executable: func(path string) error {
			if strings.HasPrefix(path, "/missing") || strings.HasSuffix(path, "/missing") {
				return fs.ErrNotExist
			}
			return nil
		},
		Variable: func(name string) (string, bool) { return "manager's", name == "LANG" || name == "EMPTY" },
		File: func(path string, _ int) ([]byte, error) {
			switch path {
			case "/etc/default/x":
				return []byte("A=file\nB=\"two words\" # no comment\n"), nil
			case "/etc/default/bad":
				return []byte("A=1\nnonsense\n"), nil
			}
			return nil, fs.ErrNotExist
		},
	}
}

// write makes files below the working directory.
func write(t testing.TB, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// host makes a working directory with files for one test.
func host(t testing.TB, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	write(t, files)
}

// loadDirs loads conf.d on the fake host for a manager that is root, whoever runs the test.
func loadDirs(t testing.TB, change ...func(*Options)) *Set {
	t.Helper()
	opt := Options{Dirs: []string{"conf.d"}, Lookup: fakeLookup()}
	for _, f := range change {
		f(&opt)
	}
	reader := fileReader{uid: opt.UID}
	if opt.UID == 0 {
		reader.uid = os.Geteuid() // files made by somebody else are not root's
	}
	set, err := load(t.Context(), opt, reader)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// loadUnit loads one unit from a text; a problem fails the test, a warning does not.
func loadUnit(t testing.TB, text string) *Unit {
	t.Helper()
	set := loadText(t, text)
	if len(set.Units) != 1 {
		t.Fatalf("unit %s is not loaded:\n%s", text, set.Problems)
	}
	return set.Units[0]
}

// loadText loads one unit file named x as root's.
func loadText(t testing.TB, text string) *Set {
	t.Helper()
	l := &loader{
		plan: &plan{units: map[string]*unitFiles{"x": {name: "x", main: "x.toml"}}}, world: newWorld(t.Context(), fakeLookup()),
		texts: map[string]string{"x.toml": text}, set: &Set{Files: 1}, bad: map[*Unit]bool{},
	}
	l.make("x", []source{{"x.toml", text}})
	l.clashes()
	l.finish()
	return l.set
}

// messages returns the problems of a text, each as "LINE:COLUMN: severity: message".
func messages(t testing.TB, text string) []string {
	t.Helper()
	var all []string
	for _, p := range loadText(t, text).Problems {
		if !strings.Contains(p.Msg, "runs as root") {
			all = append(all, strings.TrimPrefix(p.Error(), "x.toml:"))
		}
	}
	return all
}
