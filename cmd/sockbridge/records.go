package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A count is a number that a manager may not know, or that has no limit.
type count struct {
	n        int64
	known    bool
	infinite bool
}

func parseCount(s string) count {
	if s == "infinity" {
		return count{known: true, infinite: true}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return count{n: n, known: err == nil}
}

func (c count) finite() bool { return c.known && !c.infinite }

// String is none for what is not known.
func (c count) String() string {
	switch {
	case !c.known:
		return none
	case c.infinite:
		return "∞"
	}
	return grouped(c.n)
}

// value is null where there is no number.
func (c count) value() any {
	if !c.finite() {
		return nil
	}
	return c.n
}

// of writes a number beside its limit: 3/64; a number without a limit alone.
func (c count) of(limit count) string {
	if !c.known || !limit.finite() {
		return c.String()
	}
	return fmt.Sprintf("%d/%d", c.n, limit.n)
}

// values are the KEY=VALUE fields of a record. Keys that nobody asks for are ignored; of a repeated key all values are kept.
type values map[string][]string

// A line is one record of a manager: its kind, the fields that have a fixed place, and the rest.
func splitRecord(fields []string, fixed int) ([]string, values) {
	places := make([]string, fixed)
	copy(places, fields[min(1, len(fields)):])
	v := values{}
	for _, f := range fields[min(1+fixed, len(fields)):] {
		if key, value, ok := strings.Cut(f, "="); ok {
			v[key] = append(v[key], value)
		}
	}
	return places, v
}

func (v values) text(key string) string {
	if list := v[key]; len(list) > 0 {
		return list[0]
	}
	return ""
}

func (v values) count(key string) count { return parseCount(v.text(key)) }

// time is zero where there is none.
func (v values) time(key string) time.Time { return parseTime(v.text(key)) }

func parseTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// seconds is a duration; ok tells one of zero from none.
func (v values) seconds(key string) (d time.Duration, ok bool) {
	s, err := strconv.ParseFloat(v.text(key), 64)
	if err != nil || s < 0 || s > 1e9 {
		return 0, false
	}
	return time.Duration(s * float64(time.Second)), true
}

// A unitState is a unit as a manager describes it.
type unitState struct {
	name, state, mode string
	listen            []string // as "tcp [::]:7"

	conns, limit                                       count
	accepted, served, refused, clientGone, spawnFailed count
	waiting, starts                                    count
	queue, queueLimit, generation                      count
	refusedBy                                          []reasonCount

	rate     float64 // accepted a second
	rateSeen bool

	lastExit                                 string
	lastExitTime, since                      time.Time
	description, file, command, user, reason string
	group, timeoutStop                       string // told by unit.status only
}

// A reasonCount is how many clients were refused for one reason.
type reasonCount struct {
	reason string
	n      int64
}

func parseUnitState(fields []string) unitState {
	f, v := splitRecord(fields, 2)
	u := unitState{
		name: f[0], state: f[1], mode: v.text("mode"), listen: v["listen"],
		conns: v.count("conns"), limit: v.count("limit"),
		accepted: v.count("accepted"), served: v.count("served"), refused: v.count("refused"),
		clientGone: v.count("client_gone"), spawnFailed: v.count("spawn_failed"),
		waiting: v.count("waiting"), starts: v.count("starts"),
		queue: v.count("queue"), queueLimit: v.count("queue_limit"), generation: v.count("generation"),
		refusedBy: v.refusals(),
		lastExit:  v.text("last_exit"), lastExitTime: v.time("last_exit_time"), since: v.time("since"),
		description: v.text("description"), file: v.text("file"), command: v.text("command"),
		user: v.text("user"), reason: v.text("reason"), group: v.text("group"), timeoutStop: v.text("timeout_stop"),
	}
	rate, err := strconv.ParseFloat(v.text("rate"), 64)
	if u.rateSeen = err == nil && rate >= 0 && rate < 1e12; u.rateSeen {
		u.rate = rate
	}
	return u
}

// refusals are the keys refused.REASON, the most frequent first.
func (v values) refusals() []reasonCount {
	var list []reasonCount
	for _, key := range slices.Sorted(maps.Keys(v)) {
		reason, ok := strings.CutPrefix(key, "refused.")
		if n := v.count(key); ok && n.finite() {
			list = append(list, reasonCount{reason, n.n})
		}
	}
	slices.SortStableFunc(list, func(a, b reasonCount) int { return int(min(1, max(-1, b.n-a.n))) })
	return list
}

// takesClients reports whether a client that connects now is served, or will be when its turn comes.
func (u unitState) takesClients() bool {
	switch u.state {
	case "listening", "running", "limited", "asleep":
		return true
	}
	return false
}

// badExit reports whether the last instance failed.
func (u unitState) badExit() bool { return u.lastExit != "" && u.lastExit != "0" }

// lost is how many clients were accepted and are in no other counter; anything but 0 is an error of the manager.
func (u unitState) lost() count {
	if !u.accepted.finite() || u.mode == "wait" {
		return count{}
	}
	rest := u.accepted.n
	for _, c := range []count{u.served, u.refused, u.clientGone, u.spawnFailed, u.conns, u.waiting} {
		rest -= c.n
	}
	return count{n: rest, known: true}
}

// A unitListener is one socket of a unit.
type unitListener struct {
	unit, address, name      string
	queue, queueLimit, inode count
}

func parseUnitListener(fields []string) unitListener {
	f, v := splitRecord(fields, 2)
	return unitListener{
		unit: f[0], address: f[1], name: v.text("name"),
		queue: v.count("queue"), queueLimit: v.count("queue_limit"), inode: v.count("inode"),
	}
}

// A unitSource is a place that clients of a unit come from.
type unitSource struct {
	unit, source string
	count, share count
}

func parseUnitSource(fields []string) unitSource {
	f, v := splitRecord(fields, 2)
	return unitSource{unit: f[0], source: f[1], count: v.count("count"), share: v.count("share")}
}

// A connection is one that is served or waits, or an instance of a service that accepts by itself.
type connection struct {
	unit, id, peer string
	pid            count
	since          time.Time
	state          string // live or waiting
}

func parseConnection(fields []string) connection {
	f, v := splitRecord(fields, 4)
	return connection{unit: f[0], id: f[1], peer: f[2], pid: parseCount(f[3]), since: v.time("since"), state: v.text("state")}
}

// A happening is an event of a manager.
type happening struct {
	time                                    time.Time
	what, unit, service                     string
	conn, peer, address                     string
	pid, limit                              count
	duration, delay                         time.Duration
	durationSeen, delaySeen                 bool
	status, failed, reason, text, errorText string
}

func parseHappening(fields []string) happening {
	f, v := splitRecord(fields, 3)
	h := happening{
		time: parseTime(f[0]), what: f[1], unit: f[2], service: v.text("service"),
		conn: v.text("conn"), peer: v.text("peer"), address: v.text("address"),
		pid: v.count("pid"), limit: v.count("limit"), status: v.text("status"), failed: v.text("failed"),
		reason: v.text("reason"), text: v.text("text"), errorText: v.text("error"),
	}
	h.duration, h.durationSeen = v.seconds("duration")
	h.delay, h.delaySeen = v.seconds("delay")
	return h
}

// A cause is the key of a unit file that decided what became of a connection.
type cause struct {
	key, value, file string
	line             count
	text             string
}

func parseCause(fields []string) cause {
	f, _ := splitRecord(fields, 5)
	return cause{key: f[0], value: f[1], file: f[2], line: parseCount(f[3]), text: f[4]}
}

// managerInfo is what a manager says of itself.
type managerInfo struct {
	version, control         string
	pid, generation, units   count
	protocol, uid            count
	started, generationSince time.Time
}

func parseInfo(fields []string) managerInfo {
	_, v := splitRecord(fields, 0)
	return managerInfo{
		version: v.text("version"), control: v.text("control"), pid: v.count("pid"), generation: v.count("generation"),
		units: v.count("units"), protocol: v.count("protocol"), uid: v.count("uid"),
		started: v.time("started"), generationSince: v.time("generation_loaded"),
	}
}

// A change is what a reload does to a unit.
type change struct {
	kind, unit string // added, changed or removed
	details    []string
}

func parseChange(fields []string) change {
	f, _ := splitRecord(fields, 2)
	return change{kind: strings.ToLower(f[0]), unit: f[1], details: slices.Clone(fields[min(3, len(fields)):])}
}
