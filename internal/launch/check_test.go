package launch

import (
	"math"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func valid() Spec {
	return Spec{Unit: "x", Path: "/bin/true", Argv: []string{"true"}}
}

func TestCompileErrors(t *testing.T) {
	l := &Launcher{}
	long := strings.Repeat("x", maxString+1)
	for want, change := range map[string]func(*Spec){
		`executable "true" is not absolute`:                   func(s *Spec) { s.Path = "true" },
		`executable "" is not absolute`:                       func(s *Spec) { s.Path = "" },
		"executable \"/a\\x00b\" holds a NUL byte":            func(s *Spec) { s.Path = "/a\x00b" },
		"is longer than 4095 bytes":                           func(s *Spec) { s.Path = "/" + long[:maxPath] },
		`working directory "tmp" is not absolute`:             func(s *Spec) { s.Dir = "tmp" },
		`root directory "." is not absolute`:                  func(s *Spec) { s.Root = "." },
		"no arguments":                                        func(s *Spec) { s.Argv = nil },
		"65537 arguments, at most 65536 are possible":         func(s *Spec) { s.Argv = slices.Repeat([]string{"x"}, 65537) },
		"argument 1 is longer than 131071 bytes":              func(s *Spec) { s.Argv = []string{"x", long} },
		`argument "a\x00" holds a NUL byte`:                   func(s *Spec) { s.Argv = []string{"a\x00"} },
		"1025 environment variables":                          func(s *Spec) { s.Env = slices.Repeat([]string{"x=y"}, 1025) },
		`environment variable "A" is not NAME=value`:          func(s *Spec) { s.Env = []string{"A"} },
		`environment variable "=A" is not NAME=value`:         func(s *Spec) { s.Env = []string{"=A"} },
		`environment variable "A" is set twice`:               func(s *Spec) { s.Env = []string{"A=1", "B=", "A="} },
		`environment variable "A=\x00" holds a NUL byte`:      func(s *Spec) { s.Env = []string{"A=\x00"} },
		"arguments and environment are 2097168 bytes":         func(s *Spec) { s.Argv = slices.Repeat([]string{long[1:]}, 16); s.Env = []string{"A=3456789abcdef"} },
		"umask 01000 is not 0 to 0777":                        func(s *Spec) { s.Umask = 0o1000 },
		"nice level 20 is not -20 to 19":                      func(s *Spec) { s.Nice = new(20) },
		"nice level -21 is not -20 to 19":                     func(s *Spec) { s.Nice = new(-21) },
		`limit "x": there is no resource 16`:                  func(s *Spec) { s.Limits = []Limit{{Name: "x", Resource: 16}} },
		`limit "x": there is no resource -1`:                  func(s *Spec) { s.Limits = []Limit{{Name: "x", Resource: -1}} },
		`limit "x": the soft limit 2 is above the hard limit`: func(s *Spec) { s.Limits = []Limit{{Name: "x", Soft: 2, Hard: 1}} },
		`limit "y" is set twice`:                              func(s *Spec) { s.Limits = []Limit{{Name: "x"}, {Name: "y"}} },
		"user id -1 is not 0 to 4294967294":                   func(s *Spec) { s.Identity = &Identity{UID: -1} },
		"user id 4294967295 is not":                           func(s *Spec) { s.Identity = &Identity{UID: math.MaxUint32} },
		"group id 4294967296 is not":                          func(s *Spec) { s.Identity = &Identity{GID: 1 << 32} },
		"supplementary group id -5 is not":                    func(s *Spec) { s.Identity = &Identity{Groups: []int{1, -5}} },
		"65537 supplementary groups":                          func(s *Spec) { s.Identity = &Identity{Groups: make([]int, 65537)} },
		`file of stream 1 "x" is not absolute`:                func(s *Spec) { s.Files[1].Path = "x" },
		`file of stream 2 "" is not absolute`:                 func(s *Spec) { s.Files[2].Flags = unix.O_WRONLY },
		"file of stream 0: flags 0x200000 are not possible":   func(s *Spec) { s.Files[0] = File{Path: "/x", Flags: unix.O_PATH} },
		"file of stream 0: mode 04755 is not 0 to 0777":       func(s *Spec) { s.Files[0] = File{Path: "/x", Mode: 0o4755} },
	} {
		spec := valid()
		change(&spec)
		p, err := l.Compile(spec)
		if p != nil || err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), `cannot start unit "x": `) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestCompileReportsAll(t *testing.T) {
	_, err := (&Launcher{}).Compile(Spec{Unit: "x", Dir: "a", Umask: 0o7777})
	for _, want := range []string{"executable", "working directory", "no arguments", "umask"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not speak of %q", err, want)
		}
	}
}

// A Program does not change with what it was made from.
func TestProgramIsImmutable(t *testing.T) {
	spec := valid()
	spec.Env = []string{"A=1"}
	spec.Limits = []Limit{{Name: "core"}}
	spec.Nice = new(1)
	spec.Identity = &Identity{UID: 1, Groups: []int{1}}
	p, err := (&Launcher{}).Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	spec.Argv[0], spec.Env[0], spec.Limits[0].Name, *spec.Nice, spec.Identity.UID, spec.Identity.Groups[0] = "", "", "", 2, 2, 2
	s := p.spec
	if s.Argv[0] != "true" || s.Env[0] != "A=1" || s.Limits[0].Name != "core" || *s.Nice != 1 || s.Identity.UID != 1 || s.Identity.Groups[0] != 1 || s.Dir != "/" {
		t.Errorf("%+v", s)
	}
}

func TestStartErrors(t *testing.T) {
	l := newLauncher(t, MethodAuto)
	p := compile(t, l, valid())
	for want, s := range map[string]Start{
		"stream 1: -3 is not a descriptor":                 {Streams: [3]int{-1, -3, -1}},
		"descriptor 4: -1 is not a descriptor":             {Files: []int{0, -1}},
		"16385 descriptors, at most 16384 can be passed":   {Files: make([]int, 16385)},
		`environment variable "A" is not NAME=value`:       {Env: []string{"A"}},
		"environment variable \"A=1\\x00B=2\" holds a NUL": {Env: []string{"A=1\x00B=2"}},
	} {
		if _, err := l.Start(p, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
