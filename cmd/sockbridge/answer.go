package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sockbridge/control"
)

// An answerError is what a manager says instead of doing what it was asked.
type answerError struct{ code, text string }

func (e answerError) Error() string { return e.text }

// statusOf are the exit statuses of the codes of the protocol; others are exitFailed.
var statusOf = map[string]int{
	control.CodeUsage: exitUsage, control.CodeNoSuchUnit: exitNoSuchUnit, control.CodeNoSuchConn: exitNoSuchUnit, control.CodeDenied: exitDenied,
	control.CodeNotListening: exitNotListening, control.CodeTimeout: exitTimedOut,
}

// explain turns what a dialogue failed with into what a person can use.
func (t *talk) explain(ctx context.Context, err error, fields []string) error {
	if err == nil {
		return nil
	}
	answer, ok := asAnswer(err)
	if !ok {
		return t.broken(err)
	}
	var told error = answer
	if s := subject(fields); !strings.Contains(answer.text, s) {
		told = fmt.Errorf("%s: %w", s, answer)
	}
	if status := statusOf[answer.code]; status != 0 {
		told = statusError{told, status}
	}
	if hint := t.hintFor(ctx, answer.code, fields); hint != "" {
		return hintedError{told, hint}
	}
	return told
}

// broken is the end of a conversation that has not come to its end.
func (t *talk) broken(err error) error {
	if errors.Is(err, control.ErrClosed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return hintedError{fmt.Errorf("the manager at %q has closed the connection", t.path), "its log says whether it has ended; `sockbridge ping` asks whether it is there"}
	}
	return fmt.Errorf("cannot talk to the manager at %q: %w", t.path, err)
}

// subject names what a command was about: the unit or connection if there is one, else the command.
func subject(fields []string) string {
	about := strings.HasPrefix(fields[0], "unit.") || strings.HasPrefix(fields[0], "conn.")
	if about && len(fields) > 1 && fields[1] != "" {
		return fields[1]
	}
	return fields[0]
}

func (t *talk) hintFor(ctx context.Context, code string, fields []string) string {
	switch code {
	case control.CodeNoSuchUnit:
		return t.suggest(ctx, fields[1])
	case control.CodeNoSuchConn:
		return "`sockbridge conns` lists the connections; what ended long ago is forgotten"
	case control.CodeDenied:
		return "only root and the manager's own user may do everything; see control_group and control_others in sockbridge.toml"
	case control.CodeUnknown:
		return "the manager is older than this program: `sockbridge upgrade` replaces it in place"
	}
	return ""
}

// suggest names the unit that was probably meant.
func (t *talk) suggest(ctx context.Context, name string) string {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	records, err := t.Do(ctx, "unit.list")
	if err != nil {
		return ""
	}
	var known []string
	for _, u := range all(records, "unit.state", parseUnitState) {
		known = append(known, u.name)
	}
	if best := nearest(name, known); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "`sockbridge list -a` lists the units; a new one is there after `sockbridge reload`"
}

// nearest is the word that is most like one of those that are known, "" if none is.
func nearest(word string, known []string) string {
	best, limit := "", max(1, len(word)/3)
	for _, k := range known {
		if len(word) > 2 && strings.HasPrefix(k, word) {
			return k
		}
		if d := edits(word, k, limit); d <= limit {
			best, limit = k, d-1
		}
	}
	return best
}

// edits counts the letters to insert, delete or change to make b of a, two swapped neighbours being one; more than limit is
// limit + 1.
func edits(a, b string, limit int) int {
	switch {
	case limit < 0 || len(a)-len(b) > limit || len(b)-len(a) > limit:
		return limit + 1
	case a == b:
		return 0
	case a == "" || b == "":
		return len(a) + len(b)
	case a[0] == b[0]:
		return edits(a[1:], b[1:], limit)
	}
	ways := []int{edits(a[1:], b, limit-1), edits(a, b[1:], limit-1), edits(a[1:], b[1:], limit-1)}
	if len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0] {
		ways = append(ways, edits(a[2:], b[2:], limit-1))
	}
	return 1 + slices.Min(ways)
}

// hangs is a manager that has taken the connection, or let it wait, and says nothing.
func (t *talk) hangs(limit time.Duration) error {
	who, pid := "the manager", peer(t.path)
	if pid != 0 {
		who = fmt.Sprintf("the manager, process %d,", pid)
	}
	err := statusError{fmt.Errorf("%s does not answer at %q within %s", who, t.path, ageText(limit)), exitTimedOut}
	return hintedError{err, hangHint(pid)}
}

func hangHint(pid int) string {
	switch {
	case pid == 0:
		return "see whether it is stopped or busy; --timeout waits longer"
	case isStopped(pid):
		return fmt.Sprintf("it is stopped: `kill -CONT %d` lets it go on", pid)
	}
	return fmt.Sprintf("look at it by `ps -o stat,wchan:20,args -p %d`; --timeout waits longer", pid)
}
