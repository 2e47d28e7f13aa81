package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"
)

// How many of each a round has. A round takes about a second.
const (
	echoes   = 20_000
	services = 20_000
	starts   = 300
	dials    = 1_000
)

// measure takes all rounds. Memory comes first, while the processes are idle and have done nothing.
func (s *subjects) measure(rounds int) ([]*result, error) {
	results := newResults()
	if err := s.memory(results); err != nil {
		return nil, err
	}
	for round := range rounds {
		for _, m := range measures {
			if err := m(s, results, round); err != nil {
				return nil, err
			}
		}
	}
	return results, nil
}

// measures add one value to each side of some results.
var measures = []func(s *subjects, r []*result, round int) error{
	(*subjects).roundTrips, (*subjects).definitions, (*subjects).firstStarts, (*subjects).firstAnswers,
}

// inTurns calls both sides, the other first each time.
func inTurns(round int, ours, floor func() error) error {
	if round%2 == 1 {
		return errors.Join(floor(), ours())
	}
	return errors.Join(ours(), floor())
}

func (s *subjects) memory(r []*result) error {
	ours, err := s.ours.pss()
	if err != nil {
		return fmt.Errorf("cannot read the memory of a process: %w", err)
	}
	floor, err := s.floor.pss()
	if err != nil {
		return fmt.Errorf("cannot read the memory of a process: %w", err)
	}
	r[idleMemory].add(ours, floor)
	return nil
}

// both measures one kind of latency on both sides and adds its percentiles.
func both(round int, one func(ours bool) ([]float64, error)) (ours, floor []float64, err error) {
	err = inTurns(round,
		func() (err error) { ours, err = one(true); return err },
		func() (err error) { floor, err = one(false); return err })
	slices.Sort(ours)
	slices.Sort(floor)
	return ours, floor, err
}

func (s *subjects) side(ours bool) *subject {
	if ours {
		return s.ours
	}
	return s.floor
}

func (s *subjects) roundTrips(r []*result, round int) error {
	ours, floor, err := both(round, func(ours bool) ([]float64, error) {
		return withClient(s.side(ours), func(c *client) ([]float64, error) { return repeated(echoes, c.echo) })
	})
	if err != nil {
		return fmt.Errorf("cannot measure echo: %w", err)
	}
	r[echoMedian].add(percentile(ours, 50), percentile(floor, 50))
	r[echoSlow].add(percentile(ours, 99), percentile(floor, 99))
	return nil
}

// firstAnswers are echoes on connections of their own.
func (s *subjects) firstAnswers(r []*result, round int) error {
	ours, floor, err := both(round, func(ours bool) ([]float64, error) {
		return repeated(dials, s.side(ours).firstAnswer)
	})
	if err != nil {
		return fmt.Errorf("cannot measure first answers: %w", err)
	}
	r[firstMedian].add(percentile(ours, 50), percentile(floor, 50))
	r[firstSlow].add(percentile(ours, 99), percentile(floor, 99))
	return nil
}

// firstAnswer is how long it takes from connecting.
func (s *subject) firstAnswer() (float64, error) {
	began := time.Now()
	c, err := dial(s.socket)
	if err != nil {
		return 0, err
	}
	_, err = c.echo()
	took := time.Since(began).Seconds()
	return took, errors.Join(err, c.close())
}

// firstStarts are from service.start to its event up. The next start waits until the process has ended.
func (s *subjects) firstStarts(r []*result, round int) error {
	const service = "bench"
	ours, floor, err := both(round, func(ours bool) ([]float64, error) {
		if !ours {
			return withClient(s.starting, func(c *client) ([]float64, error) { return c.starts("start\n", "start", "down") })
		}
		return withClient(s.ours, func(c *client) ([]float64, error) {
			define := "service.args\t" + service + "\t" + started
			if _, err := c.ask(define+"\n", define); err != nil {
				return nil, err
			}
			state := "service.state\t" + service + "\t"
			return c.starts("service.start\t"+service+"\n", state+"up\t", state+"down\t")
		})
	})
	if err != nil {
		return fmt.Errorf("cannot measure starts: %w", err)
	}
	r[startMedian].add(percentile(ours, 50), percentile(floor, 50))
	r[startSlow].add(percentile(ours, 99), percentile(floor, 99))
	return nil
}

