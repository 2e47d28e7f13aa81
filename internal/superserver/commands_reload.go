package superserver

import (
	"errors"
	"strconv"

	"sockbridge/control"
	"sockbridge/units"
)

func (s *Server) reloadCommands() []control.Command {
	return []control.Command{{
		Name: "reload", Args: "[dry-run]", Rights: control.Operate, Version: control.Version2, Run: s.reloadCommand,
		Help: "goes over to the units as they are written now, as a whole or not at all, and tells what became of it; " +
			"`dry-run` only tells what would",
	}}
}

func (s *Server) reloadCommand(c *control.Call) error {
	if err := arguments(c, 0, 1); err != nil {
		return err
	}
	dry, err := oneWord(c, 0, "dry-run")
	if err != nil {
		return err
	}
	done := c.Later()
	s.request(request{dry: dry, done: func(o outcome) {
		if errors.Is(o.err, errStopping) {
			done(errStopping)
			return
		}
		emitAll(c, o.records())
		if o.err != nil {
			done(refusal(codeFailed, "nothing was changed: %v", o.err))
			return
		}
		done(nil)
	}})
	return nil
}

// changeWords are the kinds of changes.
var changeWords = [...]string{units.Added: "added", units.Changed: "changed", units.Removed: "removed"}

// records are the lines that tell an outcome.
func (o outcome) records() (lines []record) {
	if o.err != nil {
		for _, f := range o.every() {
			lines = append(lines, record{"reload.failed", f.file, strconv.Itoa(f.line), f.text})
		}
		return lines
	}
	for _, c := range o.changes {
		r := record{"reload.change", changeWords[c.Kind], c.Unit}
		for _, k := range c.Keys {
			r = append(r, k.Key+": "+orNone(k.Old)+" → "+orNone(k.New))
		}
		lines = append(lines, r)
	}
	r := record{"reload.done", strconv.Itoa(o.generation)}
	r.number("kept", o.listeners.kept)
	r.number("opened", o.listeners.opened)
	r.number("closed", o.listeners.closed)
	r.count("connections_kept", o.connections)
	if o.dry {
		r.text("dry_run", "true")
	}
	return append(lines, r)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return cut(s)
}
