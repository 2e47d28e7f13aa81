package units

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// A keyCase is what a key takes and what it does not.
type keyCase struct {
	with string            // other keys, before the section of the key and in it where they begin with a dot
	good map[string]string // TOML → the effective value
	bad  map[string]string // TOML → a piece of the message
}

var (
	boolCase = keyCase{
		good: map[string]string{"true": "true", "false": "false"},
		bad:  map[string]string{"1": "must be a boolean, not an integer", `"yes"`: "not a string", "[true]": "not a list", "{}": "not a table"},
	}
	pathCase = keyCase{
		good: map[string]string{`"/srv"`: "/srv"},
		bad:  map[string]string{`"srv"`: "not an absolute path", `""`: "not an absolute path", `"/a\u0000"`: "NUL", "1": "must be a string"},
	}
	nodeOwnerCase = keyCase{
		good: map[string]string{`"www"`: "33", `"1234"`: "1234"},
		bad: map[string]string{
			`"nosuch"`: "does not exist", `""`: "is empty", `"a b"`: "not the name of an account", "33": "must be a string",
			`"4294967295"`: "does not exist", `"-1"`: "neither a name nor a number",
		},
	}
)

func wholeSeconds(bad map[string]string) keyCase {
	c := keyCase{
		good: map[string]string{"5": "5s", `"2min"`: "2min"},
		bad:  map[string]string{`"10 parsecs"`: "not a duration", "-1": "must be", "0.5": "whole seconds", "nan": "not a duration", `"infinity"`: "must be", `"10h"`: "must be", "true": "must be a duration"},
	}
	maps.Copy(c.bad, bad)
	return c
}

func number(least, most int64) keyCase {
	return keyCase{
		good: map[string]string{fmt.Sprint(least): fmt.Sprint(least), fmt.Sprint(most): fmt.Sprint(most)},
		bad: map[string]string{
			fmt.Sprint(least - 1): "must be", fmt.Sprint(most + 1): "must be", `"1"`: "must be", "1.5": "must be", "nan": "must be",
			"9223372036854775807": "must be", "9223372036854775808": "out of range", "[1]": "not a list",
		},
	}
}

func size() keyCase {
	return keyCase{
		good: map[string]string{"1": "1", `"64K"`: "65536", `"1.5M"`: "1572864", `"512B"`: "512", "1073741823": "1073741823"},
		bad:  map[string]string{"0": "must be", "-1": "must be", `"1X"`: "not a size", `"K"`: "not a size", `"-1K"`: "not a size", `"9T"`: "must be", `"99999999T"`: "too large", `"1e3"`: "not a size", "1.5": "must be a size"},
	}
}

func streams(good ...string) keyCase {
	c := keyCase{good: map[string]string{}, bad: map[string]string{`"sokcet"`: "must be one of", `"file:"`: "absolute path", `"file:x"`: "absolute path", "1": "must be a string", `""`: "must be one of"}}
	for _, g := range good {
		c.good[fmt.Sprintf("%q", g)] = g
	}
	return c
}

func addresses(good map[string]string, bad ...string) keyCase {
	c := keyCase{good: good, bad: map[string]string{`"80"`: "must be a list", "[80]": "must be a string", `[""]`: "is not an", "true": "must be a list"}}
	for _, b := range bad {
		c.bad[b] = "listen_"
	}
	return c
}

func rlimit(good, bad map[string]string) keyCase {
	c := keyCase{
		good: map[string]string{"5": "5:5", `"infinity"`: "infinity:infinity", `"3:infinity"`: "3:infinity", `"3:4"`: "3:4"},
		bad: map[string]string{
			"-1": "not a limit", "1.5": "must be a number or a string", `"5:4"`: "soft limit above", `"infinity:5"`: "soft limit above",
			`"1:2:3"`: "not a limit", `""`: "not a limit", `"many"`: "not a limit", "[1]": "must be a number or a string",
		},
	}
	maps.Copy(c.good, good)
	maps.Copy(c.bad, bad)
	return c
}

var byteLimit = rlimit(map[string]string{`"1K:1M"`: "1024:1048576", "0": "0:0"}, map[string]string{`"1s"`: "not a limit"})

