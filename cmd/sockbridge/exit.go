package main

import (
	"errors"

	"sockbridge/internal/superserver"
)

// Exit statuses, as documented under EXIT STATUS.
const (
	exitOK           = 0
	exitFailed       = 1 // an operation failed, or check found errors
	exitUsage        = 2 // the command line is wrong
	exitNotListening = 3 // the unit is known, but takes no clients
	exitNoSuchUnit   = 4 // no unit or connection has the name
	exitDenied       = 5 // the control socket is not ours to use, or not for this
	exitNotRunning   = 6 // no manager listens at the control socket
	exitTimedOut     = 7
	exitConfig       = 78 // EX_CONFIG of sysexits(3): RestartPreventExitStatus=78 keeps systemd from trying again
	exitSignal       = 128
)

// errFindings is a failure that was already told in full.
var errFindings = errors.New("findings")

// A usageError is a command line that makes no sense.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// A statusError is a failure that has an exit status of its own.
type statusError struct {
	error
	status int
}

func (e statusError) Unwrap() error { return e.error }

func exitStatus(err error) int {
	var killed superserver.KilledError
	var usage usageError
	var own statusError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage), isUnknownCommand(err):
		return exitUsage
	case errors.As(err, &own):
		return own.status
	case errors.Is(err, superserver.ErrConfig):
		return exitConfig
	case errors.As(err, &killed):
		return exitSignal + int(killed.Signal)
	}
	return exitFailed
}
