package main

import (
	"strings"
	"unicode/utf8"
)

// A column says all about one field of a kind of record: its name in JSON, and how it looks in a table.
type column[T any] struct {
	name   string         // in JSON; "" is in tables only
	value  func(T) any    // in JSON, as appendJSON takes it
	header string         // in tables; "" is in JSON only
	text   func(T) string // in tables; need not be clean
	style  func(T) style  // nil is plain
	right  bool           // flush right
	wide   bool           // only with -o wide
	width  int            // at least, in characters
	doc    string         // of the JSON field, for the documentation
}

// A kind is how records of one kind are shown.
type kind[T any] struct {
	columns []column[T]
	id      func(T) string // what -o name prints
	sparse  bool           // JSON leaves out what a record does not have
}

// object is a record in JSON.
func (k kind[T]) object(record T) object {
	var o object
	for _, c := range k.columns {
		if c.name != "" {
			o = append(o, member{c.name, c.value(record)})
		}
	}
	if k.sparse {
		return o.sparse()
	}
	return o
}

func (k kind[T]) objects(records []T) []object {
	list := make([]object, len(records))
	for i, r := range records {
		list[i] = k.object(r)
	}
	return list
}

// A cell is one field of a table as it is shown.
type cell struct {
	text  string
	style style
}

// table lays records out, with a header if asked for. Columns are as wide as their widest cell, counted in characters.
func (k kind[T]) table(records []T, wide, header bool, p palette) string {
	var shown []column[T]
	for _, c := range k.columns {
		if c.header != "" && (wide || !c.wide) {
			shown = append(shown, c)
		}
	}
	var rows [][]cell
	if header {
		rows = append(rows, headerRow(shown))
	}
	for _, r := range records {
		rows = append(rows, row(shown, r))
	}
	return layOut(shown, rows, p)
}

func headerRow[T any](columns []column[T]) []cell {
	cells := make([]cell, len(columns))
	for i, c := range columns {
		cells[i] = cell{c.header, bold}
	}
	return cells
}

func row[T any](columns []column[T], record T) []cell {
	cells := make([]cell, len(columns))
	for i, c := range columns {
		cells[i].text = clean(c.text(record))
		if c.style != nil {
			cells[i].style = c.style(record)
		}
	}
	return cells
}

func layOut[T any](columns []column[T], rows [][]cell, p palette) string {
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = c.width
		for _, r := range rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(r[i].text))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		var line strings.Builder
		for i, c := range columns {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(r[i].text))
			text := p.paint(r[i].style, r[i].text)
			if c.right {
				line.WriteString(pad + text + "  ")
			} else {
				line.WriteString(text + pad + "  ")
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// padded fills a text up to a number of characters.
func padded(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
