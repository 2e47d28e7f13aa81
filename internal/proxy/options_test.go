package proxy

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/loop"
)

// fakeSettings are settings whose log and output are texts, and whose exec on exit fails.
func fakeSettings(t *testing.T) (s *settings, out *bytes.Buffer, logged func() string) {
	t.Helper()
	l := newTestLoop(t)
	log, text := fileLog(t, l)
	out = &bytes.Buffer{}
	s = &settings{log: log, out: out, build: build{version: "test", commit: "0123456789abcdef", changed: true}}
	s.ending = &ending{log: log, execute: func([]string, []string) error { return unix.ENOENT }}
	return s, out, func() string {
		log.Flush()
		return text()
	}
}

func newTestLoop(t *testing.T) *loop.Loop {
	t.Helper()
	l, err := loop.New(loop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// fileLog is a log to a file, whose text is the second result.
func fileLog(t *testing.T, l *loop.Loop) (log *Log, text func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	fd, err := unix.Open(path, unix.O_CREAT|unix.O_WRONLY|unix.O_APPEND|unix.O_CLOEXEC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	log = testLog(t, l, fd)
	closeQuietly(fd)
	return log, func() string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
}

// testLog is a log to a copy of fd.
func testLog(t *testing.T, l *loop.Loop, fd int) *Log {
	t.Helper()
	log := &Log{loop: l, filter: control.LevelDebug}
	l.RoundEnd(log.Flush)
	log.direct("log", fd)
	t.Cleanup(func() { log.direct("", -1) })
	return log
}

func TestOptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args string
		want func(s *settings) bool
	}{
		{"-i", func(s *settings) bool { return s.interactive && s.config == "" }},
		{"-ic FILE", func(s *settings) bool { return s.interactive && s.config == file }},
		{"-cS FILE /sock", func(s *settings) bool { return s.config == file && s.socket == "/sock" }},
		{"- -i -", func(s *settings) bool { return s.interactive }},
		{"--config -", func(s *settings) bool { return s.config == "-" }},
		{"-c FILE -c -", func(s *settings) bool { return s.config == "-" }},
		{"-S a --socket b", func(s *settings) bool { return s.socket == "b" }},
		{"-S s -DM", func(s *settings) bool { return s.daemonize && s.lock }},
		{"-iD", func(s *settings) bool { return !s.daemonize }},
		{"-i", func(s *settings) bool { return s.log.Filter() == control.LevelDebug }},
		{"-iv", func(s *settings) bool { return s.log.Filter() == control.LevelTrace }},
		{"-ivv", func(s *settings) bool { return s.log.Filter() == control.LevelNone }},
		{"-ivvvvq", func(s *settings) bool { return s.log.Filter() == control.LevelTrace }},
		{"-iq", func(s *settings) bool { return s.log.Filter() == control.LevelInfo }},
		{"-i --quiet --quiet -qqqqqq", func(s *settings) bool { return s.log.Filter() == control.LevelFatal }},
		{"-i --exit-guard 54321", func(s *settings) bool { return s.ending.guard == 54321 }},
		{"-i --exit-guard -9223372036854775808", func(s *settings) bool { return s.ending.guard == -1<<63 }},
		{"-i --exit-guard 5 --exit-guard 0", func(s *settings) bool { return s.ending.guard == 0 }},
		{"-i --exit-guard 99999999999999999999", func(s *settings) bool { return s.ending.guard == 1<<63-1 }},
		{"-iE /bin/sh\t-c\texit", func(s *settings) bool { return slices.Equal(s.ending.args, []string{"/bin/sh", "-c", "exit"}) }},
		{"-E a --exit-exec EMPTY -i", func(s *settings) bool { return s.ending.args == nil }},
		{"-i --fd-pool 30x4k --service-pool 5", func(s *settings) bool { return s.handles == pool{30, 4096} && s.services == pool{5, 512} }},
	} {
		s, _, logged := fakeSettings(t)
		if err := s.parse(words(test.args, file)); err != nil || !test.want(s) {
			t.Errorf("%s: %v, %+v, %+v\n%s", test.args, err, s, s.ending, logged())
		}
	}
}

// words are the elements of a command line, divided by blanks; FILE and EMPTY stand for themselves.
func words(text, file string) []string {
	list := strings.Split(text, " ")
	for i, word := range list {
		switch word {
		case "FILE":
			list[i] = file
		case "EMPTY":
			list[i] = ""
		}
	}
	return list
}

func TestOptionErrors(t *testing.T) {
	long := strings.Repeat("x", 256)
	for args, want := range map[string]string{
		"-v":                          "require -i or -c or -S",
		"-Z":                          "Unknown option -Z  (see --help)",
		"-iZ":                         "Unknown option -Z  (see --help)",
		"--bogus":                     "Unknown option --bogus  (see --help)",
		"--socket=x":                  "Unknown option --socket=x  (see --help)",
		"--":                          "Unknown option --  (see --help)",
		"-i -c":                       "Missing argument for -c",
		"--config":                    "Missing argument for --config",
		"-i foo":                      "Unexpected argument \"foo\"\n",
		"-i EMPTY":                    "Unexpected argument \"\"\n",
		"-c /does/not/exist":          "Cannot stat configfile \"/does/not/exist\"",
		"-i --exit-guard x":           "Terminate guard must be an integer",
		"-i --exit-guard 5x":          "Terminate guard must be an integer",
		"-i -E " + long:               "exec-on-exit arguments exceed buffer size",
		"-i --fd-pool":                "Missing argument for --fd-pool",
		"-i --fd-pool x":              "Expected 'N' or 'NxM' where N and M are integers and M has an optional size suffix",
		"-i --service-pool 3x5t":      "Expected 'N' or 'NxM' where N and M are integers and M has an optional size suffix",
		"-i --service-pool 3k":        "Expected 'N' or 'NxM' where N and M are integers and M has an optional size suffix",
		"-i --nonsense -E x -c /nope": "Unknown option --nonsense  (see --help)",
	} {
		s, _, logged := fakeSettings(t)
		err := s.parse(words(args, ""))
		if code, ok := errors.AsType[status](err); !ok || code != codeOptions || logged() != "fatal: "+want+"\n" {
			t.Errorf("%s: %v, %q, want %q", args, err, logged(), want)
		}
	}
}

// A guard makes wrong options a matter of the log.
func TestGuardGoesOn(t *testing.T) {
	s, out, logged := fakeSettings(t)
	if err := s.parse(words("--exit-guard 5 --bogus foo --help -c", "")); err != nil {
		t.Fatal(err)
	}
	const want = "fatal: (attempting to continue) Unknown option --bogus  (see --help)\n" +
		"fatal: (attempting to continue) Unexpected argument \"foo\"\n\n" +
		"fatal: (attempting to continue) Missing argument for -c\n" +
		"fatal: (attempting to continue) require -i or -c or -S\n"
	if logged() != want || !strings.Contains(out.String(), "options:") {
		t.Errorf("%q, %q", logged(), out)
	}
}

func TestPoolWarnings(t *testing.T) {
	for args, want := range map[string]string{
		"--fd-pool 1":             "At least 7 fd objects required; using minimum",
		"--fd-pool 1025":          "fd pool size exceeds max number of allowed file descriptors; limiting to 1024",
		"--fd-pool 9x1":           "fd obj size increased to minimum of 32",
		"--fd-pool 9x5k":          "fd obj size limited to maximum of 4096",
		"--service-pool 0":        "At least 1 service objects required; using minimum",
		"--service-pool 65536":    "service pool size exceeds maximum; limiting to 65535",
		"--service-pool 3x63b":    "servce obj size increased to minimum of 64",
		"--service-pool 3xgibber": "",
	} {
		s, _, logged := fakeSettings(t)
		err := s.parse(words("-i "+args, ""))
		if want != "" && (err != nil || logged() != "warning: "+want+"\n") || want == "" && err == nil {
			t.Errorf("%s: %v, %q", args, err, logged())
		}
	}
}

func TestPools(t *testing.T) {
	for text, want := range map[string][2]int64{
		"5": {5, 7}, "5x": {5, 7}, "-5x3": {-5, 3}, "5x3": {5, 3}, "5x3b": {5, 3}, "5x3K": {5, 3072}, "5x3KB": {5, 3000},
		"5x3KiB": {5, 3072}, "5x2m": {5, 2 << 20}, "5x2MB": {5, 2_000_000}, "5x1g": {5, 1 << 30}, "5x1GIB": {5, 1 << 30},
	} {
		count, size, ok := parsePool(text, 7)
		if !ok || count != want[0] || size != want[1] {
			t.Errorf("%q: %d, %d, %t, want %d", text, count, size, ok, want)
		}
	}
	for _, text := range []string{"", "x", "x5", "+5", "5x+5", "5xx", "5x5x", "5x5t", "5xk", "5x5ki", "5x5bb", "5x5bib", "5x9999999999g", " 5"} {
		if _, _, ok := parsePool(text, 7); ok {
			t.Errorf("%q is a pool", text)
		}
	}
}

func FuzzPool(f *testing.F) {
	for _, seed := range []string{"5", "5x3KiB", "-1x9g", "x", "5xt", "0x\xc7"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		count, size, ok := parsePool(text, 96)
		if !ok {
			return
		}
		p := handlePool.apply(count, size, func(string, ...any) {})
		if p.count < 7 || p.count > 1024 || p.size < 32 || p.size > 4096 {
			t.Errorf("%q is %+v", text, p)
		}
	})
}