var countLimit = rlimit(map[string]string{"7": "7:7"}, map[string]string{`"1K"`: "not a limit", "9223372036854775808": "out of range"})

var keyCases = map[string]keyCase{
	"description":   {good: map[string]string{`"One"`: "One", `""`: ""}, bad: map[string]string{"1": "must be a string"}},
	"documentation": {good: map[string]string{`["man:x(8)"]`: `["man:x(8)"]`}, bad: map[string]string{`"man:x(8)"`: "must be a list", "[1]": "must be a string"}},
	"enabled":       {good: map[string]string{"true": ""}, bad: boolCase.bad},
	"defaults":      {good: map[string]string{"true": "", "false": ""}, bad: boolCase.bad},

	"socket.listen_stream": addresses(map[string]string{
		`["81"]`: `["81"]`, `["127.0.0.1:81", "[::1]:81"]`: `["127.0.0.1:81", "[::1]:81"]`, `["[fe80::1]:81%eth0"]`: `["[fe80::1]:81%eth0"]`,
		`["/run//y"]`: `["/run/y"]`, `["@y"]`: `["@y"]`, `["vsock:2:81"]`: `["vsock:2:81"]`, `["vsock::81"]`: `["vsock::81"]`,
		`["localhost:http"]`: `["127.0.0.1:80", "[::1]:80"]`, `["[::ffff:10.0.0.1]:81"]`: `["10.0.0.1:81"]`,
	}, `["0"]`, `["65536"]`, `["nosuch:80"]`, `["localhost:nosuch"]`),
	"socket.listen_datagram":          addresses(map[string]string{`["81"]`: `["81"]`, `["/run/y"]`: `["/run/y"]`}, `["vsock:2:80"]`, `["localhost:http"]`),
	"socket.listen_sequential_packet": addresses(map[string]string{`["/run/y", "@y"]`: `["/run/y", "@y"]`}, `["80"]`, `["127.0.0.1:80"]`),
	"socket.listen_fifo":              addresses(map[string]string{`["/run/y"]`: `["/run/y"]`}, `["80"]`, `["@y"]`),
	"socket.accept":                   boolCase,
	"socket.backlog": {
		good: map[string]string{"1": "1", "128": "128", "4294967295": "2147483647"},
		bad:  map[string]string{"0": "must be 1 to 4294967295", "-1": "must be", "4294967296": "must be", `"128"`: "must be an integer"},
	},
	"socket.bind_ipv6_only":             {good: map[string]string{`"both"`: "both", `"default"`: "default", `"ipv6-only"`: "ipv6-only"}, bad: map[string]string{`"no"`: "must be one of", "true": "must be a string"}},
	"socket.bind_to_device":             {good: map[string]string{`"eth0"`: "eth0"}, bad: map[string]string{`""`: "not the name", `"a/b"`: "not the name", `"0123456789abcdef"`: "not the name"}},
	"socket.socket_user":                nodeOwnerCase,
	"socket.socket_group":               nodeOwnerCase,
	"socket.socket_mode":                modeCase(),
	"socket.directory_mode":             modeCase(),
	"socket.max_connections":            limitCase(),
	"socket.max_connections_per_source": limitCase(),
	"socket.keep_alive":                 boolCase,
	"socket.keep_alive_time_sec":        wholeSeconds(map[string]string{"0": "must be"}),
	"socket.keep_alive_interval_sec":    wholeSeconds(map[string]string{"0": "must be"}),
	"socket.keep_alive_probes":          number(1, 127),
	"socket.no_delay":                   boolCase,
	"socket.priority":                   number(0, 2147483647),
	"socket.defer_accept_sec":           wholeSeconds(nil),
	"socket.receive_buffer":             size(),
	"socket.send_buffer":                size(),
	"socket.ip_tos": {
		good: map[string]string{"0": "0", "255": "255", `"low-delay"`: "16", `"throughput"`: "8", `"reliability"`: "4", `"low-cost"`: "2"},
		bad:  map[string]string{"256": "must be", "-1": "must be", `"fast"`: "must be one of", "true": "must be an integer"},
	},
	"socket.ip_ttl":           number(1, 255),
	"socket.mark":             number(0, 4294967295),
	"socket.reuse_port":       boolCase,
	"socket.free_bind":        boolCase,
	"socket.transparent":      boolCase,
	"socket.broadcast":        boolCase,
	"socket.pass_credentials": boolCase,
	"socket.pass_packet_info": boolCase,
	"socket.tcp_congestion":   {good: map[string]string{`"bbr"`: "bbr"}, bad: map[string]string{`""`: "not the name", `"b r"`: "not the name"}},
	"socket.socket_protocol":  {good: map[string]string{`"mptcp"`: "mptcp"}, bad: map[string]string{`"sctp"`: "must be one of", "1": "must be a string"}},
	"socket.remove_on_stop":   boolCase,
	"socket.symlinks":         {good: map[string]string{`["/run/l"]`: `["/run/l"]`, "[]": "[]"}, bad: map[string]string{`["l"]`: "not an absolute path", `"/run/l"`: "must be a list"}},
	"socket.file_descriptor_name": {
		good: map[string]string{`"web"`: "web"},
		bad:  map[string]string{`""`: "not a descriptor name", `"a:b"`: "not a descriptor name", `"é"`: "not a descriptor name", `"a\tb"`: "not a descriptor name"},
	},

	"service.exec_start": {
		good: map[string]string{`["/bin/cat", ""]`: `["/bin/cat", ""]`, `["cat"]`: `["/usr/local/sbin/cat"]`, `["missing"]`: `["/usr/bin/missing"]`},
		bad:  map[string]string{"[]": "is empty", `[""]`: "not a program", `["bin/cat"]`: "neither an absolute path", `"cat"`: "must be a list", `["cat", 1]`: "must be a string", `["a\u0000"]`: "NUL", `["/bin/"]`: "not a program"},
	},
	"service.script": {with: "-exec", good: map[string]string{`"exit 1"`: "exit 1"}, bad: map[string]string{`""`: "is empty", "1": "must be a string", `"\u0000"`: "NUL"}},
	"service.user": {
		good: map[string]string{`"www"`: "www (33)", `"0"`: "root (0)", `"33"`: "www (33)"},
		bad: map[string]string{
			`"nosuch"`: "does not exist", `"root "`: "not the name", `""`: "is empty", "0": "must be a string", `"-1"`: "neither", `"4294967295"`: "does not exist",
			`"65535"`: "does not exist", `"65536"`: "no entry", `"+0"`: "neither", `"a/b"`: "not the name",
		},
	},
	"service.group":                {good: map[string]string{`"adm"`: "adm (4)", `"4"`: "4 (4)"}, bad: map[string]string{`"nosuch"`: "does not exist", `""`: "is empty", "4": "must be a string"}},
	"service.supplementary_groups": {good: map[string]string{`["adm", "4", "ssl"]`: "4 110 65534"}, bad: map[string]string{`["nosuch"]`: "does not exist", `"adm"`: "must be a list"}},
	"service.working_directory":    {good: map[string]string{`"/srv"`: "/srv", `"~"`: "/"}, bad: pathCase.bad},
	"service.root_directory":       pathCase,
	"service.umask":                modeCase(),
	"service.environment": {
		good: map[string]string{`{A = "1", PATH = "/x"}`: `["A=1", "HOME=/", "LOGNAME=nobody", "PATH=/x", "SHELL=/bin/false", "USER=nobody"]`},
		bad:  map[string]string{`["A=1"]`: "must be a table", `{"A B" = "1"}`: "not the name of a variable", "{A = 1}": "must be a string", `{A = "\u0000"}`: "NUL", `{1A = ""}`: "not the name", `{"" = ""}`: "without a name"},
	},
	"service.environment_file":  {good: map[string]string{`["/etc/default/x", "-/none"]`: ""}, bad: map[string]string{`["/none"]`: "cannot be read", `["/etc/default/bad"]`: "line 2", `["x"]`: "not an absolute path", `"/etc/default/x"`: "must be a list"}},
	"service.pass_environment":  {good: map[string]string{`["LANG", "NOSUCH"]`: ""}, bad: map[string]string{`["A=B"]`: "not the name", "[1]": "must be a string"}},
	"service.unset_environment": {good: map[string]string{`["HOME"]`: ""}, bad: map[string]string{`["A=B"]`: "not the name", `"HOME"`: "must be a list"}},
	"service.standard_input":    streams("null", "socket", "file:/x"),
	"service.standard_output":   streams("inherit", "null", "socket", "log", "file:/x", "append:/x", "truncate:/x"),
	"service.standard_error":    streams("inherit", "null", "socket", "log", "file:/x", "append:/x", "truncate:/x"),
	"service.nice":              number(-20, 19),
	"service.fd_protocol": {
		good: map[string]string{`["systemd"]`: `["systemd"]`, "[]": "[]", `["upstart", "ucspi"]`: `["upstart", "ucspi"]`},
		bad:  map[string]string{`["ucspi"]`: "announces a connection", `["sd"]`: "must be one of", `"systemd"`: "must be a list"},
	},
	"service.instances":    number(1, 65536),
	"service.non_blocking": boolCase,
	"service.timeout_stop_sec": {
		good: map[string]string{"1": "1s", "0.5": "500ms", `"1min 30s"`: "1min 30s", `"infinity"`: "infinity", "1e3": "16min 40s", "9223372036": "15250w 1d 23h 47min 16s"},
		bad: map[string]string{
			"0": "must be more than 0", "-1": "must be", "-0.1": "must be", `"10 parsecs"`: "not a duration", "nan": "not a duration", "inf": "not a duration",
			"9223372037": "too long", "9223372036854775807": "too long", `"999999w"`: "too long", `"9223372036854775808s"`: "too long", "1e300": "not a duration", `""`: "not a duration", `"1"s`: "TOML",
		},
	},
	"service.limit_as": byteLimit, "service.limit_core": byteLimit, "service.limit_data": byteLimit, "service.limit_fsize": byteLimit,
	"service.limit_memlock": byteLimit, "service.limit_msgqueue": byteLimit, "service.limit_rss": byteLimit, "service.limit_stack": byteLimit,
	"service.limit_locks": countLimit, "service.limit_nproc": countLimit, "service.limit_rtprio": countLimit, "service.limit_sigpending": countLimit,
	"service.limit_nofile": {
		good: map[string]string{"5": "5:5", `"3:4"`: "3:4", "1048576": "1048576:1048576"},
		bad:  map[string]string{"0": "must be more than 0", `"5:4"`: "soft limit above", "1048577": "fs.nr_open", `"3:infinity"`: "fs.nr_open"},
	},
	"service.limit_cpu":    rlimit(map[string]string{`"1min"`: "60:60", `"1500ms:3s"`: "2:3"}, map[string]string{`"1K"`: "not a limit"}),
	"service.limit_rttime": rlimit(map[string]string{`"1ms"`: "1000:1000"}, map[string]string{`"1K"`: "not a limit"}),
	"service.limit_nice":   rlimit(map[string]string{`"+5"`: "15:15", `"-20"`: "40:40", "30": "30:30"}, map[string]string{`"+20"`: "not a limit", "-21": "not a limit", "-1": ""}),

	"access.only_from": prefixCase(),
	"access.no_access": prefixCase(),
	"access.on_limit":  {with: ".accept", good: map[string]string{`"wait"`: "wait", `"refuse"`: "refuse"}, bad: map[string]string{`"reject"`: "must be one of", "true": "must be a string"}},

	"settings.drain_timeout_sec": {}, // TestSettings
	"settings.control_group":     {}, // TestControlSettings
	"settings.control_others":    {}, // TestControlSettings
}

