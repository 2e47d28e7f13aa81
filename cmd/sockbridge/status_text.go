package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// statusRight is the column at which the head of a status says where the unit is from.
const statusRight = 62

// labelWidth is that of the longest label of a status with its colon, and a blank before it.
const labelWidth = 9

// A page collects the lines of a status: labels flush right, and what they label.
type page struct {
	strings.Builder

	last string // label
}

// line adds a clean line below a label; a label that is repeated is said once.
func (w *page) line(label, text string) {
	shown := label + ":"
	if label == w.last {
		shown = ""
	}
	w.last = label
	w.WriteString(strings.Repeat(" ", labelWidth-len(shown)) + shown + " " + text + "\n")
}

func (d detail) text(p *printer) string {
	var w page
	w.WriteString(d.head(p.palette) + "\n")
	w.line("State", p.palette.paint(stateStyle(d.unit.state), clean(d.unit.stateText(p))))
	for _, l := range d.listenTexts() {
		w.line("Listen", clean(l))
	}
	if d.unit.mode != "" { // a unit that could not be read has served nobody
		w.line("Conns", clean(d.unit.countsText()))
	}
	if len(d.sources) > 0 {
		w.line("Sources", clean(d.sourcesText()))
	}
	if d.unit.command != "" {
		w.line("Runs", clean(d.unit.runsText()))
	}
	for _, l := range lastTexts(d.last, p) {
		w.line("Last", l)
	}
	return w.String()
}

func (d detail) head(p palette) string {
	u := d.unit
	name := u.name
	if u.description != "" {
		name += " — " + u.description
	}
	var right []string
	if u.file != "" {
		right = append(right, u.file)
	}
	if u.generation.finite() {
		right = append(right, "generation "+grouped(u.generation.n))
	}
	name = clean(name)
	text := p.paint(stateStyle(u.state), "●") + " " + name
	if len(right) > 0 {
		text += strings.Repeat(" ", max(2, statusRight-2-utf8.RuneCountInString(name))) + clean(strings.Join(right, ", "))
	}
	return text
}

// meanings say what a state means for clients.
var meanings = map[string]string{
	"limited":  "accepting again as slots free (listener stays open)",
	"paused":   "clients wait in the kernel's queue; `sockbridge resume %s` takes them",
	"draining": "new clients are refused; `sockbridge resume %s` takes them again",
	"stopped":  "its listeners are closed; `sockbridge start %s` opens them",
	"failed":   "mend it, then `sockbridge reload`",
}

// stateText says what state a unit is in, since when, and what that means.
func (u unitState) stateText(p *printer) string {
	text := u.state
	reason := u.reason
	if reason == "" && u.state == "limited" && u.limit.finite() {
		reason = fmt.Sprintf("max_connections %d reached", u.limit.n)
	}
	switch {
	case reason != "" && !u.since.IsZero():
		text += ": " + reason + " " + ago(u.since, p.now) + " ago"
	case reason != "":
		text += ": " + reason
	case !u.since.IsZero():
		text += " for " + ago(u.since, p.now)
	}
	if meaning := meanings[u.state]; meaning != "" {
		text += "; " + strings.ReplaceAll(meaning, "%s", u.name)
	}
	return text
}

func (d detail) listenTexts() []string {
	var list []string
	for _, l := range d.listeners {
		text := l.address
		if l.queue.finite() {
			text += "  backlog " + grouped(l.queue.n)
			if l.queueLimit.finite() {
				text += " of " + grouped(l.queueLimit.n)
			}
		}
		list = append(list, text)
	}
	if len(list) == 0 {
		return d.unit.listen
	}
	return list
}

// countsText has every client that ever came in one of its counters.
func (u unitState) countsText() string {
	if u.mode == "wait" {
		return u.startsText()
	}
	parts := []string{u.conns.String() + " now"}
	if u.waiting.n > 0 {
		parts = append(parts, u.waiting.String()+" waiting")
	}
	parts = append(parts, u.served.String()+" served", u.refused.String()+" refused"+u.refusalsText(), u.clientGone.String()+" client-gone")
	if u.spawnFailed.n > 0 {
		parts = append(parts, u.spawnFailed.String()+" not started")
	}
	if lost := u.lost(); lost.known {
		parts = append(parts, lost.String()+" lost")
	}
	return strings.Join(parts, ", ")
}

func (u unitState) startsText() string {
	text := u.conns.String() + " now"
	if u.starts.known {
		text += ", " + u.starts.String() + " started"
	}
	if u.refused.n > 0 {
		text += ", " + u.refused.String() + " refused"
	}
	return text
}

// refusalsText says why clients were refused, where the manager tells.
func (u unitState) refusalsText() string {
	var parts []string
	for _, r := range u.refusedBy {
		parts = append(parts, grouped(r.n)+" "+r.reason)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func (d detail) sourcesText() string {
	parts := make([]string, len(d.sources))
	for i, s := range d.sources {
		parts[i] = s.source + " " + s.count.String() + " " + map[bool]string{true: "conn", false: "conns"}[s.count.n == 1]
		if s.share.finite() && s.count.n >= s.share.n {
			parts[i] += " (share " + s.share.String() + " → refusing)"
		}
	}
	return strings.Join(parts, ", ")
}

// longCommand is how much is shown of a command line, in characters.
const longCommand = 100

func (u unitState) runsText() string {
	text := shortened(u.command, longCommand)
	if u.user != "" {
		text += " as " + u.user
	}
	if u.user != "" && u.group != "" {
		text += ":" + u.group
	}
	if u.timeoutStop != "" {
		text += ", timeout " + u.timeoutText()
	}
	return text
}

// timeoutText is how long the unit's processes may take to end.
func (u unitState) timeoutText() string {
	if c := parseCount(u.timeoutStop); c.finite() {
		return u.timeoutStop + "s"
	}
	return u.timeoutStop
}

// lastTexts lays events out in columns: time, type, what about, and the connection they belong to.
func lastTexts(events []happening, p *printer) []string {
	widths := [2]int{6, 0}
	for _, h := range events {
		widths[0] = max(widths[0], utf8.RuneCountInString(clean(h.what)))
		if h.conn != "" {
			widths[1] = max(widths[1], min(40, utf8.RuneCountInString(clean(h.brief()))))
		}
	}
	lines := make([]string, len(events))
	for i, h := range events {
		line := h.time.In(p.zone).Format(timeOfDay) + " " + p.palette.paint(h.style(), padded(clean(h.what), widths[0])) + " "
		line += padded(clean(h.brief()), widths[1])
		for _, more := range []string{h.idText(), h.said()} {
			if more != "" {
				line = padded(line, 0) + "   " + clean(more)
			}
		}
		lines[i] = strings.TrimRight(line, " ")
	}
	return lines
}
