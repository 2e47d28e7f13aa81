package main

import (
	"fmt"
	"strings"
)

const (
	timeOfDay   = "15:04:05"
	dateAndTime = "2006-01-02 15:04:05.000"
)

// exitFailedText reports whether the event's status is a failure.
func (h happening) failing() bool {
	switch h.failed {
	case "true", "1", "yes":
		return true
	case "":
		return h.status != "" && h.status != "0"
	}
	return false
}

func (h happening) failedValue() any {
	if h.status == "" {
		return nil
	}
	return h.failing()
}

func (h happening) style() style {
	switch h.what {
	case "refuse", "client_gone", "took_nothing", "dropped", "kill", "warning":
		return yellow
	case "start_failed", "bad", "reload_error":
		return red
	case "exit":
		if h.failing() {
			return red
		}
	}
	return plain
}

// detail says in one line what the event is about: who, which process, what came of it.
func (h happening) detail() string {
	parts := []string{h.brief(), h.said()}
	if parts[0] == "" || parts[1] == "" {
		return parts[0] + parts[1]
	}
	return parts[0] + "  " + parts[1]
}

// brief is the detail without free text.
func (h happening) brief() string {
	var words []string
	add := func(condition bool, format string, args ...any) {
		if condition {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(h.peer != "", "%s", h.peer)
	add(h.address != "", "%s", h.address)
	add(pidOf(h.pid).known, "pid %d", h.pid.n)
	add(h.reason != "", "%s", h.reason)
	add(h.limit.finite(), "%d/%d", h.limit.n, h.limit.n)
	add(h.status != "", "%s", h.status)
	add(h.durationSeen && h.status != "", "after %s", secondsText(h.duration))
	add(h.delaySeen && h.delay > 0, "again in %s", secondsText(h.delay))
	return strings.Join(words, " ")
}

// said is the event's free text.
func (h happening) said() string {
	switch {
	case h.what == "output":
		return h.text
	case h.errorText != "":
		return h.errorText
	case h.text != "" && h.what == "exit":
		return "“" + h.text + "”"
	}
	return h.text
}

// idText marks the connection that an event belongs to.
func (h happening) idText() string {
	if h.conn == "" {
		return ""
	}
	return "id=" + h.conn
}
