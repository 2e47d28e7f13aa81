package main

import (
	"fmt"
	"strings"
	"time"
)

// Shorthands for what the tables below repeat.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func orNone(s string) string {
	if s == "" {
		return none
	}
	return s
}

func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// ago is how long something is past, none if it never was.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return none
	}
	return ageText(now.Sub(t))
}

// unitKind is how list shows units.
func unitKind(now time.Time) kind[unitState] {
	return kind[unitState]{id: func(u unitState) string { return u.name }, columns: append(unitMain(now), unitMore(now)...)}
}

func unitMain(now time.Time) []column[unitState] {
	return []column[unitState]{
		{
			name: "name", doc: "the unit", value: func(u unitState) any { return u.name },
			header: "UNIT", text: func(u unitState) string { return u.name },
		},
		{
			name: "mode", doc: "`accept`: the manager accepts; `wait`: the service does", value: func(u unitState) any { return orNull(u.mode) },
			header: "MODE", text: func(u unitState) string { return orNone(u.mode) },
		},
		{
			name: "listen", doc: "its addresses, each as `NETWORK ADDRESS`", value: func(u unitState) any { return u.listen },
			header: "LISTEN", text: unitState.listenText, width: 19,
		},
		{
			name: "state", doc: "`listening`, `running`, `limited`, `paused`, `draining`, `stopped` or `failed`",
			value:  func(u unitState) any { return u.state },
			header: "STATE", text: func(u unitState) string { return u.state },
			style: func(u unitState) style { return stateStyle(u.state) }, width: 9,
		},
		{
			name: "conns", doc: "connections or instances now", value: func(u unitState) any { return u.conns.value() },
			header: "CONNS", text: func(u unitState) string { return u.conns.of(u.limit) },
		},
		{name: "limit", doc: "how many there may be at once; null is any number", value: func(u unitState) any { return u.limit.value() }},
		{
			name: "rate", doc: "clients a second of late", value: unitState.rateValue,
			header: "RATE", text: unitState.rateText, right: true, width: 8,
		},
		{
			name: "served", doc: "connections whose service has ended, or starts of a `wait` service", value: func(u unitState) any { return u.servedOrStarts().value() },
			header: "SERVED", text: func(u unitState) string { return u.servedOrStarts().String() }, right: true, width: 7,
		},
		{
			name: "refused", doc: "clients that were turned away", value: func(u unitState) any { return u.refused.value() },
			header: "REFUSED", text: func(u unitState) string { return u.refused.String() }, right: true, width: 7,
		},
		{
			name: "queue", doc: "clients that wait in the kernel", value: func(u unitState) any { return u.queue.value() },
			header: "QUEUE", text: func(u unitState) string { return u.queue.of(u.queueLimit) },
		},
		{name: "queue_limit", doc: "how many can", value: func(u unitState) any { return u.queueLimit.value() }},
		{
			name: "last_exit", doc: "exit status or signal of the last instance", value: func(u unitState) any { return orNull(u.lastExit) },
			header: "LAST EXIT", text: func(u unitState) string { return u.lastExitText(now) }, style: unitState.exitStyle,
		},
		{name: "last_exit_time", doc: "when that was", value: func(u unitState) any { return timeOrNull(u.lastExitTime) }},
	}
}

