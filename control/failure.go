package control

import (
	"errors"
	"strconv"
	"strings"
)

// What the protocol itself refuses.
var (
	errUnknown         = &Error{Text: "Unknown command", Code: CodeUnknown}
	errDenied          = &Error{Text: "permission denied", Code: CodeDenied}
	errMissingArgument = &Error{Text: "missing argument", Code: CodeUsage}
	errLineTooLong     = &Error{Text: "line too long", Code: CodeUsage}
)

// How much of a failed command is repeated in the event and in the log.
const (
	eventPrefix = 30
	logPrefix   = 90
)

// fail tells the peer and the log why a command has failed.
func (s *Session) fail(c *Call, err error) {
	text, code := asError(err)
	inCommand := `, for command "` + eventQuote(c.Raw) + `"`
	switch {
	case isProtocol(err, errUnknown):
		text, inCommand = text+": "+c.Name, ""
		s.log(LevelError, s.label()+" sent unknown command "+c.Name[:min(len(c.Name), Compatible.Line)])
	case isProtocol(err, errDenied):
		s.log(LevelError, s.label()+" of uid "+strconv.Itoa(s.options.UID)+" has "+s.options.Rights.String()+
			" rights and may not send "+c.Name)
	default:
		s.log(c.failureLevel(), s.label()+" command failed: "+logQuote(c.Raw))
		s.log(c.failureLevel(), "  with error: '"+text+"'")
	}
	switch {
	case c.named:
		s.Emit("error", c.token, text, code)
	case s.version >= Version2:
		s.Emit("error", text+inCommand, code)
	default:
		s.Emit("error", text+inCommand)
	}
}

// failureLevel is the level of the lines about a failure. Who sent the command with id is answered for certain; of others the log
// may be the only one to hear it, as of a config stream.
func (c *Call) failureLevel() Level {
	if c.named {
		return LevelDebug
	}
	return LevelError
}

// isProtocol reports whether an error is one of the protocol's own, which a restored session has as a copy.
func isProtocol(err error, own *Error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && *e == *own
}

// refuseLine answers a line that was too long.
func (s *Session) refuseLine() {
	s.log(LevelError, s.label()+" command exceeds buffer size")
	if s.version >= Version2 {
		s.Emit("error", errLineTooLong.Text, errLineTooLong.Code)
	} else {
		s.Emit("error", errLineTooLong.Text)
	}
}

// eventQuote shortens a command for an event. Its TABs would be further fields there.
func eventQuote(line string) string {
	if len(line) >= eventPrefix {
		line = line[:eventPrefix] + "..."
	}
	return strings.ReplaceAll(line, "\t", " ")
}

func logQuote(line string) string {
	if len(line) > logPrefix {
		return "'" + line[:logPrefix] + "'..."
	}
	return "'" + line + "'"
}

// label names the session in the log.
func (s *Session) label() string { return "controller[" + strconv.Itoa(s.options.Number) + "]" }

// log writes a line: of what peers send, none makes two of it.
func (s *Session) log(level Level, text string) {
	if s.options.Log != nil {
		s.options.Log(level, strings.ReplaceAll(text, "\n", " "))
	}
}

// debug logs a text that is made only if somebody wants it. It may have several lines: that of an event ends in a line feed
// before the closing quote, and clients of the log depend on it.
func (s *Session) debug(text func() string) {
	if s.options.Debug != nil && s.options.Log != nil && s.options.Debug() {
		s.options.Log(LevelDebug, text())
	}
}
