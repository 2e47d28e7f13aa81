package test

import (
	"errors"
	"time"
)

// patience is how long the harness waits for what should take milliseconds: slow machines are not faults.
const patience = 10 * time.Second

var errTooLate = errors.New("it did not happen in time")

// poll calls done until it reports true or an error; after the limit it returns errTooLate.
func poll(limit time.Duration, done func() (bool, error)) error {
	deadline := time.After(limit)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-deadline:
			return errTooLate
		}
	}
}