// unitMore is what only JSON and -o wide have.
func unitMore(now time.Time) []column[unitState] {
	return []column[unitState]{
		{
			name: "accepted", doc: "clients that were accepted: the sum of `served`, `refused`, `client_gone`, `spawn_failed`, `conns` and `waiting`",
			value:  func(u unitState) any { return u.accepted.value() },
			header: "ACCEPTED", text: func(u unitState) string { return u.accepted.String() }, right: true, wide: true,
		},
		{
			name: "client_gone", doc: "clients that left before their service started", value: func(u unitState) any { return u.clientGone.value() },
			header: "GONE", text: func(u unitState) string { return u.clientGone.String() }, right: true, wide: true,
		},
		{
			name: "spawn_failed", doc: "clients whose service could not be started", value: func(u unitState) any { return u.spawnFailed.value() },
			header: "NOT STARTED", text: func(u unitState) string { return u.spawnFailed.String() }, right: true, wide: true,
		},
		{
			name: "waiting", doc: "accepted clients that wait for a process", value: func(u unitState) any { return u.waiting.value() },
			header: "WAITING", text: func(u unitState) string { return u.waiting.String() }, right: true, wide: true,
		},
		{name: "starts", doc: "processes that were started", value: func(u unitState) any { return u.starts.value() }},
		{
			name: "since", doc: "when it came into this state", value: func(u unitState) any { return timeOrNull(u.since) },
			header: "FOR", text: func(u unitState) string { return ago(u.since, now) }, right: true, wide: true,
		},
		{name: "reason", doc: "why it is in this state", value: func(u unitState) any { return orNull(u.reason) }},
		{
			name: "user", doc: "whom it runs as", value: func(u unitState) any { return orNull(u.user) },
			header: "USER", text: func(u unitState) string { return orNone(u.user) }, wide: true,
		},
		{
			name: "generation", doc: "the generation of the configuration it is of", value: func(u unitState) any { return u.generation.value() },
			header: "GEN", text: func(u unitState) string { return u.generation.String() }, right: true, wide: true,
		},
		{
			name: "file", doc: "its unit file", value: func(u unitState) any { return orNull(u.file) },
			header: "FILE", text: func(u unitState) string { return orNone(u.file) }, wide: true,
		},
		{name: "command", doc: "what it runs", value: func(u unitState) any { return orNull(u.command) }},
		{name: "description", doc: "what it is for", value: func(u unitState) any { return orNull(u.description) }},
	}
}

// listenText is the first address, and how many more there are.
func (u unitState) listenText() string {
	switch len(u.listen) {
	case 0:
		return none
	case 1:
		return u.listen[0]
	}
	return fmt.Sprintf("%s +%d", u.listen[0], len(u.listen)-1)
}

func (u unitState) rateValue() any {
	if !u.rateSeen {
		return nil
	}
	return u.rate
}

func (u unitState) rateText() string {
	if !u.rateSeen {
		return none
	}
	return fmt.Sprintf("%.1f/s", u.rate)
}

// servedOrStarts is what a unit has done: a service that accepts by itself serves uncounted.
func (u unitState) servedOrStarts() count {
	if u.mode == "wait" && u.starts.known {
		return u.starts
	}
	return u.served
}

func (u unitState) lastExitText(now time.Time) string {
	if u.badExit() && !u.lastExitTime.IsZero() {
		return fmt.Sprintf("%s (%s ago)", u.lastExit, ago(u.lastExitTime, now))
	}
	return orNone(u.lastExit)
}

func (u unitState) exitStyle() style {
	if u.badExit() {
		return red
	}
	return plain
}

// connectionKind is how conns shows connections.
func connectionKind(now time.Time) kind[connection] {
	return kind[connection]{id: func(c connection) string { return c.id }, columns: []column[connection]{
		{
			name: "unit", doc: "the unit", value: func(c connection) any { return c.unit },
			header: "UNIT", text: func(c connection) string { return c.unit },
		},
		{
			name: "id", doc: "the connection; of an instance that accepts by itself `UNIT/PID`", value: func(c connection) any { return c.id },
			header: "ID", text: func(c connection) string { return c.id },
		},
		{
			name: "peer", doc: "the client", value: func(c connection) any { return orNull(strings.Trim(c.peer, "-")) },
			header: "PEER", text: func(c connection) string { return orNone(strings.Trim(c.peer, "-")) },
		},
		{
			name: "pid", doc: "its process; null while it waits for one", value: func(c connection) any { return pidOf(c.pid).value() },
			header: "PID", text: func(c connection) string { return pidText(c.pid) }, right: true,
		},
		{
			name: "since", doc: "when it began", value: func(c connection) any { return timeOrNull(c.since) },
			header: "AGE", text: func(c connection) string { return ago(c.since, now) }, right: true,
		},
		{
			name: "state", doc: "`live`, or `waiting` for a process", value: func(c connection) any { return orNull(c.state) },
			header: "STATE", text: func(c connection) string { return orNone(c.state) },
		},
	}}
}

// pidOf takes 0 for none.
func pidOf(c count) count {
	c.known = c.known && c.n != 0
	return c
}

// pidText has no groups: a pid is no quantity.
func pidText(c count) string {
	if c = pidOf(c); !c.finite() {
		return none
	}
	return fmt.Sprint(c.n)
}

