package superserver

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/loop"
)

const (
	// maxOutputLine is where a line of a service's output is cut in two, in bytes.
	maxOutputLine = 4096
	// outputBurst is how many lines of a unit the log takes in outputTime. A unit that writes more is not read for the rest
	// of that time: its services wait, and nobody else does.
	outputBurst = 500
	outputTime  = time.Second
	// lastTakes bounds what is read of a pipe that is closed: somebody may write to it without end.
	lastTakes = 8
)

// An output is the pipe through which the instances of a unit write to the log. It is one for all of them, made when the first
// needs it: a pipe an instance would cost two descriptors and a watch each, and lines of up to PIPE_BUF bytes do not mix.
type output struct {
	server      *Server
	unit        string
	read, write int
	watch       *loop.Watch
	partial     []byte // the beginning of a line whose end has not come

	lines int         // told in the present outputTime
	rest  *loop.Timer // ends it

	closed func() // told when close is through; may be nil
}

// writer returns the end that services write to, which stays the output's.
func (o *output) writer() (int, error) {
	if o.write >= 0 {
		return o.write, nil
	}
	if err := o.open(); err != nil {
		o.release()
		return -1, fmt.Errorf("cannot make a pipe for the output of unit %q: %w", o.unit, err)
	}
	return o.write, nil
}

func (o *output) open() error {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	var errRead, errWrite error
	o.read, errRead = launch.Keep(p[0])
	o.write, errWrite = launch.Keep(p[1])
	// Only our end must not block; the services' is another description.
	if err := errors.Join(errRead, errWrite, unix.SetNonblock(o.read, true)); err != nil {
		return err
	}
	return o.attend()
}

func (o *output) attend() (err error) {
	o.watch, err = o.server.loop.Watch(o.read, loop.Readable, func(loop.Events) { o.readable() })
	return err
}

// readable takes what is there, and lets the writers wait once it was too much.
func (o *output) readable() {
	o.take()
	if o.rest == nil {
		o.rest = o.server.loop.After(outputTime, func() {
			o.lines, o.rest = 0, nil
			o.server.report(o.unit, o.watch.Set(loop.Readable))
		})
	}
	if o.lines >= outputBurst {
		o.server.report(o.unit, o.watch.Set(0))
	}
}

// take reads once, so that a service that writes all the time takes turns with everybody else. It reports whether there was
// something.
func (o *output) take() bool {
	var buf [16 << 10]byte
	n, err := unix.Read(o.read, buf[:])
	if err != nil || n == 0 {
		return false
	}
	o.partial = append(o.partial, buf[:n]...)
	for {
		line, rest, found := bytes.Cut(o.partial, []byte{'\n'})
		switch {
		case found && len(line) <= maxOutputLine:
			o.tell(line)
			o.partial = rest
		case len(line) > maxOutputLine:
			o.tell(o.partial[:maxOutputLine])
			o.partial = o.partial[maxOutputLine:]
		default:
			o.partial = bytes.Clone(o.partial) // not the front of an ever longer array
			return true
		}
	}
}

func (o *output) tell(line []byte) {
	o.lines++
	o.server.publish(event.Event{Type: event.Output, Unit: o.unit, Text: string(line)})
}

// close tells what is left and closes the pipe. The unit's instances have ended.
func (o *output) close() {
	if o.read >= 0 {
		o.finish()
	}
	if o.closed != nil {
		o.closed()
	}
}

func (o *output) finish() {
	for range lastTakes {
		if !o.take() {
			break
		}
	}
	if len(o.partial) > 0 {
		o.tell(o.partial)
	}
	o.release()
}

func (o *output) release() {
	if o.watch != nil {
		o.server.report(o.unit, o.watch.Close())
	}
	o.rest.Stop()
	o.watch, o.rest, o.partial = nil, nil, nil
	for _, fd := range []*int{&o.read, &o.write} {
		if *fd >= 0 {
			o.server.report(o.unit, unix.Close(*fd))
			*fd = -1
		}
	}
}
