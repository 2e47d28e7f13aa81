package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"sockbridge/internal/superserver"
)

// A hintedError knows what its reader should do.
type hintedError struct {
	error
	hint string
}

func (e hintedError) Unwrap() error { return e.error }

// tellError prints what failed and, where we know, what to do about it.
func tellError(w io.Writer, err error) {
	var killed superserver.KilledError
	if err == nil || errors.Is(err, errFindings) || errors.As(err, &killed) {
		return
	}
	text, hint := err.Error(), ""
	var usage usageError
	if errors.As(err, &usage) || isUnknownCommand(err) {
		hint = "sockbridge help lists the commands, sockbridge help COMMAND its options"
	}
	if hinted, ok := errors.AsType[hintedError](err); ok {
		hint = hinted.hint
	}
	if errors.Is(err, fs.ErrNotExist) && strings.Contains(text, systemDirs[0]) {
		hint = "make that folder and put units there, or name another by -c"
	}
	say(w, "error", text)
	if hint != "" {
		say(w, "hint", hint)
	}
}

func say(w io.Writer, what, text string) {
	// A reader of standard error that is gone misses it; there is nobody else to tell.
	_, _ = fmt.Fprintf(w, "sockbridge: %s: %s\n", what, strings.ReplaceAll(strings.TrimSpace(text), "\n", "; "))
}

// isUnknownCommand recognizes cobra's only untyped usage error.
func isUnknownCommand(err error) bool { return strings.HasPrefix(err.Error(), "unknown command ") }
