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
	say(w, "error", err.Error())
	if hint := hintOf(err); hint != "" {
		say(w, "hint", hint)
	}
}

func hintOf(err error) string {
	if hinted, ok := errors.AsType[hintedError](err); ok {
		return hinted.hint
	}
	var usage usageError
	switch {
	case errors.Is(err, fs.ErrNotExist) && strings.Contains(err.Error(), systemDirs[0]):
		return "make that folder and put units there, or name another by -c"
	case errors.As(err, &usage), isUnknownCommand(err):
		return "sockbridge help lists the commands, sockbridge help COMMAND its options"
	}
	return ""
}

func say(w io.Writer, what, text string) {
	text = clean(strings.ReplaceAll(strings.TrimSpace(text), "\n", "; "))
	// A reader of standard error that is gone misses it; there is nobody else to tell.
	_, _ = fmt.Fprintf(w, "sockbridge: %s: %s\n", what, text)
}

// isUnknownCommand recognizes cobra's only untyped usage error.
func isUnknownCommand(err error) bool { return strings.HasPrefix(err.Error(), "unknown command ") }
