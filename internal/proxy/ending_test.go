package proxy

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Every way to end goes by the exec on exit, with the code and the reason in the environment.
func TestExecOnExit(t *testing.T) {
	t.Setenv(envCode, "left over")
	for args, want := range map[string][]string{
		"--help":    {envCode + "=1", envError + "="},
		"--version": {envCode + "=1", envError + "="},
		"--bogus":   {envCode + "=2", envError + "=Unknown option --bogus  (see --help)"},
		"-v":        {envCode + "=2", envError + "=require -i or -c or -S"},
	} {
		s, _, logged := fakeSettings(t)
		var argv, env []string
		s.ending.execute = func(a, e []string) error {
			argv, env = a, e
			return unix.ENOENT
		}
		told := -1
		s.ending.tell = func(code int) { told = code }
		err := s.parse([]string{"-E", "prog\tx\t\ty", args})
		if !slices.Equal(argv, []string{"prog", "x", "", "y"}) || len(env) < 2 || !slices.Equal(env[len(env)-2:], want) {
			t.Errorf("%s: executes %q with %q", args, argv, env)
		}
		if strings.Count(strings.Join(env, "\n"), envCode) != 1 {
			t.Errorf("%s: %q", args, env)
		}
		if _, ok := errors.AsType[status](err); !ok || told < 0 {
			t.Errorf("%s: %v, told %d", args, err, told)
		}
		const lines = "warning: daemonproxy exec_on_exit to 'prog'\nerror: Unable to exec \"prog\": No such file or directory\n"
		if !strings.HasPrefix(logged(), lines) {
			t.Errorf("%s: %q", args, logged())
		}
	}
}

func TestExecArguments(t *testing.T) {
	for _, test := range []struct {
		args []string
		fits bool
		set  bool
	}{
		{nil, true, false},
		{[]string{""}, true, false},
		{[]string{"a"}, true, true},
		{[]string{strings.Repeat("x", 255)}, true, true},
		{[]string{strings.Repeat("x", 256)}, false, true},
		{[]string{strings.Repeat("x", 200), strings.Repeat("x", 54)}, true, true},
		{[]string{strings.Repeat("x", 200), strings.Repeat("x", 55)}, false, true},
	} {
		e := &ending{args: []string{"old"}}
		if fits := e.setArgs(test.args); fits != test.fits || (e.args != nil) != test.set {
			t.Errorf("%q: %t, %q", test.args, fits, e.args)
		}
	}
}

func TestGuard(t *testing.T) {
	var e ending
	for _, step := range []struct {
		on   bool
		code int64
		want string
	}{
		{true, 0, "code cannot be 0"},
		{false, 5, "terminate guard was not set"},
		{true, -5, ""},
		{true, 5, "terminate guard code is already set"},
		{false, 5, "incorrect guard code"},
		{false, -5, ""},
		{false, -5, "terminate guard was not set"},
	} {
		err := e.setGuard(step.on, step.code)
		if step.want == "" && err != nil || step.want != "" && (err == nil || err.Error() != step.want) {
			t.Errorf("%+v: %v", step, err)
		}
	}
}

func TestUnlock(t *testing.T) {
	e := ending{guard: 54321}
	for _, step := range []struct {
		text  string
		given bool
		args  []string
		want  string
	}{
		{"", false, nil, "terminate guard code required"},
		{"x", true, nil, "Expected integer"},
		{"12345", true, nil, "incorrect terminate guard code"},
		{"54321", true, nil, "cannot exit, and exec-on-exit is not configured"},
		{"54321", true, []string{"x"}, ""},
	} {
		e.args = step.args
		err := e.unlock(step.text, step.given)
		if step.want == "" && err != nil || step.want != "" && (err == nil || err.Error() != step.want) {
			t.Errorf("%+v: %v", step, err)
		}
	}
}

func TestSearch(t *testing.T) {
	t.Setenv("PATH", "/one::/three")
	for _, test := range []struct {
		name  string
		fails map[string]error
		tried []string
		want  error
	}{
		{"p", nil, []string{"/one/p", "./p", "/three/p"}, unix.ENOENT},
		{"d/p", nil, []string{"d/p"}, unix.ENOENT},
		{"", nil, []string{""}, unix.ENOENT},
		{"p", map[string]error{"/one/p": unix.EACCES}, []string{"/one/p", "./p", "/three/p"}, unix.EACCES},
		{"p", map[string]error{"/one/p": unix.ENOTDIR, "./p": unix.E2BIG}, []string{"/one/p", "./p"}, unix.E2BIG},
		{"p", map[string]error{"/one/p": unix.ENOEXEC, "/bin/sh": unix.EPERM}, []string{"/one/p", "/bin/sh"}, unix.EPERM},
	} {
		var tried []string
		err := search([]string{test.name, "x"}, nil, func(path string, argv, _ []string) error {
			tried = append(tried, path)
			if path == "/bin/sh" && !slices.Equal(argv, []string{"/bin/sh", "/one/p", "x"}) {
				t.Errorf("the shell is given %q", argv)
			}
			if err := test.fails[path]; err != nil {
				return err
			}
			return unix.ENOENT
		})
		if !errors.Is(err, test.want) || !slices.Equal(tried, test.tried) {
			t.Errorf("%q: %v after %q, want %v after %q", test.name, err, tried, test.want, test.tried)
		}
	}
}
