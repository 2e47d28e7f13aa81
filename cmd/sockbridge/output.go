package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// A format is how records are written.
type format string

// The formats of --output.
const (
	asTable format = "table"
	asWide  format = "wide"
	asJSON  format = "json"
	asLines format = "jsonl"
	asNames format = "name"
)

var formats = []format{asTable, asWide, asJSON, asLines, asNames}

func parseFormat(word string) (format, error) {
	if f := format(word); slices.Contains(formats, f) {
		return f, nil
	}
	return "", fmt.Errorf("--output is one of %s, not %q", formatWords(), word)
}

func formatWords() string {
	words := make([]string, len(formats))
	for i, f := range formats {
		words[i] = string(f)
	}
	return strings.Join(words, ", ")
}

// A printer writes what a command has found out, in the form that was asked for.
type printer struct {
	w       io.Writer
	format  format
	header  bool // tables have one, and a line that sums up
	quiet   bool
	palette palette
	zone    *time.Location
	now     time.Time
}

// people reports whether the output is for people.
func (p *printer) people() bool { return p.format == asTable || p.format == asWide }

// write writes text that is clean, or JSON.
func (p *printer) write(text string) error {
	if p.quiet {
		return nil
	}
	if _, err := io.WriteString(p.w, text); err != nil {
		return fmt.Errorf("cannot write the output: %w", err)
	}
	return nil
}

// tell writes a line for people; programs read the exit status.
func (p *printer) tell(format string, args ...any) error {
	if !p.people() {
		return nil
	}
	return p.write(clean(fmt.Sprintf(format, args...)) + "\n")
}

// objects writes JSON: an array with an element a line, or lines.
func (p *printer) objects(list []object) error {
	var out []byte
	for i, o := range list {
		if p.format == asJSON {
			out = append(out, map[bool]string{true: "[\n", false: ",\n"}[i == 0]...)
		}
		out = appendJSON(out, o)
		if p.format == asLines {
			out = append(out, '\n')
		}
	}
	if p.format == asJSON {
		out = append(out, map[bool]string{true: "[]\n", false: "\n]\n"}[len(list) == 0]...)
	}
	return p.write(string(out))
}

// object writes one thing that is not one of a list.
func (p *printer) object(o object) error { return p.write(string(appendJSON(nil, o)) + "\n") }

// printAll writes records as the format says.
func printAll[T any](p *printer, k kind[T], records []T) error {
	switch p.format {
	case asTable, asWide:
		return p.write(k.table(records, p.format == asWide, p.header, p.palette))
	case asNames:
		var b strings.Builder
		for _, r := range records {
			b.WriteString(clean(k.id(r)) + "\n")
		}
		return p.write(b.String())
	default:
		return p.objects(k.objects(records))
	}
}

// A line of a stream is written as soon as it is there: an array has no end then, so json is taken for jsonl.
func printOne[T any](p *printer, k kind[T], record T) error {
	switch p.format {
	case asNames:
		return p.write(clean(k.id(record)) + "\n")
	case asTable, asWide:
		return p.write(k.table([]T{record}, p.format == asWide, false, p.palette))
	default:
		return p.object(k.object(record))
	}
}
