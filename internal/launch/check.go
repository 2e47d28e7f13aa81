package launch

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// What a Spec and a Start may hold at most. The kernel's own bounds are 128 KiB a string, a quarter of the stack's limit
// for all, and RLIMIT_NOFILE.
const (
	maxArguments = 65536
	maxEnv       = 1024
	maxString    = 128<<10 - 1
	maxStrings   = 2 << 20
	maxPath      = 4095
	maxFiles     = 16384
	maxGroups    = 65536
	maxID        = math.MaxUint32 - 1 // the highest number means "unchanged" to setresuid(2)
	maxResource  = 15                 // RLIMIT_RTTIME
)

// Compile checks the spec and copies what may change. Its error holds every bad value, one a line.
func (l *Launcher) Compile(spec Spec) (*Program, error) {
	c := checker{}
	c.paths(&spec)
	c.strings("argument", spec.Argv, maxArguments)
	if len(spec.Argv) == 0 {
		c.bad("no arguments: the first is the program's name")
	}
	c.environment(spec.Env)
	c.total(spec.Argv, spec.Env)
	c.numbers(&spec)
	for i, limit := range spec.Limits {
		c.limit(limit, spec.Limits[:i])
	}
	c.identity(spec.Identity)
	for i, file := range spec.Files {
		c.file(i, file)
	}
	if err := c.err(spec.Unit); err != nil {
		return nil, err
	}
	spec = spec.clone()
	if spec.KeepLimits && !hasLimit(spec.Limits, unix.RLIMIT_NOFILE) {
		spec.Limits = append(spec.Limits, l.host.found)
	}
	return &Program{spec: spec}, nil
}

// clone copies what the caller could change later; strings are shared.
func (s Spec) clone() Spec {
	s.Argv, s.Env, s.Limits = slices.Clone(s.Argv), slices.Clone(s.Env), slices.Clone(s.Limits)
	if s.Nice != nil {
		nice := *s.Nice
		s.Nice = &nice
	}
	if s.Identity != nil {
		identity := *s.Identity
		identity.Groups = slices.Clone(identity.Groups)
		s.Identity = &identity
	}
	if s.Dir == "" {
		s.Dir = "/"
	}
	return s
}

// check is for what a start adds.
func (s *Start) check(unit string) error {
	c := checker{}
	if len(s.Files) > maxFiles {
		c.bad("%d descriptors, at most %d can be passed", len(s.Files), maxFiles)
	}
	for i, fd := range s.Streams {
		if fd < 0 && fd != ownFile && fd != Closed {
			c.bad("stream %d: %d is not a descriptor", i, fd)
		}
	}
	for i, fd := range s.Files {
		if fd < 0 && fd != Closed {
			c.bad("descriptor %d: %d is not a descriptor", 3+i, fd)
		}
	}
	c.environment(s.Env)
	c.total(s.Env)
	return c.err(unit)
}

// A checker collects what is bad.
type checker []error

func (c *checker) bad(format string, args ...any) { *c = append(*c, fmt.Errorf(format, args...)) }

func (c *checker) err(unit string) error {
	if len(*c) == 0 {
		return nil
	}
	return fmt.Errorf("cannot start unit %q: %w", unit, errors.Join(*c...))
}

func (c *checker) paths(s *Spec) {
	c.path("executable", s.Path)
	if s.Dir != "" {
		c.path("working directory", s.Dir)
	}
	if s.Root != "" {
		c.path("root directory", s.Root)
	}
}

func (c *checker) path(what, path string) {
	switch {
	case !strings.HasPrefix(path, "/"):
		c.bad("%s %q is not absolute", what, path)
	case len(path) > maxPath:
		c.bad("%s %.40q… is longer than %d bytes", what, path, maxPath)
	}
	c.nul(what, path)
}

func (c *checker) nul(what, value string) {
	if strings.ContainsRune(value, 0) {
		c.bad("%s %.40q holds a NUL byte", what, value)
	}
}

