package controllers

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/launch"
)

// defaultKillTimeout is what a service has between TERM and KILL.
const defaultKillTimeout = 90 * time.Second

// settings are what service.opts says of a service.
type settings struct {
	generation   int // counts the changes
	user, group  string
	identity     *launch.Identity
	env          []string
	dir          string
	umask        uint32
	pgrp, setsid bool
	limits       []launch.Limit
	nice         *int
	killSignal   unix.Signal
	killTimeout  time.Duration
	notify       bool
	rights       control.Rights
}

func defaultSettings() settings {
	return settings{umask: 0o077, killTimeout: defaultKillTimeout, rights: control.Read}
}

// A serviceOption is one key of service.opts.
type serviceOption struct {
	key, help string
	set       func(s *settings, value string) bool
}

// serviceOptions are all keys but rlimit.NAME, in the order of the documentation.
var serviceOptions = []serviceOption{
	{"user", "runs as this user, by name or number, with its groups", func(s *settings, v string) bool {
		s.user = v
		return v != ""
	}},
	{"group", "and this group", func(s *settings, v string) bool {
		s.group = v
		return v != ""
	}},
	{"env", "NAME=VALUE added to our environment; may be repeated", setEnv},
	{"dir", "working directory, absolute; ours otherwise", func(s *settings, v string) bool {
		s.dir = v
		return filepath.IsAbs(v)
	}},
	{"umask", "octal; 077 otherwise", setUmask},
	{"pgrp", "yes: it leads a process group of its own", func(s *settings, v string) bool { return yesNo(&s.pgrp, v) }},
	{"session", "yes: it leads a session of its own", func(s *settings, v string) bool { return yesNo(&s.setsid, v) }},
	{"nice", "-20 to 19", setNice},
	{"kill_signal", "what asks it to end; TERM otherwise", func(s *settings, v string) (ok bool) {
		s.killSignal, ok = signalByName(v)
		return ok
	}},
	{"kill_timeout", "seconds until KILL follows, or infinity; 90 otherwise", setKillTimeout},
	{"notify", "yes: it says READY=1 to NOTIFY_SOCKET, as sd_notify(3) does", func(s *settings, v string) bool { return yesNo(&s.notify, v) }},
	{"control", "what it may do by its control handles: nothing, read, operate, admin; read otherwise", func(s *settings, v string) bool {
		rights, err := control.ParseRights(v)
		s.rights = rights
		return err == nil
	}},
}

// maxVariables bounds env=.
const maxVariables = 512

func setEnv(s *settings, v string) bool {
	name, _, ok := strings.Cut(v, "=")
	if !ok || name == "" || strings.IndexByte(v, 0) >= 0 || len(s.env) >= maxVariables {
		return false
	}
	s.env = setVariable(s.env, v)
	return true
}

// setVariable adds NAME=VALUE, or puts it in the place of one of that name.
func setVariable(env []string, variable string) []string {
	name, _, _ := strings.Cut(variable, "=")
	i := slices.IndexFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
	if i < 0 {
		return append(env, variable)
	}
	env[i] = variable
	return env
}

func setUmask(s *settings, v string) bool {
	n, err := strconv.ParseUint(v, 8, 32)
	s.umask = uint32(n)
	return err == nil && n <= 0o777
}

func setNice(s *settings, v string) bool {
	n, err := strconv.Atoi(v)
	s.nice = &n
	return err == nil && n >= -20 && n <= 19
}

func setKillTimeout(s *settings, v string) bool {
	if v == "infinity" {
		s.killTimeout = math.MaxInt64
		return true
	}
	n, ok := number(v, 31)
	s.killTimeout = time.Duration(n) * time.Second
	return ok
}

func yesNo(to *bool, v string) bool {
	*to = v == "yes"
	return v == "yes" || v == "no"
}