func modeCase() keyCase {
	return keyCase{
		good: map[string]string{"0o640": "0640", `"0640"`: "0640", `"640"`: "0640", "0": "0000"},
		bad:  map[string]string{"640": "is not octal; write 0o640", `"0899"`: "not a mode", "0o1777": "must be 0 to 0777", `"-1"`: "not a mode", "-1": "not octal", "true": "must be a mode", "0x1ff": "not octal"},
	}
}

func limitCase() keyCase {
	return keyCase{
		with: ".accept",
		good: map[string]string{"1": "1", "1000": "1000", `"infinity"`: "infinity"},
		bad:  map[string]string{"0": "must be 1 to", "-1": "must be", "2147483648": "must be", `"10"`: "must be an integer", "1.0": "must be an integer"},
	}
}

func prefixCase() keyCase {
	return keyCase{
		good: map[string]string{
			`["10.0.0.1", "::1"]`: `["10.0.0.1", "::1"]`, `["10.1.2.3/8"]`: `["10.0.0.0/8"]`, `["::ffff:10.0.0.1"]`: `["10.0.0.1"]`,
			`["::ffff:10.0.0.0/104"]`: `["10.0.0.0/8"]`, `["0.0.0.0/0", "::/0"]`: `["0.0.0.0/0", "::/0"]`, "[]": "[]",
		},
		bad: map[string]string{
			`["host.example.org"]`: "not supported yet", `[".example.org"]`: "not supported yet", `["10.0.0"]`: "not an address", `["10.0.0.0/33"]`: "not an address",
			`["::ffff:0:0/95"]`: "holds IPv4 and more", `["::ffff:10.0.0.0/8"]`: "holds IPv4 and more",
			`["fe80::1%eth0"]`: "not an address", `"10.0.0.0/8"`: "must be a list", "[10]": "must be a string", `[""]`: "not an address",
		},
	}
}

