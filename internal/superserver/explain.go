package superserver

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
	"sockbridge/units"
)

// A cause is the key of a unit that decided what became of a client, or of its instance.
type cause struct{ key, text string }

// refusals are the keys behind the reasons of refusals.
var refusals = map[string]cause{
	"only_from":      {"access.only_from", "the client's address is not among those that may connect"},
	"no_access":      {"access.no_access", "the client's address is among those that may not connect"},
	reasonTotal:      {"socket.max_connections", "as many connections as are allowed were being served"},
	reasonSource:     {"socket.max_connections_per_source", "the client's network had its share of the connections"},
	reasonSpawn:      {"", "the host had no room for another process"},
	reasonStopping:   {"", "the unit or the manager was being stopped"},
	reasonOfDraining: {"", "the unit was being drained"},
}

// setUps are the keys behind the steps of a start, by the words of their exit status.
var setUps = map[string]cause{
	"EXEC":         {"service.exec_start", "the program could not be executed"},
	"CHDIR":        {"service.working_directory", "the working directory could not be entered"},
	"CHROOT":       {"service.root_directory", "the root directory could not be entered"},
	"GROUP":        {"service.group", "the group could not be set"},
	"USER":         {"service.user", "the user could not be set"},
	"NICE":         {"service.nice", "the nice level could not be set"},
	"STDIN":        {"service.standard_input", "standard input could not be set up"},
	"STDOUT":       {"service.standard_output", "standard output could not be set up"},
	"STDERR":       {"service.standard_error", "standard error could not be set up"},
	"LIMITS":       {"service.limit_", "a resource limit could not be set"},
	"FDS":          {"", "descriptors could not be passed on"},
	"SETSID":       {"", "a session could not be started"},
	"CAPABILITIES": {"", "capabilities could not be dropped"},
	"SIGNAL_MASK":  {"", "signals could not be reset"},
}

// causeOf says what decided an event. History is what came before it.
func causeOf(e *event.Event, history []*entry) (cause, bool) {
	switch e.Type {
	case event.Refuse:
		c, known := refusals[e.Reason]
		return c, known
	case event.StartFailed:
		_, word, _ := strings.Cut(e.Status, "/")
		c, known := setUps[word]
		return c, known
	case event.Kill:
		return cause{"service.timeout_stop_sec", "it had not ended in its time after it was asked to"}, true
	case event.Stop:
		return cause{"", "the manager asked it to end"}, true
	case event.Exit:
		return causeOfExit(e, history)
	default:
		return cause{}, false
	}
}

// causeOfExit tells an instance that ended by itself from one that was made to.
func causeOfExit(e *event.Event, history []*entry) (cause, bool) {
	for _, n := range history {
		if n.PID == e.PID && (n.Type == event.Stop || n.Type == event.Kill) {
			return cause{}, false // that event says why
		}
	}
	if key, limit := limitOfSignal(e.Status); key != "" {
		return cause{key, "the kernel ends what reaches its limit of " + limit}, true
	}
	if e.Status == "0" {
		return cause{"service.exec_start", "the program ended by itself"}, true
	}
	if strings.HasPrefix(e.Status, "SIG") {
		return cause{"service.exec_start", "the program was ended by a signal that the manager did not send"}, true
	}
	return cause{"service.exec_start", "the program ended by itself and reported failure"}, true
}

// limitOfSignal is the resource limit that a signal tells of (setrlimit(2)).
func limitOfSignal(status string) (key, limit string) {
	switch status {
	case unix.SignalName(unix.SIGXCPU):
		return "service.limit_cpu", "processor time"
	case unix.SignalName(unix.SIGXFSZ):
		return "service.limit_fsize", "the size of files"
	}
	return "", ""
}

// becauseRecord says by which key of a unit, and by which line of which file, something was decided.
func becauseRecord(c cause, conf *units.Unit, e *event.Event) record {
	if conf == nil || c.key == "" {
		return record{"because", "", "", "", "", c.text}
	}
	value, at := valueOf(conf, c.key, e)
	line := ""
	if at.File != "" {
		line = strconv.Itoa(at.Line)
	}
	return record{"because", value.Key, value.Text, at.File, line, c.text}
}

// valueOf finds a key of a unit: of several sockets the first that has it; a key that ends in _ is the first of its kind that the
// error names. A script stands in for exec_start.
func valueOf(conf *units.Unit, key string, e *event.Event) (units.Value, units.Origin) {
	found := units.Value{Key: strings.TrimSuffix(key, "_")}
	for _, v := range conf.Values() {
		switch {
		case v.Key == key, key == "service.exec_start" && v.Key == "service.script" && v.Text != "":
			if found.Text == "" {
				found = v
			}
		case socketOf(v.Key) == key && found.Text == "":
			found = v
		case strings.HasSuffix(key, "_") && strings.HasPrefix(v.Key, key) && e.Err != nil &&
			strings.Contains(e.Err.Error(), strings.TrimPrefix(v.Key, key)):
			found = v
		}
	}
	return found, found.Origin
}

// socketOf is the key without the number of its socket: "socket.2.backlog" is a "socket.backlog".
func socketOf(key string) string {
	section, rest, _ := strings.Cut(key, ".")
	if _, name, numbered := strings.Cut(rest, "."); numbered {
		return section + "." + name
	}
	return key
}
