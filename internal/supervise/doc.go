// Package supervise is the engine: it owns processes, the descriptors they are given, and the services that are started for
// what happens.
//
// An [Instance] is one process; its life is the table in lifecycle.go. A [Handle] is a descriptor with a name. A [Service] says
// what to run with which handles, and what starts it: somebody who asks, a time, a signal, the end of its last process, or a
// client that waits behind a handle. Its life is the table in life.go; how many instances it starts for those who wait is
// decided in plan.go, and whether they took anybody in progress.go.
//
// # The life of a service
//
//	down ── start ──▶ scheduled ── due, process made ──▶ up ── last process ended ──▶ down
//	  ╰─────────────── delete ──────────────▶ deleted
//
// A start that is asked for makes a service scheduled at once; the process is made in the next round of the loop, or at the
// time that was given. A service is up while any of its instances runs. Every change is told to the [Observer], in order,
// before whatever comes of it.
//
// # Names
//
// There is one table of services and one of handles. What controllers make is there under its own name; what belongs to a unit
// is there under the key "unit/NAME", so that a controller may call its service as a unit is called: a controller's names have
// no slash. The names and the limits of an [Engine] are about what controllers make, and its Observer hears of nothing else.
//
// Everything here runs on the loop's goroutine. Processes end through the loop too: each has a pidfd in the loop's set, and
// nobody calls wait4(-1).
package supervise