// unitWith writes a unit with one key.
func (c keyCase) unitWith(k *Key, toml string) string {
	tables := map[string][]string{"socket": {`listen_stream = ["/run/x"]`}, "service": {`user = "nobody"`, `exec_start = ["/bin/x"]`}}
	if c.with == "-exec" {
		tables["service"] = tables["service"][:1]
	}
	if c.with == ".accept" {
		tables["socket"] = append(tables["socket"], "accept = true")
	}
	tables[k.Section] = append(slices.DeleteFunc(tables[k.Section], func(line string) bool { return strings.HasPrefix(line, k.Name+" ") }), k.Name+" = "+toml)
	var b strings.Builder
	for _, section := range []string{"", "socket", "service", "access"} {
		if section != "" {
			fmt.Fprintf(&b, "[%s]\n", section)
		}
		fmt.Fprintln(&b, strings.Join(tables[section], "\n"))
	}
	return b.String()
}

func TestEveryKey(t *testing.T) {
	for _, k := range Keys() {
		c, ok := keyCases[k.String()]
		if ok != k.InForce() {
			t.Errorf("%s: in force %v, has cases %v", k, k.InForce(), ok)
		}
		for toml, want := range c.good {
			u := loadUnit(t, c.unitWith(k, toml))
			i := slices.IndexFunc(u.Values(), func(v Value) bool { return v.Key == k.String() })
			switch {
			case i < 0 != k.aside:
				t.Errorf("%s is not among the values", k)
			case i >= 0 && u.Values()[i].Text != want:
				t.Errorf("%s = %s is %q, want %q", k, toml, u.Values()[i].Text, want)
			case i >= 0 && u.Values()[i].Origin.Line == 0:
				t.Errorf("%s = %s has no origin", k, toml)
			}
		}
		for toml, want := range c.bad {
			if want == "" {
				continue
			}
			got := messages(t, c.unitWith(k, toml))
			if len(got) == 0 || !slices.ContainsFunc(got, func(m string) bool { return strings.Contains(m, "error: ") && strings.Contains(m, want) }) {
				t.Errorf("%s = %s: %q, want %q", k, toml, got, want)
			}
		}
	}
}

