package controllers

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
	"time"

	"sockbridge/control"
	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/supervise"
)

// topicConns is what sessions subscribe to for the connections of units.
const topicConns = "conns"

// Event takes the stream of events, and tells controllers of connections and of services that could not be started. It is an
// event.Sink.
func (s *Server) Event(e event.Event) {
	if e.Type == event.StartFailed && e.Service != "" {
		s.startFailed(e)
	}
	if e.Conn == "" || len(s.sessions) == 0 {
		return
	}
	switch e.Type { //nolint:exhaustive // the others are no matter of connections
	case event.Start:
		s.connEvent(e, "conn.open", e.Conn, e.Peer, strconv.Itoa(e.PID))
	case event.Refuse:
		s.connEvent(e, "conn.refuse", e.Conn, e.Peer, e.Reason)
	case event.StartFailed:
		if e.Delay == 0 { // else the client waits for the next attempt
			s.connEvent(e, "conn.refuse", e.Conn, e.Peer, string(event.StartFailed))
		}
	case event.ClientGone:
		s.connEvent(e, "conn.refuse", e.Conn, e.Peer, string(event.ClientGone))
	case event.Exit:
		reason := "exit"
		if strings.HasPrefix(e.Status, "SIG") || strings.HasPrefix(e.Status, "signal") {
			reason = "signal"
		}
		s.connEvent(e, "conn.close", e.Conn, strconv.Itoa(e.PID), reason, e.Status, seconds(e.Duration))
	}
}

// connEvent tells of a connection: of a unit's, those who subscribed; of a controller's service, everybody who speaks version 2
// as well.
func (s *Server) connEvent(e event.Event, name string, fields ...string) {
	line := append([]string{name, cmp.Or(e.Unit, e.Service)}, fields...)
	for _, session := range s.sessions {
		newer := e.Service != "" && session.state.Version() >= control.Version2
		if newer || session.state.Subscribed(topicConns) {
			session.Emit(line...)
		}
	}
}

// startFailed tells why a service could not be started: which stage of it failed, and how.
func (s *Server) startFailed(e event.Event) {
	stage, text := "prepare", e.Err.Error()
	if missing, ok := errors.AsType[*supervise.MissingHandleError](e.Err); ok {
		s.log(control.LevelError, `file descriptor "`+missing.Name+`" does not exist`)
		stage = "file descriptors"
	} else if failure, ok := errors.AsType[*launch.Error](e.Err); ok {
		stage, text = failure.Stage.String(), reasonOf(failure)
		s.logStart(e, failure, text)
		if failure.Stage == launch.StageExec {
			s.tellOwnError(e.Service, text)
		}
	} else {
		s.log(control.LevelError, "service '"+e.Service+"': "+text)
	}
	s.Broadcast("", "service.error", e.Service, stage, text)
}

// logStart writes the lines of the log that daemonproxy's clients look for.
func (s *Server) logStart(e event.Event, failure *launch.Error, text string) {
	if !launch.IsTemporary(failure) {
		s.log(control.LevelError, "service '"+e.Service+"': "+failure.Stage.String()+" failed: "+text)
		return
	}
	s.log(control.LevelError, "fork failed: "+text)
	if e.Delay >= time.Second {
		s.log(control.LevelInfo, "will retry in "+seconds(e.Delay)+" seconds")
	}
}

func reasonOf(failure *launch.Error) string {
	if failure.Err != 0 {
		return strerror(failure.Err)
	}
	return failure.Error()
}