func (c *checker) strings(what string, values []string, most int) {
	if len(values) > most {
		c.bad("%d %ss, at most %d are possible", len(values), what, most)
	}
	for i, value := range values {
		if len(value) > maxString {
			c.bad("%s %d is longer than %d bytes", what, i, maxString)
		}
		c.nul(what, value)
	}
}

func (c *checker) environment(variables []string) {
	c.strings("environment variable", variables, maxEnv)
	for i, variable := range variables {
		name := variableName(variable)
		switch {
		case name == "":
			c.bad("environment variable %.40q is not NAME=value", variable)
		case sets(variables[:i], name):
			c.bad("environment variable %q is set twice", name)
		}
	}
}

// variableName is what stands before the first "="; "" when there is none.
func variableName(variable string) string {
	name, _, ok := strings.Cut(variable, "=")
	if !ok {
		return ""
	}
	return name
}

// sets reports whether the name is among the variables. They are few, and a map would be an allocation at each start.
func sets(variables []string, name string) bool {
	for _, variable := range variables {
		if len(variable) > len(name) && variable[len(name)] == '=' && variable[:len(name)] == name {
			return true
		}
	}
	return false
}

func (c *checker) total(lists ...[]string) {
	size := 0
	for _, list := range lists {
		for _, value := range list {
			size += len(value) + 1
		}
	}
	if size > maxStrings {
		c.bad("arguments and environment are %d bytes, at most %d are possible", size, maxStrings)
	}
}

func (c *checker) numbers(s *Spec) {
	if s.Umask > 0o777 {
		c.bad("umask %#o is not 0 to 0777", s.Umask)
	}
	if s.Nice != nil && (*s.Nice < -20 || *s.Nice > 19) {
		c.bad("nice level %d is not -20 to 19", *s.Nice)
	}
}

func (c *checker) limit(limit Limit, before []Limit) {
	if limit.Resource < 0 || limit.Resource > maxResource {
		c.bad("limit %q: there is no resource %d", limit.Name, limit.Resource)
	}
	if limit.Soft > limit.Hard {
		c.bad("limit %q: the soft limit %d is above the hard limit %d", limit.Name, limit.Soft, limit.Hard)
	}
	if slices.ContainsFunc(before, func(other Limit) bool { return other.Resource == limit.Resource }) {
		c.bad("limit %q is set twice", limit.Name)
	}
}

func (c *checker) identity(identity *Identity) {
	if identity == nil {
		return
	}
	c.id("user", identity.UID)
	c.id("group", identity.GID)
	if len(identity.Groups) > maxGroups {
		c.bad("%d supplementary groups, at most %d are possible", len(identity.Groups), maxGroups)
	}
	for _, group := range identity.Groups {
		c.id("supplementary group", group)
	}
}

func (c *checker) id(what string, id int) {
	if id < 0 || uint64(id) > maxID {
		c.bad("%s id %d is not 0 to %d", what, id, uint64(maxID))
	}
}

const fileFlags = unix.O_ACCMODE | unix.O_APPEND | unix.O_CREAT | unix.O_TRUNC | unix.O_EXCL | unix.O_NONBLOCK |
	unix.O_SYNC | unix.O_DSYNC | unix.O_NOFOLLOW | unix.O_NOCTTY | unix.O_CLOEXEC | unix.O_LARGEFILE | unix.O_DIRECTORY

func (c *checker) file(stream int, file File) {
	if file == (File{}) {
		return
	}
	what := fmt.Sprintf("file of stream %d", stream)
	c.path(what, file.Path)
	if unknown := file.Flags &^ fileFlags; unknown != 0 {
		c.bad("%s: flags %#x are not possible", what, unknown)
	}
	if file.Mode > 0o777 {
		c.bad("%s: mode %#o is not 0 to 0777", what, file.Mode)
	}
}