// resources are the limits of setrlimit(2) by their names in service.opts.
var resources = map[string]int{
	"cpu": unix.RLIMIT_CPU, "fsize": unix.RLIMIT_FSIZE, "data": unix.RLIMIT_DATA, "stack": unix.RLIMIT_STACK,
	"core": unix.RLIMIT_CORE, "rss": unix.RLIMIT_RSS, "nofile": unix.RLIMIT_NOFILE, "as": unix.RLIMIT_AS,
	"nproc": unix.RLIMIT_NPROC, "memlock": unix.RLIMIT_MEMLOCK, "locks": unix.RLIMIT_LOCKS,
	"sigpending": unix.RLIMIT_SIGPENDING, "msgqueue": unix.RLIMIT_MSGQUEUE, "nice": unix.RLIMIT_NICE,
	"rtprio": unix.RLIMIT_RTPRIO, "rttime": unix.RLIMIT_RTTIME,
}

// setLimit reads SOFT:HARD, or one value for both.
func (s *settings) setLimit(name, v string) bool {
	soft, hard, pair := strings.Cut(v, ":")
	if !pair {
		hard = soft
	}
	resource, known := resources[name]
	l := launch.Limit{Name: name, Resource: resource}
	var ok1, ok2 bool
	l.Soft, ok1 = limitValue(soft)
	l.Hard, ok2 = limitValue(hard)
	s.limits = slices.DeleteFunc(s.limits, func(other launch.Limit) bool { return other.Resource == resource })
	s.limits = append(s.limits, l)
	return known && ok1 && ok2 && l.Soft <= l.Hard
}

func limitValue(v string) (uint64, bool) {
	if v == "infinity" {
		return math.MaxUint64, true
	}
	return number(v, 64)
}

// parseSettings reads the arguments of service.opts. The error names the one that is bad.
func parseSettings(c *control.Call, opts []string) (settings, error) {
	s := defaultSettings()
	for _, opt := range opts {
		key, value, ok := strings.Cut(opt, "=")
		known, set := s.set(key, value)
		switch {
		case !known:
			return s, built(c, `unknown option "%s"`, key)
		case !ok || !set:
			return s, built(c, `invalid value for option "%s"`, key)
		}
	}
	if err := s.identify(); err != nil {
		return s, built(c, "%s", err.Error())
	}
	return s, nil
}

func (s *settings) set(key, value string) (known, ok bool) {
	if name, isLimit := strings.CutPrefix(key, "rlimit."); isLimit {
		if _, known := resources[name]; !known {
			return false, false
		}
		return true, s.setLimit(name, value)
	}
	for _, o := range serviceOptions {
		if o.key == key {
			return true, o.set(s, value)
		}
	}
	return false, false
}

// identify finds the user and the group, now: a start must not wait for files.
func (s *settings) identify() error {
	if s.user == "" && s.group == "" {
		return nil
	}
	who := account{uid: os.Geteuid(), gid: os.Getegid()}
	var err error
	if s.user != "" {
		if who, err = findUser(s.user); err != nil {
			return usage("there is no user " + strconv.Quote(s.user))
		}
	}
	if s.group != "" {
		if who.gid, err = findGroup(s.group); err != nil {
			return usage("there is no group " + strconv.Quote(s.group))
		}
	}
	if who.gid < 0 {
		return usage("user " + strconv.Quote(s.user) + " has no group")
	}
	s.identity = &launch.Identity{UID: who.uid, GID: who.gid, Groups: who.groups}
	return nil
}

func (s *Server) optionCommands() []control.Command {
	return []control.Command{{
		Name: "service.opts", Args: "NAME [KEY=VALUE…]", Rights: control.Admin, Run: s.serviceOpts,
		Help: "sets all options of a service; those that are not named are as they were at first",
	}}
}

func (s *Server) serviceOpts(c *control.Call) error {
	a := argumentsOf(c)
	service, err := s.define(a)
	if err != nil {
		return err
	}
	set, err := parseSettings(c, a.rest)
	if err != nil {
		return err
	}
	own := s.own(service.Name())
	set.generation = own.settings.generation + 1
	own.settings, own.opts = set, slices.Clone(a.rest)
	d := service.Definition()
	d.StopSignal, d.StopTimeout = set.killSignal, set.killTimeout
	if err := service.Set(d); err != nil {
		return s.engineError(err)
	}
	s.configureTemplate(service.Name())
	s.Broadcast("", list("service.opts", service.Name(), a.rest)...)
	return nil
}