// What is not in force is told, never ignored.
func TestKeysNotSupportedYet(t *testing.T) {
	for _, k := range Keys() {
		if k.InForce() {
			continue
		}
		text := keyCase{}.unitWith(&Key{Section: "service", Name: "nice"}, "1") + fmt.Sprintf("[%s]\n%s = 1\n", k.Section, k.Name)
		if k.Section == "socket" || k.Section == "service" || k.Section == "access" {
			text = keyCase{}.unitWith(k, "1")
		}
		want := fmt.Sprintf("error: %q in [%s] is not supported yet", k.Name, k.Section)
		if got := messages(t, text); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%s: %q", k, got)
		}
	}
}

func TestTableOfKeys(t *testing.T) {
	seen := map[string]bool{}
	sections := Sections()
	for _, k := range Keys() {
		if seen[k.String()] {
			t.Errorf("%s is there twice", k)
		}
		seen[k.String()] = true
		switch {
		case !slices.ContainsFunc(sections, func(s Section) bool { return s.Name == k.Section }):
			t.Errorf("%s is in no section", k)
		case k.Doc == "" || !strings.HasSuffix(k.Doc, ".") || strings.Contains(k.Doc, "|"):
			t.Errorf("%s: %q is not a sentence", k, k.Doc)
		case (k.Default == "") == (k.Unset == ""):
			t.Errorf("%s needs either a default or words for being unset", k)
		case k.Type == "":
			t.Errorf("%s has no type", k)
		case LookupKey(k.Section, k.Name) != k:
			t.Errorf("%s is not found", k)
		}
	}
	if p := template().problems; len(p) > 0 {
		t.Errorf("defaults that their own keys refuse:\n%s", p)
	}
}

