package units

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// web is a unit on a port.
func web(port string) string {
	return "[socket]\nlisten_stream = [\"" + port + "\"]\n[service]\nexec_start = [\"/bin/web\"]\nuser = \"www\"\n"
}

// names returns the names of the good units.
func (s *Set) names() []string {
	var names []string
	for _, u := range s.Units {
		names = append(names, u.Name)
	}
	return names
}

// expect compares what became of units, and the first lines of the problems.
func expect(t *testing.T, set *Set, good, bad, disabled []string, problems ...string) {
	t.Helper()
	var got []string
	for _, p := range set.Problems {
		got = append(got, p.Error())
	}
	for _, c := range []struct {
		what      string
		want, got []string
	}{{"good", good, set.names()}, {"bad", bad, set.Bad}, {"disabled", disabled, set.Disabled}, {"problems", problems, got}} {
		if !slices.Equal(c.want, c.got) {
			t.Errorf("%s units: %s", c.what, cmp.Diff(c.want, c.got))
		}
	}
}

func TestFolders(t *testing.T) {
	host(t, map[string]string{
		"etc/web.toml":               web("81"),
		"usr/web.toml":               "not even TOML",
		"usr/mail.toml":              web("25"),
		"usr/off.toml":               "enabled = false\n" + web("26"),
		"usr/gone.toml":              web("27"),
		"usr/mail.d/10.toml":         "[socket]\nbacklog = 10\n[service.environment]\nA = \"1\"\nB = \"1\"\n",
		"usr/mail.d/20.toml":         "[socket]\nbacklog = 20\n",
		"usr/mail.d/30.toml":         "not TOML, masked",
		"etc/mail.d/10.toml":         "[socket]\nno_delay = true\n[service.environment]\nB = \"2\"\nC = \"2\"\n",
		"etc/mail.d/15.toml":         "[service]\nenvironment = {D = \"3\"}\n",
		"etc/mail.d/15.toml~":        "left over",
		"etc/orphan.d/1.toml":        "",
		"etc/.hidden.toml":           "left over",
		"etc/web.toml~":              "left over",
		"etc/.web.toml.swp":          "left over",
		"etc/web.toml.dpkg-new":      "left over",
		"etc/README":                 "for people",
		"etc/notes.txt":              "for people",
		"etc/sub/deeper/inside.toml": "not looked at",
	})
	symlink(t, "/dev/null", "etc/gone.toml")
	symlink(t, "/dev/null", "etc/mail.d/30.toml")
	set := loadDirs(t, func(o *Options) { o.Dirs = []string{"etc/", "nosuch", "usr"} })
	expect(t, set, []string{"mail", "web"}, nil, []string{"gone", "off"},
		`etc/orphan.d/1.toml: warning: there is no unit "orphan" to add to`)
	mail := set.Unit("mail")
	s := mail.Sockets[0]
	if s.Backlog != 20 || !s.NoDelay {
		t.Errorf("drop-ins give backlog %d, no_delay %v", s.Backlog, s.NoDelay)
	}
	if diff := cmp.Diff([]string{"B=2", "C=2", "D=3"}, mail.Service.Environment[:3]); diff != "" {
		t.Error(diff) // A is of a drop-in that is masked
	}
	for key, want := range map[string]Origin{
		"socket.backlog":       {"usr/mail.d/20.toml", 2, 1},
		"socket.no_delay":      {"etc/mail.d/10.toml", 2, 1},
		"socket.listen_stream": {"usr/mail.toml", 2, 1},
		"socket.priority":      {},
		"service.environment":  {"etc/mail.d/15.toml", 2, 1},
	} {
		if got := mail.Origin(key); got != want {
			t.Errorf("origin of %s is %v, want %v", key, got, want)
		}
	}
	if got := mail.Sockets[0].Listen[0].Origin; got != (Origin{"usr/mail.toml", 2, 18}) {
		t.Errorf("the address is at %v", got)
	}
}

