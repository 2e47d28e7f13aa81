package units

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnvironment(t *testing.T) {
	u := loadUnit(t, service+`user = "www"
environment_file = ["/etc/default/x", "-/none"]
environment = {B = "table", LANG = "table", SHELL = "/bin/rc"}
pass_environment = ["LANG", "NOSUCH"]
unset_environment = ["HOME", "NOSUCH"]
`)
	want := []string{"A=file", "B=table", "LANG=manager's", "LOGNAME=www", "PATH=" + DefaultPath, "SHELL=/bin/rc", "USER=www"}
	if diff := cmp.Diff(want, u.Service.Environment); diff != "" {
		t.Error(diff)
	}
}

// Whose an environment_file may be depends on who the service is, and for a manager that is not root on nothing.
func TestEnvironmentFileOwner(t *testing.T) {
	lookup := fakeLookup()
	owners := map[string]int{}
	lookup.File = func(path string, owner int) ([]byte, error) {
		owners[path] = owner
		return nil, nil
	}
	named := service + "user = 'www'\nenvironment_file = ['/of/www']\n"
	host(t, map[string]string{"conf.d/a.toml": named, "own/b.toml": strings.ReplaceAll(service, "81", "82") + "environment_file = ['/own']\n"})
	loadDirs(t, func(o *Options) { o.Lookup = lookup })
	loadDirs(t, func(o *Options) { o.Lookup, o.UID, o.Dirs = lookup, 1000, []string{"own"} })
	if diff := cmp.Diff(map[string]int{"/of/www": 33, "/own": -1}, owners); diff != "" {
		t.Error(diff)
	}
}

// The cases are those of systemd.exec(5).
func TestEnvironmentFiles(t *testing.T) {
	for text, want := range map[string]map[string]string{
		"":                              {},
		"# c\n; c\n\n \t\nA=1\n":        {"A": "1"},
		"A=1":                           {"A": "1"},
		"A=1\r\nB=2\r\n":                {"A": "1", "B": "2"},
		" A = x y \n":                   {"A": "x y"},
		"A=x # no comment":              {"A": "x # no comment"},
		`A="x y" 'z'"w"`:                {"A": "x y zw"},
		`A=" x "`:                       {"A": " x "},
		`A=x\` + "\n" + `y`:             {"A": "xy"},
		`A=a\ b\"c`:                     {"A": `a b"c`},
		`A="a\"b\\c\$d\` + "`" + `e\n"`: {"A": `a"b\c$d` + "`" + `e\n`},
		`A='a\"b'`:                      {"A": `a\"b`},
		"A=\"two\nlines\"\nB=1":         {"A": "two\nlines", "B": "1"},
		"A=\"one\\\nline\"":             {"A": "oneline"},
		"A=":                            {"A": ""},
		"A=1\nA=2":                      {"A": "2"},
		"A==":                           {"A": "="},
		"A=$B":                          {"A": "$B"},
	} {
		got := map[string]string{}
		if err := parseEnvironment(got, text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	for text, want := range map[string]string{
		"A":                   "line 1: not NAME=value",
		"A=1\n\nexport B=1":   "line 3: not the name of a variable",
		"=1":                  "line 1: not the name of a variable",
		"A=\"1\nB=2\n":        "line 1: a quote is not closed",
		"A=1\nB=\x00":         "line 2: the value holds a NUL byte",
		"1A=1":                "line 1: not the name of a variable",
		"A=\"x\ny\"\nnothing": "line 3: not NAME=value",
	} {
		if err := parseEnvironment(map[string]string{}, text); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestProgram(t *testing.T) {
	u := loadUnit(t, "[socket]\nlisten_stream = ['81']\n[service]\nscript = '''\necho $0\n'''\nuser = 'www'")
	path, argv := u.Service.Program()
	if diff := cmp.Diff([]string{"/bin/sh", "sh", "-e", "-c", "echo $0\n"}, append([]string{path}, argv...)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/bin/sh", "-e", "-c", "echo $0\n"}, u.Service.ExecStart); diff != "" {
		t.Error(diff)
	}
	u = loadUnit(t, service+"user = 'www'")
	path, argv = u.Service.Program()
	if path != "/x" || len(argv) != 1 || argv[0] != "/x" {
		t.Errorf("Program() = %q, %q", path, argv)
	}
}

// A program is looked for below the root that the service will have.
func TestProgramInRoot(t *testing.T) {
	lookup := fakeLookup()
	var asked []string
	lookup.Executable = func(path string) error {
		asked = append(asked, path)
		return nil
	}
	host(t, map[string]string{"conf.d/x.toml": "[socket]\nlisten_stream = ['81']\n[service]\nexec_start = ['cat']\nroot_directory = '/srv/root'\nuser = 'www'"})
	set := loadDirs(t, func(o *Options) { o.Lookup = lookup })
	expect(t, set, []string{"x"}, nil, nil)
	if got := set.Units[0].Service.ExecStart[0]; got != "/usr/local/sbin/cat" || asked[0] != "/srv/root/usr/local/sbin/cat" {
		t.Errorf("exec_start[0] is %s, asked for %q", got, asked)
	}
}

func TestSystemExecutable(t *testing.T) {
	host(t, map[string]string{"plain": "", "folder/x": ""})
	for path, ok := range map[string]bool{"/bin/sh": true, "plain": false, "folder": false, "nosuch": false} {
		if err := systemExecutable(path); (err == nil) != ok {
			t.Errorf("systemExecutable(%s) = %v", path, err)
		}
	}
}
