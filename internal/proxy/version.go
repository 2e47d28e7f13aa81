package proxy

import (
	"fmt"
	"io"
	"runtime/debug"
	"time"
)

// compatibleVersion is the version of daemonproxy whose clients we serve, with whose it is.
const compatibleVersion = "1.1.0-sockbridge"

// A build is what is known of how the program was built.
type build struct {
	version string // of sockbridge
	commit  string
	changed bool // since that commit
	time    time.Time
}

func readBuild(version string) build {
	b := build{version: version, commit: "unknown", time: time.Unix(0, 0)}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.commit = setting.Value
		case "vcs.modified":
			b.changed = setting.Value == "true"
		case "vcs.time":
			if at, err := time.Parse(time.RFC3339, setting.Value); err == nil {
				b.time = at
			}
		}
	}
	return b
}

// git names the commit in a few letters, with a plus if more was changed.
func (b build) git() string {
	commit := b.commit[:min(len(b.commit), 8)]
	if b.changed {
		commit += "+"
	}
	return commit
}

const (
	copyright = "Copyright (C) 2025-2026 the authors of sockbridge"
	license   = "Licensed under the Apache License, version 2.0; see LICENSE"
)

// writeVersion prints what clients read by its lines. Whoever does not read standard output misses it.
func writeVersion(out io.Writer, b build) {
	_, _ = fmt.Fprintf(out, "daemonproxy version %s\n build timestamp: %d (%s)\n git HEAD: %s (sockbridge %s)\n%s\n%s\n",
		compatibleVersion, b.time.Unix(), b.time.UTC().Format(time.DateTime), b.commit, b.version, copyright, license)
}

func writeHelp(out io.Writer, b build) {
	_, _ = fmt.Fprintf(out, "daemonproxy version %s (sockbridge %s)\noptions:\n", compatibleVersion, b.version)
	for _, o := range options() {
		short := "  "
		if o.short != 0 {
			short = "-" + string(rune(o.short))
		}
		_, _ = fmt.Fprintf(out, "  %s --%-12s %-8s  %s\n", short, o.long, o.arg, o.help)
	}
	_, _ = fmt.Fprintln(out)
}

// banner is what an interactive session is greeted with, a line each.
func banner(b build) []string {
	return []string{
		fmt.Sprintf("daemonproxy version %s (git %s)", compatibleVersion, b.git()),
		copyright,
		license,
		"This program comes with ABSOLUTELY NO WARRANTY.",
		"It is free software: you may change it and pass it on under these conditions.",
		"Interactive mode.  Use ^D or 'exit' to end the session.",
	}
}
