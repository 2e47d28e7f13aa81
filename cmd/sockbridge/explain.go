package main

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"sockbridge/control"
)

func newExplain(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "explain CONN-ID",
		Short: "Say why a connection was refused, or how its process ended",
		Long: `Tell the life of a connection as far as the manager remembers it, and which key of which unit file decided. The id is in
status, logs and events.`,
		Args: takes(1, 1, "the id of a connection"),
		RunE: g.asking("", func(ctx context.Context, t *talk, p *printer, args []string) error {
			records, err := t.ask(ctx, "conn.explain", args[0])
			if err != nil {
				return err
			}
			s := story{id: args[0], events: all(records, "event", parseHappening), causes: all(records, "because", parseCause)}
			if len(s.events) == 0 {
				err := answerError{control.CodeNoSuchConn, fmt.Sprintf("nothing is remembered of connection %q", args[0])}
				return t.explain(ctx, &control.Error{Code: err.code, Text: err.text}, []string{"conn.explain", args[0]})
			}
			return s.print(p)
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
}

// A story is what is known of a connection.
type story struct {
	id     string
	events []happening
	causes []cause
}

func (s story) print(p *printer) error {
	switch p.format {
	case asJSON, asLines:
		causes := make([]object, len(s.causes))
		for i, c := range s.causes {
			causes[i] = object{
				{"key", orNull(c.key)}, {"value", orNull(c.value)}, {"file", orNull(c.file)}, {"line", c.line.value()}, {"text", orNull(c.text)},
			}
		}
		return p.object(object{{"conn", s.id}, {"events", happeningKind(p.zone).objects(s.events)}, {"because", causes}})
	case asNames:
		return p.write(clean(s.id) + "\n")
	case asTable, asWide:
	}
	return p.write(s.text(p))
}

// pastOf are the types of events as a story says them.
var pastOf = map[string]string{
	"accept": "accepted", "refuse": "refused", "start": "started", "exit": "exited", "client_gone": "left", "start_failed": "failed",
	"dropped": "dropped", "stop": "stopped", "kill": "killed", "output": "wrote",
}

// past is what happened as a story says it.
func (h happening) past() string {
	if word := pastOf[h.what]; word != "" {
		return word
	}
	return h.what
}

func (s story) text(p *printer) string {
	var b strings.Builder
	width := len("because")
	for _, h := range s.events {
		width = max(width, utf8.RuneCountInString(clean(h.past())))
	}
	line := func(label, text string) { fmt.Fprintf(&b, "%s  %s\n", padded(clean(label), width), clean(text)) }
	for i, h := range s.events {
		line(h.past(), h.time.In(p.zone).Format("15:04:05.000")+"  "+s.about(h, i == 0))
	}
	for _, c := range s.causes {
		line("because", c.String())
	}
	for _, h := range s.events {
		if h.what == "refuse" && h.text != "" {
			line("client", fmt.Sprintf("was sent %q, then FIN", h.text))
		}
	}
	return b.String()
}

// about says who is concerned, once, and what happened.
func (s story) about(h happening, first bool) string {
	var parts []string
	if first {
		parts = append(parts, h.route())
	}
	h.peer, h.address = "", ""
	if h.what == "refuse" {
		h.text = "" // is the client's line
		if len(s.causes) > 0 {
			h.reason, h.limit = "", count{} // is the cause's
		}
	}
	for _, part := range []string{h.brief(), h.said()} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "  ")
}

// route is from where to where a client came.
func (h happening) route() string {
	text := orNone(h.peer)
	if h.address != "" {
		_, address, _ := strings.Cut(h.address, " ")
		text += " → " + address
	}
	return text + "  unit " + h.unit
}

func (c cause) String() string {
	text := c.key
	if c.value != "" {
		text += " = " + c.value
	}
	switch {
	case c.file != "" && c.line.finite() && c.line.n > 0:
		text += fmt.Sprintf(" (%s:%d)", c.file, c.line.n)
	case c.file != "":
		text += " (" + c.file + ")"
	case c.key != "":
		text += " (default)"
	}
	if c.text != "" {
		text = strings.TrimPrefix(text+", "+c.text, ", ")
	}
	return text
}