// Every field that a file can fill is filled by some key; the others are made of the host's answers.
func TestFieldsAreBound(t *testing.T) {
	u := &Unit{Sockets: make([]Socket, 1)}
	s := slot{unit: u, socket: &u.Sockets[0], raw: &written{}, rawSocket: &writtenSocket{}, settings: &Settings{}}
	bound := map[any]bool{}
	for _, k := range Keys() {
		if k.InForce() {
			bound[k.field(s)] = true
		}
	}
	made := []string{
		"Name", "Sockets", "Service", "Access", "Socket.SocketUID", "Socket.SocketGID", "Service.ExecStart", "Service.Account", "Service.Environment", "Access.OnlyFromSet", "Settings.ControlGID",
	}
	for prefix, p := range map[string]any{
		"": s.unit, "Socket.": s.socket, "Service.": &u.Service, "Access.": &u.Access, "written.": s.raw, "writtenSocket.": s.rawSocket, "Settings.": s.settings,
	} {
		v := reflect.ValueOf(p).Elem()
		for i := range v.NumField() {
			name := prefix + v.Type().Field(i).Name
			if prefix == "" && !v.Type().Field(i).IsExported() || slices.Contains(made, name) {
				continue
			}
			at := reflect.NewAt(v.Field(i).Type(), v.Field(i).Addr().UnsafePointer()).Interface()
			if !bound[at] {
				t.Errorf("no key binds to %s", name)
			}
		}
	}
}

func TestNearbyNames(t *testing.T) {
	for text, want := range map[string]string{
		"acept = true":                     `1:1: error: unknown key "acept"`,
		"[sockets]":                        `1:1: error: unknown key "sockets"; did you mean "socket"?`,
		"[socket]\nlisten_straem = []":     `2:1: error: unknown key "listen_straem" in [socket]; did you mean "listen_stream"?`,
		"[socket]\nuser = 'x'":             `2:1: error: unknown key "user" in [socket]; it belongs in [service]`,
		"[service]\ndescription = 'x'":     `2:1: error: unknown key "description" in [service]; it belongs before the first section`,
		"[service]\nBacklog = 1":           `2:1: error: unknown key "Backlog" in [service]`,
		"[socket]\nBacklog = 1":            `did you mean "backlog"?`,
		"drain_timeout_sec = 1":            `it belongs in [settings] of sockbridge.toml`,
		"[socket]\n\"\\u001b[31m\" = 1":    `unknown key "\x1b[31m" in [socket]`,
		"[socket]\nzzzzzzzzzzzzzzzzzz = 1": "unknown key \"zzzzzzzzzzzzzzzzzz\" in [socket]",
	} {
		if got := messages(t, text); !slices.ContainsFunc(got, func(m string) bool { return strings.Contains(m, want) }) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
