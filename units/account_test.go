package units

import (
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const service = "[socket]\nlisten_stream = ['81']\n[service]\nexec_start = ['/x']\n"

func TestAccountOfRootManager(t *testing.T) {
	for keys, want := range map[string]Account{
		"": {Named: true, User: "root", Group: "root", Groups: []int{0}, Home: "/root", Shell: "/bin/sh"},
		"user = 'www'": {
			Named: true, User: "www", Group: "www", UID: 33, GID: 33, Groups: []int{33, 110}, Home: "/srv/www", Shell: "/bin/sh",
		},
		"user = 'www'\ngroup = 'adm'\nsupplementary_groups = ['ssl', 'root']": {
			Named: true, User: "www", Group: "adm", UID: 33, GID: 4, Groups: []int{0, 4, 110}, Home: "/srv/www", Shell: "/bin/sh",
		},
		"group = 'adm'": {Named: true, User: "root", Group: "adm", GID: 4, Groups: []int{4}, Home: "/root", Shell: "/bin/sh"},
		"user = '4711'\ngroup = '4712'": {
			Named: true, User: "4711", Group: "4712", UID: 4711, GID: 4712, Groups: []int{4712}, Home: "/", Shell: "/bin/sh",
		},
	} {
		if diff := cmp.Diff(want, loadUnit(t, service+keys).Service.Account); diff != "" {
			t.Errorf("%s: %s", keys, diff)
		}
	}
}

// A manager that is not root serves as who it is, and refuses to promise anything else.
func TestAccountOfOtherManager(t *testing.T) {
	self := Account{User: "me", UID: 1000, GID: 1000, Group: "me", Groups: []int{24, 1000}, Home: "/home/me", Shell: "/bin/zsh"}
	host(t, map[string]string{"conf.d/x.toml": service})
	set := loadDirs(t, func(o *Options) { o.UID = 1000 })
	expect(t, set, []string{"x"}, nil, nil)
	if diff := cmp.Diff(self, set.Units[0].Service.Account); diff != "" {
		t.Error(diff)
	}
	lookup := fakeLookup()
	lookup.User = func(string) (Account, error) { return Account{User: "me", UID: 1000, GID: 7, Home: "/home/me"}, nil }
	for _, keys := range []string{"user = 'me'", "user = 'me'\ngroup = '1000'", "group = '1000'"} { // the groups of its login may be others
		write(t, map[string]string{"conf.d/x.toml": service + keys})
		set := loadDirs(t, func(o *Options) { o.UID, o.Lookup = 1000, lookup })
		expect(t, set, []string{"x"}, nil, nil)
		if diff := cmp.Diff(self, set.Units[0].Service.Account); diff != "" {
			t.Errorf("%s: %s", keys, diff)
		}
	}
	write(t, map[string]string{
		"conf.d/x.toml": service + "user = 'www'\n",
		"conf.d/y.toml": strings.ReplaceAll(service, "81", "82") + "group = 'adm'\nsupplementary_groups = ['adm']\n",
		"conf.d/z.toml": strings.ReplaceAll(service, "'81'", "'/run/x'") + "[socket.x]\n",
	})
	write(t, map[string]string{"conf.d/z.toml": "[socket]\nlisten_stream = ['/run/x']\nsocket_user = 'www'\n[service]\nexec_start = ['/x']\n"})
	set = loadDirs(t, func(o *Options) { o.UID = 1000 })
	expect(t, set, nil, []string{"x", "y", "z"}, nil,
		`conf.d/x.toml:5:8: error: user "www" is another user than the manager's, who is not root`,
		`conf.d/y.toml:5:9: error: group "adm" is another group than the manager's, who is not root`,
		"conf.d/y.toml:6:24: error: supplementary_groups cannot be set by a manager who is not root",
		`conf.d/z.toml:3:15: error: socket_user "www" is another user than the manager's, who is not root`)
}

func TestNodeOwners(t *testing.T) {
	for keys, want := range map[string][2]int{
		"":                     {-1, -1},
		"socket_user = 'www'":  {33, 33},
		"socket_user = '4711'": {4711, -1},
		"socket_group = 'adm'": {-1, 4},
		"socket_user = 'www'\nsocket_group = '0'": {33, 0},
	} {
		s := loadUnit(t, strings.Replace(service, "[service]", keys+"\n[service]", 1)).Sockets[0]
		if got := [2]int{s.SocketUID, s.SocketGID}; got != want {
			t.Errorf("%s: %v, want %v", keys, got, want)
		}
	}
}

// The parser of /etc/passwd and /etc/group finds what os/user does.
func TestSystemAccounts(t *testing.T) {
	a := &accounts{}
	for _, name := range []string{"root", "nobody", "daemon"} {
		want, err := user.Lookup(name)
		if err != nil {
			t.Logf("this host has no user %s", name)
			continue
		}
		got, err := a.user(name)
		if err != nil || strconv.Itoa(got.UID) != want.Uid || strconv.Itoa(got.GID) != want.Gid || got.Home != want.HomeDir {
			t.Errorf("user(%s) = %+v, %v, want %+v", name, got, err, want)
		}
		byID, err := a.user(want.Uid)
		if err != nil || byID.User != got.User {
			t.Errorf("user(%s) = %+v, %v", want.Uid, byID, err)
		}
		ids, err := want.GroupIds()
		if err != nil {
			t.Fatal(err)
		}
		groups, err := a.groups(name, got.GID)
		if err != nil || len(groups) != len(ids) {
			t.Errorf("groups(%s) = %v, %v, want %v", name, groups, err, ids)
		}
	}
	if self, err := a.self(); err != nil || self.UID != os.Geteuid() || self.GID != os.Getegid() {
		t.Errorf("self() = %+v, %v", self, err)
	}
}

func TestPasswdLines(t *testing.T) {
	a := &accounts{
		read: true,
		passwd: []byte("# comment:x:0:0::/:\n:x:0:0::/:\nshort:x:1:1\nminus:x:-1:0::/:\nmax:x:4294967295:0::/:\nword:x:zero:0::/:\n" +
			"0day:x:7:8::/home:/bin/x\n12:x:13:13::/:\nbare:x:9:9:::\n" +
			"early:x:21:21::/:\n21:x:22:22::/:\n"),
		group: []byte("eight:x:8:a,0day\nextra:x:77:0day,b\nother:x:78:b\nbad:x:-1:0day\n78:x:79:\n"),
	}
	for name, want := range map[string]int{"0day": 7, "12": 13, "7": 7, "13": 13, "bare": 9, "99": 99, "21": 22, "22": 22} {
		if got, err := a.user(name); err != nil || got.UID != want {
			t.Errorf("user(%s) = %+v, %v, want uid %d", name, got, err, want)
		}
	}
	for _, name := range []string{"", "short", "minus", "max", "word", "# comment", "-1", "4294967295"} {
		if got, err := a.user(name); err == nil {
			t.Errorf("user(%s) = %+v", name, got)
		}
	}
	if got, err := a.groups("0day", 8); err != nil || !slices.Equal(got, []int{8, 77}) {
		t.Errorf("groups = %v, %v", got, err)
	}
	if got, err := a.user("bare"); err != nil || got.Home != "/" || got.Shell != "/bin/sh" {
		t.Errorf("empty fields: %+v, %v", got, err)
	}
	if gid, name, err := a.findGroup("eight"); err != nil || gid != 8 || name != "eight" {
		t.Errorf("group eight: %d %s %v", gid, name, err)
	}
	if gid, name, err := a.findGroup("78"); err != nil || gid != 79 || name != "78" {
		t.Errorf("group 78: %d %s %v", gid, name, err)
	}
	if name := a.groupName(78); name != "other" {
		t.Errorf("gid 78 is %s", name)
	}
	if got := a.userByID(21); got.User != "early" {
		t.Errorf("uid 21 is %+v", got)
	}
}
