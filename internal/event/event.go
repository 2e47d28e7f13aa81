// Package event names what happens in a manager. Every part tells what it does as one stream of Events; the log, counters and
// whoever else wants to know read that stream and nothing else.
package event

import "time"

// Type is what happened.
type Type string

// The types. What stands behind each are the fields that it sets besides Time and Unit.
const (
	Listening    Type = "listening"     // Address: a unit's socket is open
	Closed       Type = "closed"        // Address: it is closed
	Accept       Type = "accept"        // Conn, Peer
	Refuse       Type = "refuse"        // Conn, Peer, Reason
	ClientGone   Type = "client_gone"   // Conn, Peer: the client left before its service started
	Start        Type = "start"         // Conn and Peer where it is one connection's, PID
	StartFailed  Type = "start_failed"  // Conn, Peer, Err; Delay until the next attempt, if one comes by itself
	Exit         Type = "exit"          // Conn, Peer, PID, Duration, Status; Level warns of a bad one
	Idle         Type = "took_nothing"  // PID, Delay: an instance ended without taking what it was started for
	Dropped      Type = "dropped"       // Reason: a datagram or connection nobody would take was thrown away
	Stop         Type = "stop"          // PID: the instance is asked to end
	Kill         Type = "kill"          // PID: it did not
	Output       Type = "output"        // Text: a line that a service wrote to the log
	Ended        Type = "ended"         // Text: a unit's last process is gone; its counters
	Bad          Type = "bad"           // Err: a unit that is left out, or a part of it that fails
	Warning      Type = "warning"       // Err: something in a unit that the operator should know
	Ready        Type = "ready"         // Text
	Reload       Type = "reload"        // Text
	ReloadError  Type = "reload_error"  // Err
	Upgraded     Type = "upgraded"      // Text: another program has taken our place, and goes on
	UpgradeError Type = "upgrade_error" // Err
	Stopping     Type = "stopping"      // Text
	Stopped      Type = "stopped"       // Text
)

// An Event is one thing that happened. Fields that its type does not set are zero.
type Event struct {
	Time     time.Time
	Type     Type
	Unit     string
	Service  string // a controller's service, which is of no unit
	Conn     string // the connection's id, unique in one life of the manager
	Peer     string // as ADDRESS:PORT, or a Unix peer's path
	Address  string // of a listener, as NETWORK ADDRESS
	PID      int
	Duration time.Duration // of an instance's life
	Delay    time.Duration
	Status   string // "0", "1", "SIGSEGV": an exit status or the signal's name
	Failed   bool   // whether Status is a failure
	Limit    int    // the number behind Reason, where it is about one
	Reason   string // one word, such as access, max_connections, max_connections_per_source
	Text     string
	Err      error
}

// A Sink takes events, in order, on the goroutine of the loop. It must not block.
type Sink func(Event)