// starts sends the command again and again, and measures until its first answer.
func (c *client) starts(command, up, down string) ([]float64, error) {
	return repeated(starts, func() (float64, error) {
		took, err := c.ask(command, up)
		if err != nil {
			return 0, err
		}
		return took, c.until(down)
	})
}

// definitions are pipelined commands that make services, and then ones that change them. The events of both are the
// commands again, so the floor has the same bytes to answer.
func (s *subjects) definitions(r []*result, round int) error {
	made, changed := lines("service.tags\tb%d\tbench"), lines("service.args\tb%d\t"+started)
	rates := func(to []float64, side *subject) func() error {
		return func() error {
			got, err := withClient(side, func(c *client) ([]float64, error) { return c.rates(made, changed) })
			copy(to, got)
			return err
		}
	}
	var ours, floor [2]float64
	if err := inTurns(round, rates(ours[:], s.ours), rates(floor[:], s.floor)); err != nil {
		return fmt.Errorf("cannot measure pipelined commands: %w", err)
	}
	r[madeRate].add(ours[0], floor[0])
	r[changedRate].add(ours[1], floor[1])
	_, err := withClient(s.ours, func(c *client) ([]float64, error) {
		return nil, c.pipeline(lines("service.delete\tb%d"), countLines(services))
	})
	return err
}

// lines are one a service.
func lines(format string) []byte {
	var all []byte
	for i := range services {
		all = append(fmt.Appendf(all, format, i), '\n')
	}
	return all
}

// rates are lines a second of each batch.
func (c *client) rates(batches ...[]byte) ([]float64, error) {
	var rates []float64
	for _, batch := range batches {
		began := time.Now()
		if err := c.pipeline(batch, expect(batch)); err != nil {
			return nil, err
		}
		rates = append(rates, services/time.Since(began).Seconds())
	}
	return rates, nil
}

// expect is for pipeline: exactly this must come back.
func expect(data []byte) func([]byte) (bool, error) {
	return func(b []byte) (bool, error) {
		if !bytes.HasPrefix(data, b) {
			return false, fmt.Errorf("cannot go on: the answer is %.200q, want %.200q", b, data)
		}
		data = data[len(b):]
		return len(data) == 0, nil
	}
}

// countLines is for pipeline: so many lines must come back.
func countLines(n int) func([]byte) (bool, error) {
	return func(b []byte) (bool, error) {
		n -= bytes.Count(b, []byte{'\n'})
		return n <= 0, nil
	}
}

// echo is one round trip.
func (c *client) echo() (float64, error) { return c.ask("echo\tx\n", "") }

// ask sends a command and waits for the answer that begins so. It returns how long that took, in seconds.
func (c *client) ask(command, answer string) (float64, error) {
	began := time.Now()
	if err := c.send([]byte(command)); err != nil {
		return 0, err
	}
	err := c.until(answer)
	return time.Since(began).Seconds(), err
}

// repeated calls f so often, and returns its results.
func repeated(n int, f func() (float64, error)) ([]float64, error) {
	took := make([]float64, 0, n)
	for range n {
		one, err := f()
		if err != nil {
			return nil, err
		}
		took = append(took, one)
	}
	return took, nil
}

// withClient lends a connection.
func withClient(s *subject, f func(*client) ([]float64, error)) ([]float64, error) {
	c, err := dial(s.socket)
	if err != nil {
		return nil, err
	}
	values, err := f(c)
	return values, errors.Join(err, c.close())
}