func FuzzOptions(f *testing.F) {
	f.Add("-ic\n/dev/null\n--fd-pool\n7x3k")
	f.Add("-\n--\n-DSv\nx")
	f.Fuzz(func(_ *testing.T, text string) {
		log := &Log{}
		s := &settings{log: log, out: &bytes.Buffer{}, ending: &ending{log: log, execute: func([]string, []string) error { return unix.ENOENT }}}
		_ = s.parse(strings.Split(text, "\n"))
	})
}

func TestHelp(t *testing.T) {
	s, out, logged := fakeSettings(t)
	err := s.parse([]string{"-h", "--bogus"})
	if !errors.Is(err, status(codeNothing)) || logged() != "" {
		t.Errorf("%v, %q", err, logged())
	}
	for _, want := range []string{
		`(?s)\Adaemonproxy version \d+\.\d+\.\d+-sockbridge.*\noptions:\n  -c --config       FILENAME  `,
		`(?s)options.*--interactive.*--exit-exec`, `(?m)^     --fd-pool      N\[xM\]    `,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("%q has no match of %q", out, want)
		}
	}
}

func TestVersion(t *testing.T) {
	s, out, _ := fakeSettings(t)
	if err := s.parse([]string{"--version"}); !errors.Is(err, status(codeNothing)) {
		t.Error(err)
	}
	want := regexp.MustCompile(`\Adaemonproxy version \d+\.\d+\.\d+-\w+\n.*build timestamp: .*\n.*git HEAD:.*\nCopyright \(C\) \d{4}-\d{4} .*\n.*LICENSE.*\n\z`)
	if !want.MatchString(out.String()) {
		t.Errorf("%q", out)
	}
}

func TestBanner(t *testing.T) {
	lines := banner(build{commit: "0123456789", changed: true})
	if len(lines) != 6 || !strings.HasSuffix(lines[0], "(git 01234567+)") || !strings.HasPrefix(lines[5], "Interactive mode.  Use ^D or 'exit'") {
		t.Errorf("%q", lines)
	}
}
