package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// expect checks an exit status, and standard error against the lines of a pattern.
func (r result) expect(t *testing.T, status int, pattern string) {
	t.Helper()
	if r.status != status {
		t.Errorf("status %d, want %d", r.status, status)
	}
	if r.out != "" {
		t.Errorf("output %q", r.out)
	}
	if !regexp.MustCompile(`^` + pattern + `$`).MatchString(r.err) {
		t.Errorf("standard error\n%swant\n%s", r.err, pattern)
	}
}

func TestNoManager(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/nonexistent")
	dir := shortDir(t)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, why := range map[string]string{
		filepath.Join(dir, "none"):        "there is no such socket",
		filepath.Join(dir, "none/at/all"): "there is no such socket",
		filepath.Join(file, "below"):      "not a directory",
		file:                              "it is not a socket",
		stale(t, dir):                     "the socket is left from a manager that is gone",
	} {
		try(t, path, "list").expect(t, exitNotRunning, fmt.Sprintf(
			"sockbridge: error: no manager listens at %q: %s\nsockbridge: hint: (start it by `sockbridge run.*|a manager listens at /run/.*)\n", path, why))
	}
	try(t, "", "ping").expect(t, exitNotRunning, "sockbridge: error: there is no control socket: .*\nsockbridge: hint: .*SOCKBRIDGE_CONTROL\n")
}

// stale is a socket that nobody listens on any more.
func stale(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "stale")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestManagerElsewhere(t *testing.T) {
	dir := shortDir(t)
	t.Setenv("SOCKBRIDGE_CONTROL", filepath.Join(dir, "elsewhere"))
	r := try(t, filepath.Join(dir, "none"), "list")
	if !strings.Contains(r.err, "sockbridge run --control "+dir+"/none") && !strings.Contains(r.err, "a manager listens at") {
		t.Error(r.err)
	}
}

func TestManagerThatHangs(t *testing.T) {
	path := listen(t, hang)
	try(t, path, "list", "--timeout", "50ms").expect(t, exitTimedOut, fmt.Sprintf(
		"sockbridge: error: the manager, process %d, does not answer at %q within 0.05s\nsockbridge: hint: look at it .*\n", os.Getpid(), path))
}

// A manager may greet and then fall silent.
func TestManagerThatHangsLater(t *testing.T) {
	path := listen(t, func(conn net.Conn) {
		if line, err := bufio.NewReader(conn).ReadString('\n'); err == nil {
			_, _ = conn.Write([]byte(line))
		}
		hang(conn)
	})
	try(t, path, "status", "--timeout", "50ms").expect(t, exitTimedOut, fmt.Sprintf(
		"sockbridge: error: the manager, process %d, does not answer at %q within 0.05s\nsockbridge: hint: .*\n", os.Getpid(), path))
}

// says serves each connection with one text in answer to its first line.
func says(t *testing.T, text string) string {
	t.Helper()
	return listen(t, func(conn net.Conn) {
		defer conn.Close() //nolint:errcheck // the client is served
		if _, err := bufio.NewReader(conn).ReadString('\n'); err == nil {
			_, _ = conn.Write([]byte(text))
		}
	})
}

func TestManagerOfAnotherVersion(t *testing.T) {
	path := says(t, "error\tUnknown command: proto\n")
	try(t, path, "list").expect(t, exitFailed, fmt.Sprintf(
		"sockbridge: error: the program that listens at %q speaks version 1 of the control protocol, this one version 2\nsockbridge: hint: .*daemonproxy.*\n", path))
	path = says(t, "error\tunsupported protocol version\n")
	try(t, path, "list").expect(t, exitFailed, fmt.Sprintf(
		"sockbridge: error: the program that listens at %q does not speak version 2 .*: unsupported protocol version.*\nsockbridge: hint: .*\n", path))
}

