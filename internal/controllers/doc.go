// Package controllers serves controllers: programs and people that drive the engine by the control protocol, over the control
// socket, over a pair of descriptors, or as services of the engine themselves.
//
// A [Server] has the commands of the engine, and tells everybody what changes. A [Session] is one controller: the state machine
// of package control, with descriptors. Everything runs on the loop:
//
//	s, err := controllers.New(controllers.Options{Loop: l, Engine: e, Launcher: launcher, Compatible: true})
//	err = s.CreateSocket("/run/control")
//	s.Attach(controllers.Link{Read: 0, Write: 1, Rights: control.Admin, Interactive: true})
//
// # A round
//
// A session reads once when there is something to read and room for it, and runs a few commands at once; if more could run, they
// do so in the next round, when all others had their turn. What a round has made for a session is written at its end, in one
// piece. A peer that does not read is not read from either, once its commands may not be begun any more.
//
// # Descriptors
//
// The server owns those of its sessions and closes them; where a session has descriptors 0 to 2, /dev/null takes their place. It
// never changes the mode of a descriptor that it was given, since the description behind it belongs to others too: sockets are
// used with MSG_DONTWAIT, pipes and terminals are opened a second time (see link.go).
//
// # Notes
//
// `No free controllers to accpet socket connection`: Options.MaxSessions are connected; who waits is served when one leaves.
package controllers