func listenerKind() kind[unitListener] {
	return kind[unitListener]{columns: []column[unitListener]{
		{name: "address", value: func(l unitListener) any { return l.address }},
		{name: "name", value: func(l unitListener) any { return orNull(l.name) }},
		{name: "queue", value: func(l unitListener) any { return l.queue.value() }},
		{name: "queue_limit", value: func(l unitListener) any { return l.queueLimit.value() }},
		{name: "inode", value: func(l unitListener) any { return l.inode.value() }},
	}}
}

func sourceKind() kind[unitSource] {
	return kind[unitSource]{columns: []column[unitSource]{
		{name: "source", value: func(s unitSource) any { return s.source }},
		{name: "count", value: func(s unitSource) any { return s.count.value() }},
		{name: "share", value: func(s unitSource) any { return s.share.value() }},
	}}
}

// happeningKind is how events are shown in JSON, and in a table if one is asked for.
func happeningKind(zone *time.Location) kind[happening] {
	return kind[happening]{sparse: true, id: func(h happening) string { return h.what }, columns: []column[happening]{
		{
			name: "time", doc: "when", value: func(h happening) any { return timeOrNull(h.time) },
			header: "TIME", text: func(h happening) string { return h.time.In(zone).Format(dateAndTime) },
		},
		{
			name: "type", doc: "what happened, as in the log (running.md)", value: func(h happening) any { return h.what },
			header: "TYPE", text: func(h happening) string { return h.what }, style: happening.style, width: 6,
		},
		{
			name: "unit", doc: "the unit", value: func(h happening) any { return orNull(h.unit) },
			header: "UNIT", text: func(h happening) string { return orNone(h.unit + h.service) },
		},
		{name: "service", doc: "the service of a controller", value: func(h happening) any { return orNull(h.service) }},
		{
			name: "conn", doc: "the connection's id", value: func(h happening) any { return orNull(h.conn) },
			header: "ID", text: func(h happening) string { return orNone(h.conn) },
		},
		{name: "peer", doc: "the client", value: func(h happening) any { return orNull(h.peer) }},
		{name: "address", doc: "the listener, as `NETWORK ADDRESS`", value: func(h happening) any { return orNull(h.address) }},
		{name: "pid", doc: "the process", value: func(h happening) any { return pidOf(h.pid).value() }},
		{name: "seconds", doc: "how long the process ran", value: func(h happening) any { return secondsValue(h.duration, h.durationSeen) }},
		{name: "retry_in_seconds", doc: "when it is tried again", value: func(h happening) any { return secondsValue(h.delay, h.delaySeen) }},
		{name: "status", doc: "exit status, or the signal's name", value: func(h happening) any { return orNull(h.status) }},
		{name: "failed", doc: "whether that is a failure", value: func(h happening) any { return h.failedValue() }},
		{name: "reason", doc: "why, in a word", value: func(h happening) any { return orNull(h.reason) }},
		{name: "limit", doc: "the limit that was reached", value: func(h happening) any { return h.limit.value() }},
		{
			name: "text", doc: "what was said, or a service wrote", value: func(h happening) any { return orNull(h.text) },
			header: "WHAT", text: happening.detail,
		},
		{name: "error", doc: "what failed", value: func(h happening) any { return orNull(h.errorText) }},
	}}
}

func secondsValue(d time.Duration, seen bool) any {
	if !seen {
		return nil
	}
	return d.Seconds()
}

// infoKind is how ping shows a manager.
func infoKind() kind[managerInfo] {
	return kind[managerInfo]{id: func(m managerInfo) string { return m.control }, columns: []column[managerInfo]{
		{name: "version", doc: "the program's version", value: func(m managerInfo) any { return orNull(m.version) }},
		{name: "pid", doc: "its process", value: func(m managerInfo) any { return m.pid.value() }},
		{name: "started", doc: "when it was started", value: func(m managerInfo) any { return timeOrNull(m.started) }},
		{name: "generation", doc: "how often its configuration was loaded", value: func(m managerInfo) any { return m.generation.value() }},
		{name: "generation_loaded", doc: "when it was loaded last", value: func(m managerInfo) any { return timeOrNull(m.generationSince) }},
		{name: "protocol", doc: "the version of the control protocol", value: func(m managerInfo) any { return m.protocol.value() }},
		{name: "units", doc: "how many units it has", value: func(m managerInfo) any { return m.units.value() }},
		{name: "uid", doc: "whom it runs as", value: func(m managerInfo) any { return m.uid.value() }},
		{name: "control", doc: "its control socket", value: func(m managerInfo) any { return orNull(m.control) }},
	}}
}