func symlink(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func TestSocketsOfDropIns(t *testing.T) {
	main := "[[socket]]\nlisten_stream = [\"81\"]\n[[socket]]\nlisten_stream = [\"82\"]\nbacklog = 5\n[service]\nexec_start = [\"/x\"]\nuser = \"www\"\n"
	for name, c := range map[string]struct{ dropIn, want string }{
		"none":        {"", "[::]:81 2147483647, [::]:82 5"},
		"changes all": {"[socket]\nbacklog = 9", "[::]:81 9, [::]:82 9"},
		"replaces":    {"[[socket]]\nlisten_stream = ['83']", "[::]:83 2147483647"},
	} {
		t.Run(name, func(t *testing.T) {
			host(t, map[string]string{"conf.d/x.toml": main, "conf.d/x.d/1.toml": c.dropIn})
			set := loadDirs(t)
			expect(t, set, []string{"x"}, nil, nil)
			var got []string
			for s, a := range set.Units[0].Addresses() {
				got = append(got, a.String()+" "+k("socket.backlog").text(slot{socket: s}))
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func k(name string) *Key {
	section, name, _ := strings.Cut(name, ".")
	return LookupKey(section, name)
}

func TestFilesThatAreRefused(t *testing.T) {
	host(t, map[string]string{
		"conf.d/good.toml":         web("81"),
		"conf.d/.real.toml":        web("82"),
		"elsewhere/x.toml":         web("83"),
		"conf.d/-x.toml":           web("84"),
		"conf.d/a b.toml":          web("85"),
		"conf.d/é.toml":            web("86"),
		"conf.d/long.toml":         strings.Repeat("#", MaxFile+1),
		"conf.d/big.toml":          web("87") + strings.Repeat("#", MaxFile-len(web("87"))),
		"conf.d/dir.toml/x":        "",
		"conf.d/dropin.d/x":        "",
		"conf.d/dropin.toml":       web("88"),
		"conf.d/badlink.toml":      web("89"),
		"conf.d/" + long + ".toml": web("90"),
	})
	symlink(t, "../elsewhere/x.toml", "conf.d/out.toml")
	symlink(t, ".real.toml", "conf.d/inside.toml")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	symlink(t, here+"/conf.d/.real.toml", "conf.d/absolute.toml")

	symlink(t, "nothing.toml", "conf.d/dangling.toml")
	symlink(t, "loop.toml", "conf.d/loop.toml")
	symlink(t, "../elsewhere", "conf.d/badlink.d")
	for _, fifo := range []string{"conf.d/fifo.toml", "conf.d/dropin.d/fifo.toml"} {
		if err := syscall.Mkfifo(fifo, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	set := loadDirs(t)
	expect(t, set, []string{"absolute", "big", "good", long},
		[]string{"-x", "a b", "badlink", "dangling", "dir", "dropin", "fifo", "inside", "long", "loop", "out", "é"}, nil,
		`conf.d/-x.toml: error: "-x" is not the name of a unit: letters, digits and _ . @ : -, not first . or -, 250 at most`,
		`conf.d/a b.toml: error: "a b" is not the name of a unit: letters, digits and _ . @ : -, not first . or -, 250 at most`,
		"conf.d/badlink.d: error: is a link, not a folder",
		"conf.d/dangling.toml: error: is a link to nothing: no such file or directory",
		"conf.d/dir.toml: error: is a folder, not a file",
		"conf.d/dropin.d/fifo.toml: error: is a FIFO, not a file",
		"conf.d/fifo.toml: error: is a FIFO, not a file",
		`conf.d/inside.toml:2:18: error: listen_stream [::]:82 is taken by unit "absolute" (conf.d/absolute.toml:2)`,
		"conf.d/long.toml: error: is longer than 1048576 bytes",
		"conf.d/loop.toml: error: is a link to nothing: EvalSymlinks: too many links",
		`conf.d/out.toml: error: is a link that leaves its folder, to "`+here+`/elsewhere/x.toml"`,
		`conf.d/é.toml: error: "é" is not the name of a unit: letters, digits and _ . @ : -, not first . or -, 250 at most`)
}

var long = strings.Repeat("n", 250)

func TestOwnersAndModes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	host(t, map[string]string{
		"conf.d/good.toml": web("81"), "conf.d/all.toml": web("82"), "conf.d/group.toml": web("83"), "conf.d/theirs.toml": web("84"),
		"open/x.toml": web("85"), "sticky/y.toml": web("86"), "conf.d/d.toml": web("87"), "conf.d/d.d/1.toml": "",
	})
	for path, mode := range map[string]fs.FileMode{
		"conf.d/all.toml": 0o646, "conf.d/group.toml": 0o664, "open": 0o777, "sticky": 0o777 | fs.ModeSticky, "conf.d/d.d": 0o775,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown("conf.d/theirs.toml", 65534, 0); err != nil {
		t.Fatal(err)
	}
	dirs := func(o *Options) { o.Dirs = []string{"conf.d", "open", "sticky"} }
	expect(t, loadDirs(t, dirs), []string{"good"}, []string{"all", "d", "group", "theirs"}, nil,
		"conf.d/all.toml: error: can be written by others (mode 0646)",
		"conf.d/d.d: error: can be written by others (mode 0775)",
		"conf.d/group.toml: error: can be written by others (mode 0664)",
		"conf.d/theirs.toml: error: belongs to uid 65534, not to root",
		"open: error: can be written by others (mode 0777)",
		"sticky: error: can be written by others (mode 1777)")
	named := strings.ReplaceAll(web("88"), `user = "www"`, "")
	write(t, map[string]string{"conf.d/all.toml": named})
	set := loadDirs(t, func(o *Options) { o.Dirs, o.Files, o.UID = nil, []string{"conf.d/all.toml"}, 1000 })
	expect(t, set, []string{"all"}, nil, nil)
}

func TestNamedFiles(t *testing.T) {
	host(t, map[string]string{
		"a/x.toml": web("81"), "a/x.d/1.toml": "[socket]\nbacklog = 7\n", "b/x.toml": web("82"), "b/y.toml": web("83"), "c/z.conf": "", "conf.d/w.toml": web("84"),
	})
	symlink(t, "../b/y.toml", "a/link.toml")
	set := loadDirs(t, func(o *Options) {
		o.Dirs, o.Files = nil, []string{"a/x.toml", "b/x.toml", "c/z.conf", "nosuch.toml", "a/link.toml"}
	})
	expect(t, set, []string{"link", "x"}, []string{"nosuch"}, nil,
		`b/x.toml: error: unit "x" is in a/x.toml too`,
		"c/z.conf: error: is not a unit file, which ends in .toml",
		"nosuch.toml: error: cannot be read: no such file or directory")
	if set.Unit("x").Sockets[0].Backlog != 7 {
		t.Error("the drop-in beside a named file is not read")
	}
}

func TestOnly(t *testing.T) {
	host(t, map[string]string{"conf.d/a.toml": web("81"), "conf.d/b.toml": "not TOML", "conf.d/b.d/1.toml": ""})
	expect(t, loadDirs(t, func(o *Options) { o.Only = []string{"a", "c"} }), []string{"a"}, nil, nil, `conf.d: error: there is no unit "c"`)
}

func TestNothingThere(t *testing.T) {
	host(t, map[string]string{"conf.d/README": ""})
	expect(t, loadDirs(t), nil, nil, nil, "conf.d: warning: there are no units")
	_, err := Load(t.Context(), Options{Dirs: []string{"nosuch", "nosuch2"}})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error of missing folders is %v", err)
	}
	_, err = Load(t.Context(), Options{Dirs: []string{"conf.d/README"}})
	if err == nil {
		t.Error("a file is taken for a folder")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	write(t, map[string]string{"conf.d/a.toml": web("81")})
	if _, err = Load(ctx, Options{Dirs: []string{"conf.d"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("error of a cancelled loading is %v", err)
	}
}

func TestSettings(t *testing.T) {
	host(t, map[string]string{
		"sockbridge.toml": `[settings]
drain_timeout_sec = "2min"
[defaults.socket]
backlog = 10
max_connections = 8
[defaults.service]
user = "www"
instances = 3
environment = {A = "default", B = "default"}
[defaults.access]
no_access = ["10.0.0.0/8"]
on_limit = "refuse"
`,
		"conf.d/a.toml": "[socket]\nlisten_stream = [\"81\"]\n[service]\nexec_start = [\"/x\"]\nenvironment = {B = \"own\"}\n",
		"conf.d/b.toml": "[socket]\nlisten_stream = [\"82\"]\naccept = true\nbacklog = 5\n[service]\nexec_start = [\"/x\"]\n",
		"conf.d/c.toml": "defaults = false\n" + strings.ReplaceAll(web("83"), "www", "nobody"),
	})
	set := loadDirs(t, func(o *Options) { o.Settings = "sockbridge.toml" })
	expect(t, set, []string{"a", "b", "c"}, nil, nil)
	if set.Settings.DrainTimeoutSec.Minutes() != 2 || set.Files != 4 {
		t.Errorf("drain_timeout_sec %v, %d files", set.Settings.DrainTimeoutSec, set.Files)
	}
	a, b, c := set.Units[0], set.Units[1], set.Units[2]
	if a.Service.Account.User != "www" || a.Service.Instances != 3 || a.Sockets[0].Backlog != 10 || len(a.Access.NoAccess) != 1 {
		t.Errorf("a does not inherit: %+v", a)
	}
	if diff := cmp.Diff([]string{"A=default", "B=own"}, a.Service.Environment[:2]); diff != "" {
		t.Error(diff)
	}
	if b.Sockets[0].Backlog != 5 || b.Sockets[0].MaxConnectionsPerSource != 2 || b.Access.OnLimit != OnLimitRefuse {
		t.Errorf("b inherits wrongly: %+v", b)
	}
	if got := b.Origin("socket.max_connections"); got.File != "sockbridge.toml" {
		t.Errorf("an inherited value comes from %v", got)
	}
	if c.Service.Account.User != "nobody" || c.Sockets[0].MaxConnections != 64 || len(c.Access.NoAccess) != 0 {
		t.Errorf("c inherits: %+v", c)
	}
}

// A settings file that is not there is missed, unless it may be: what it would have kept services from is not known.
func TestMissingSettings(t *testing.T) {
	host(t, map[string]string{"conf.d/a.toml": web("81"), "conf.d/b.toml": "defaults = false\n" + web("82")})
	optional := func(o *Options) { o.Settings, o.SettingsOptional = "sockbridge.toml", true }
	none := loadDirs(t, optional)
	expect(t, none, []string{"a", "b"}, nil, nil)
	if none.Settings.DrainTimeoutSec != DefaultDrainTimeout || none.Files != 2 {
		t.Errorf("without settings: %+v", none)
	}
	missed := []string{
		"conf.d/a.toml: error: the unit inherits [defaults] that have errors",
		"sockbridge.toml: error: cannot be read: no such file or directory",
	}
	expect(t, loadDirs(t, func(o *Options) { o.Settings = "sockbridge.toml" }), []string{"b"}, []string{"a"}, nil, missed...)

	write(t, map[string]string{"sockbridge.toml": ""})
	first := loadDirs(t, optional)
	if err := os.Remove("sockbridge.toml"); err != nil {
		t.Fatal(err)
	}
	again := func(previous *Set) *Set { return loadDirs(t, optional, func(o *Options) { o.Previous = previous }) }
	second := again(first)
	expect(t, second, []string{"b"}, []string{"a"}, nil, missed...)
	expect(t, again(second), []string{"b"}, []string{"a"}, nil, missed...)
	expect(t, again(none), []string{"a", "b"}, nil, nil)

	symlink(t, "nosuch", "sockbridge.toml")
	expect(t, loadDirs(t, optional), []string{"b"}, []string{"a"}, nil, missed...)
}

// The last file to say whether the unit has defaults is right, as with every other key.
func TestDropInTakesDefaultsBack(t *testing.T) {
	host(t, map[string]string{
		"sockbridge.toml":   "[defaults.socket]\nbacklog = 10\n",
		"conf.d/a.toml":     "defaults = false\n" + web("81"),
		"conf.d/a.d/1.toml": "defaults = true\n",
		"conf.d/b.toml":     "defaults = true\n" + web("82"),
		"conf.d/b.d/1.toml": "defaults = false\n",
		"conf.d/b.d/2.toml": "[socket]\nno_delay = true\n",
	})
	set := loadDirs(t, func(o *Options) { o.Settings = "sockbridge.toml" })
	expect(t, set, []string{"a", "b"}, nil, nil)
	if a, b := set.Units[0].Sockets[0].Backlog, set.Units[1].Sockets[0].Backlog; a != 10 || b == 10 {
		t.Errorf("backlogs %d and %d", a, b)
	}
}

// What a folder of drop-ins was when it was listed may not be what it is when it is opened.
func TestFolderThatBecomesALink(t *testing.T) {
	host(t, map[string]string{"elsewhere/1.toml": ""})
	symlink(t, "elsewhere", "x.d")
	p := &plan{units: map[string]*unitFiles{}, reader: fileReader{uid: -1}}
	p.dropIns("x", "x.d", fs.ModeDir)
	if u := p.unit("x"); !u.bad || len(u.dropIns) > 0 {
		t.Errorf("a link is followed: %v", u.dropIns)
	}
}

// A unit is made again when anything that it is made of is not what it was.
func TestPrevious(t *testing.T) {
	host(t, map[string]string{"conf.d/a.toml": web("81"), "conf.d/b.toml": web("82"), "sockbridge.toml": ""})
	lookup := fakeLookup()
	again := func(previous *Set) *Set {
		return loadDirs(t, func(o *Options) { o.Previous, o.Settings, o.Lookup = previous, "sockbridge.toml", lookup })
	}
	first := again(nil)
	same := func(a, b *Set, name string) bool { return a.Unit(name) == b.Unit(name) }
	if second := again(first); !same(first, second, "a") || !same(first, second, "b") {
		t.Error("unchanged units are made again")
	}
	write(t, map[string]string{"conf.d/a.toml": "# a comment\n" + web("81")})
	if second := again(first); same(first, second, "a") || !same(first, second, "b") || len(Diff(first, second)) > 0 {
		t.Error("a comment changes nothing but the file")
	}
	write(t, map[string]string{"sockbridge.toml": "[defaults.socket]\nbacklog = 5\n"})
	if second := again(first); same(first, second, "b") || len(Diff(first, second)) != 2 {
		t.Error("other defaults make no other units")
	}
	write(t, map[string]string{"sockbridge.toml": "", "conf.d/b.d/1.toml": "[socket]\nbacklog = 5\n"})
	if second := again(first); same(first, second, "b") {
		t.Error("a drop-in makes no other unit")
	}
	if err := os.RemoveAll("conf.d/b.d"); err != nil {
		t.Fatal(err)
	}
	user := lookup.User
	lookup.User = func(name string) (Account, error) {
		a, err := user(name)
		a.UID++
		return a, err
	}
	if second := again(first); same(first, second, "b") || len(Diff(first, second)) != 2 {
		t.Error("another uid of its user makes no other unit")
	}
}

// Warnings are told about a unit each time, also when it is used again.
func TestPreviousWarnings(t *testing.T) {
	host(t, map[string]string{"conf.d/a.toml": strings.ReplaceAll(web("81"), "www", "root")})
	first := loadDirs(t)
	second := loadDirs(t, func(o *Options) { o.Previous = first })
	if len(first.Problems) != 1 || len(second.Problems) != 1 || first.Units[0] != second.Units[0] {
		t.Errorf("first: %v\nsecond: %v", first.Problems, second.Problems)
	}
}

// Without the network host names are left out; what is left is checked. A unit out of service asks for nothing at all.
func TestOffline(t *testing.T) {
	host(t, map[string]string{
		"conf.d/a.toml":   strings.Replace(web("nosuch.example:80"), "[service]", "listen_datagram = ['localhost:nosuch', '0']\n[service]", 1),
		"conf.d/b.toml":   web("nosuch.example:80"),
		"conf.d/off.toml": "enabled = false\n" + web("nosuch.example:nosuch"),
	})
	lookup := fakeLookup()
	lookup.Host = func(context.Context, string) ([]netip.Addr, error) {
		t.Error("a host name is looked up")
		return nil, fs.ErrNotExist
	}
	set := loadDirs(t, func(o *Options) { o.Offline, o.Lookup = true, lookup })
	expect(t, set, []string{"b"}, []string{"a"}, []string{"off"},
		`conf.d/a.toml:3:20: error: listen_datagram "localhost:nosuch" names a service that is not known for udp`,
		`conf.d/a.toml:3:40: error: listen_datagram "0" has a port that is not 1 to 65535`)
}

// A folder that is a link is what it was when loading began, for all that is read of it.
func TestFolderIsSettled(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, version, "x.toml"), []byte(version), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, "conf.d")
	if err := os.Symlink("one", link); err != nil {
		t.Fatal(err)
	}
	r := fileReader{uid: -1, settled: map[string]string{}}
	r.settle(link + "/")
	if err := errors.Join(os.Remove(link), os.Symlink("two", link)); err != nil {
		t.Fatal(err)
	}
	if text, err := r.read(link + "/x.toml"); text != "one" || err != nil {
		t.Errorf("read %q, %v from a folder that was switched meanwhile", text, err)
	}
}

func TestOverlay(t *testing.T) {
	dir := t.TempDir()
	unit := filepath.Join(dir, "x.toml")
	text := "[socket]\nlisten_stream = [\"127.0.0.1:7001\"]\nlisten_datagram = [\"127.0.0.1:7001\"]\n[service]\nexec_start = [\"/bin/true\"]\n"
	if err := os.WriteFile(unit, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	opt := Options{Files: []string{unit}, UID: os.Geteuid()}
	opt.Overlay = Overlay{"--listen", "[socket]\nlisten_stream = [\"127.0.0.1:7002\"]\nlisten_datagram = []\n"}
	set, err := Load(t.Context(), opt)
	if err != nil || len(set.Units) != 1 {
		t.Fatalf("%v, %v", set, err)
	}
	if l := set.Units[0].Sockets[0].Listen; len(l) != 1 || l[0].Port != 7002 {
		t.Errorf("the unit listens on %v", l)
	}
	opt.Overlay.Text = "[socket]\nlisten_stream = [\"nonsense\"]\n"
	if set, err = Load(t.Context(), opt); err != nil || len(set.Problems) == 0 || set.Problems[0].File != "--listen" {
		t.Errorf("a bad overlay gives %v, %v", set.Problems, err)
	}
}
