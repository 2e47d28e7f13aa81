package units

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// resources are the limits of setrlimit(2), in the order of systemd.exec(5).
var resources = []struct {
	name     string
	resource int
	unit     limitUnit
	doc      string
	xinetd   string
}{
	{"cpu", unix.RLIMIT_CPU, limitSeconds, "Processor time in seconds, or a duration", "rlimit_cpu"},
	{"fsize", unix.RLIMIT_FSIZE, limitBytes, "Size of a file", ""},
	{"data", unix.RLIMIT_DATA, limitBytes, "Size of the data segment", "rlimit_data"},
	{"stack", unix.RLIMIT_STACK, limitBytes, "Size of the stack", "rlimit_stack"},
	{"core", unix.RLIMIT_CORE, limitBytes, "Size of a core file", ""},
	{"rss", unix.RLIMIT_RSS, limitBytes, "Resident memory (without effect since Linux 2.6)", "rlimit_rss"},
	{"nofile", unix.RLIMIT_NOFILE, limitCount, "Open descriptors, fs.nr_open at most", "rlimit_files"},
	{"as", unix.RLIMIT_AS, limitBytes, "Address space", "rlimit_as"},
	{"nproc", unix.RLIMIT_NPROC, limitCount, "Processes of the user", ""},
	{"memlock", unix.RLIMIT_MEMLOCK, limitBytes, "Locked memory", ""},
	{"locks", unix.RLIMIT_LOCKS, limitCount, "File locks (without effect since Linux 2.4.25)", ""},
	{"sigpending", unix.RLIMIT_SIGPENDING, limitCount, "Queued signals", ""},
	{"msgqueue", unix.RLIMIT_MSGQUEUE, limitBytes, "POSIX message queues", ""},
	{"nice", unix.RLIMIT_NICE, limitNice, "How far nice may be lowered: a nice value with its sign, or 20 less that value", ""},
	{"rtprio", unix.RLIMIT_RTPRIO, limitCount, "Real-time priority", ""},
	{"rttime", unix.RLIMIT_RTTIME, limitMicroseconds, "Real-time processor time without a blocking call, in microseconds, or a duration", ""},
}

// limitKeys are rows of [service] like those of keys_service.go; their names follow a rule, so they are made.
var limitKeys = func() []Key {
	keys := make([]Key, len(resources))
	for i, r := range resources {
		keys[i] = Key{
			Section: "service", Name: "limit_" + r.name, Type: TypeRLimit, Unset: "the manager's", Infinite: true,
			Doc:    fmt.Sprintf("%s; `SOFT:HARD`, or one value for both (RLIMIT_%s).", r.doc, strings.ToUpper(r.name)),
			Xinetd: r.xinetd, Systemd: "Limit" + strings.ToUpper(r.name), Upstart: "limit " + r.name,
			field: func(s slot) any { return &s.unit.Service.Limits },
			show:  func(s slot) string { return limitText(s.unit.Service.Limits, r.name) },
		}
		if r.name == "nofile" {
			keys[i].Unset = "`1024:524288`, as far as the manager's hard limit allows"
		}
	}
	return keys
}()
