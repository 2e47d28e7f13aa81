// Package logsink writes the stream of events as a log: one line an event, as text (logfmt) or JSON.
//
// A log never holds up what it tells of: lines go through a bounded queue (see Writer), and what its reader does not take in
// time is counted and left out.
package logsink

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"sockbridge/internal/event"
)

// Format is how a line looks.
type Format string

// The formats of --log.
const (
	Text Format = "text" // key=value, quoted where needed
	JSON Format = "json" // an object a line
)

// ParseFormat reads FORMAT[:LEVEL], as --log takes it: text or json, and debug, info, warn or error (info where it is absent).
func ParseFormat(s string) (Format, slog.Level, error) {
	name, word, found := strings.Cut(s, ":")
	level := slog.LevelInfo
	if found {
		if err := level.UnmarshalText([]byte(word)); err != nil {
			return "", 0, fmt.Errorf("unknown log level %q: expected debug, info, warn or error", word)
		}
	}
	switch f := Format(name); f {
	case Text, JSON:
		return f, level, nil
	}
	return "", 0, fmt.Errorf("unknown log format %q: expected text or json", name)
}

// lost is the line that tells how many are missing before it.
func (f Format) lost(lines int) []byte {
	var line bytes.Buffer
	New(&line, f, slog.LevelInfo).Event(event.Event{
		Time: time.Now(), Type: event.Warning,
		Err: fmt.Errorf("%d log lines were lost: their reader was too slow or gone", lines),
	})
	return line.Bytes()
}

// A Log writes events to one destination.
type Log struct{ handler slog.Handler }

// New returns a Log to w that leaves out what is below level.
func New(w io.Writer, f Format, level slog.Level) *Log {
	options := &slog.HandlerOptions{Level: level}
	if f == JSON {
		return &Log{slog.NewJSONHandler(w, options)}
	}
	return &Log{slog.NewTextHandler(w, options)}
}

// Event writes one line. It is an event.Sink.
func (l *Log) Event(e event.Event) {
	ctx := context.Background()
	level := levelOf(e)
	if !l.handler.Enabled(ctx, level) {
		return
	}
	r := slog.NewRecord(e.Time, level, string(e.Type), 0)
	addFields(&r, e)
	// What a destination does not take is the Writer's to count; a handler has no failures of its own.
	_ = l.handler.Handle(ctx, r)
}

// levelOf says how much an event matters to the operator.
func levelOf(e event.Event) slog.Level {
	switch e.Type {
	case event.Bad, event.ReloadError, event.UpgradeError:
		return slog.LevelError
	case event.Warning, event.StartFailed, event.Idle, event.Dropped, event.Kill, event.Refuse:
		return slog.LevelWarn
	case event.Exit:
		if e.Failed {
			return slog.LevelWarn
		}
	default:
	}
	return slog.LevelInfo
}

func addFields(r *slog.Record, e event.Event) {
	for _, f := range []struct{ name, value string }{
		{"unit", e.Unit}, {"service", e.Service}, {"conn", e.Conn}, {"peer", e.Peer}, {"address", e.Address},
	} {
		if f.value != "" {
			r.AddAttrs(slog.String(f.name, f.value))
		}
	}
	if e.PID != 0 {
		r.AddAttrs(slog.Int("pid", e.PID))
	}
	if e.Duration != 0 {
		r.AddAttrs(slog.Float64("seconds", e.Duration.Seconds()))
	}
	for _, f := range []struct{ name, value string }{{"status", e.Status}, {"reason", e.Reason}, {"text", e.Text}} {
		if f.value != "" {
			r.AddAttrs(slog.String(f.name, f.value))
		}
	}
	if e.Err != nil {
		r.AddAttrs(slog.String("error", e.Err.Error()))
	}
	if e.Delay != 0 {
		r.AddAttrs(slog.Float64("retry_in_seconds", e.Delay.Seconds()))
	}
}