func TestNoManagerAtAll(t *testing.T) {
	for _, text := range []string{"", "220 smtp ready\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "\x1b[2J\n"} {
		path := says(t, text)
		r := try(t, path, "list")
		r.expect(t, exitFailed, "sockbridge: error: the program that listens at .* does not answer as a manager: .*\nsockbridge: hint: .*\n")
		if strings.Contains(r.err, "\x1b") {
			t.Errorf("standard error %q", r.err)
		}
	}
}

func TestAnswersThatAreErrors(t *testing.T) {
	path := serveScript(t, canned)
	for _, c := range []struct {
		args   string
		status int
		want   string
	}{
		{"status fingre", exitNoSuchUnit, "sockbridge: error: no unit is named \"fingre\"\nsockbridge: hint: did you mean \"finger\"\\?\n"},
		{"kill nothing", exitNoSuchUnit, "sockbridge: error: neither a unit nor a connection is named \"nothing\"\nsockbridge: hint: .*conns.*\n"},
		{"list x*", exitNoSuchUnit, "sockbridge: error: no unit matches x\\*\nsockbridge: hint: .*\n"},
		{"explain none", exitFailed, "sockbridge: error: none: Unknown command: conn.explain\nsockbridge: hint: the manager is older .*\n"},
		{"kill finger -s NONE", exitUsage, "sockbridge: error: there is no signal \"NONE\"\nsockbridge: hint: .*\n"},
		{"logs --grep (", exitUsage, "sockbridge: error: --grep: .*\nsockbridge: hint: .*\n"},
		{"logs --since tomorrow", exitUsage, "sockbridge: error: --since: \"tomorrow\" is no time.*\nsockbridge: hint: .*\n"},
		{"list -o xml", exitUsage, "sockbridge: error: --output is one of .*, not \"xml\"\nsockbridge: hint: .*\n"},
		{"list --color blue", exitUsage, "sockbridge: error: --color is .*\nsockbridge: hint: .*\n"},
		{"list --timeout soon", exitUsage, "sockbridge: error: invalid argument \"soon\" .*\nsockbridge: hint: .*\n"},
		{"conns --from here", exitUsage, "sockbridge: error: invalid argument \"here\" .*\nsockbridge: hint: .*\n"},
		{"conns a b", exitUsage, "sockbridge: error: conns takes at most one unit\nsockbridge: hint: .*\n"},
		{"start", exitUsage, "sockbridge: error: start takes the names of units\nsockbridge: hint: .*\n"},
		{"lits", exitUsage, "sockbridge: error: unknown command \"lits\" for \"sockbridge\"\nsockbridge: hint: did you mean `sockbridge list`\\?\n"},
		{"help nothing", exitUsage, "sockbridge: error: there is no help on \"nothing\"\nsockbridge: hint: .*exit-status.*\n"},
	} {
		t.Run(c.args, func(t *testing.T) { try(t, path, strings.Fields(c.args)...).expect(t, c.status, c.want) })
	}
	denied := serveScript(t, script{"subscribe units": {}, "unit.pause finger": {"error\tpermission denied\tdenied"}})
	try(t, denied, "pause", "finger").expect(t, exitDenied, "sockbridge: error: finger: permission denied\nsockbridge: hint: .*control_group.*\n")
}

// What is read from a manager that ends is told as that.
func TestManagerThatEnds(t *testing.T) {
	path := listen(t, func(conn net.Conn) {
		defer conn.Close() //nolint:errcheck // the client is served
		lines := bufio.NewScanner(conn)
		for lines.Scan() {
			_, _ = conn.Write(canned.answer(lines.Bytes()))
			if strings.Contains(lines.Text(), "subscribe") {
				return
			}
		}
	})
	r := try(t, path, "events")
	if r.status != exitFailed || !strings.Contains(r.err, "has closed the connection") || strings.Count(r.out, "\n") != 3 {
		t.Errorf("%+v", r)
	}
}

func TestStatusIsForScripts(t *testing.T) {
	paused := strings.Replace(echoUnit, "\tlistening\t", "\tpaused\t", 1)
	path := serveScript(t, script{"unit.status finger": {fingerUnit}, "unit.status echo": {paused}})
	for args, status := range map[string]int{"finger": exitOK, "echo": exitNotListening, "finger echo": exitNotListening} {
		try(t, path, append([]string{"status", "-q"}, strings.Fields(args)...)...).expect(t, status, "")
	}
}

// A flag that would do nothing is refused.
func TestOfflineCommandsTakeNoFlagsOfOthers(t *testing.T) {
	g := tryBare(t, "check", "-o", "json")
	g.expect(t, exitUsage, "sockbridge: error: check asks no manager, and does not take --output\nsockbridge: hint: .*\n")
	g = tryBare(t, "completion", "tcsh")
	g.expect(t, exitUsage, "sockbridge: error: there is a script for bash, zsh and fish, not for \"tcsh\"\nsockbridge: hint: .*\n")
	g = tryBare(t, "version", "--json")
	if g.status != exitOK {
		t.Error(g.err)
	}
}
