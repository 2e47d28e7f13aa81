// Package control is the control protocol: its codec, one session of it as a state machine without input and output, and a
// client. docs/control-protocol.md describes the protocol for those who write a client in another language.
//
// A message is a line of fields separated by TABs. Version 1 is daemonproxy's and escapes nothing; version 2, which a client
// asks for with `proto`, lets a field hold any byte and gives commands an answer of their own.
//
// A program that asks needs only the client:
//
//	c, err := control.Dial(ctx, "/run/sockbridge/control")
//	lines, err := c.Do(ctx, "unit.list")
//
// A program that serves gives a [Session] what it reads and writes what the session has for its peer:
//
//	s := control.NewSession(control.SessionOptions{Commands: control.NewCommands(mine), Rights: control.Read})
//	s.Input(b)                           // at most s.Room() bytes
//	again := s.Turn()                    // runs a few commands
//	n, err := write(fd, s.Output())      // then s.Wrote(n), or s.Blocked() if nothing could be written
//
// Everything in a session is bounded: a line of input, what waits to be written, the commands of a turn. A peer that does not
// read loses events, is told so by the line `overflow`, and after a time its session ends.
//
// # Notes
//
// `error⇥line too long`: a line with its line feed is longer than [Limits].Line. Version 2 allows more.
//
// `overflow`: the peer read too slowly and events were dropped. Ask for the state again.
package control
