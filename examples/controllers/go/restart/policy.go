package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strconv"
	"strings"

	"sockbridge/control"
)

// A policy says when a service is started again.
type policy struct{ first, longest, calm, tries int }

// delay is how many seconds to wait after so many short runs in a row.
func (p policy) delay(failures int) int {
	delay := p.first
	for i := 1; i < failures && delay < p.longest; i++ {
		delay *= 2
	}
	return min(delay, p.longest)
}

// A status is what a statedump tells of the service.
type status struct {
	state, pid, reason, value string
	since, ran                int // seconds; since is 0 if it has not run
	failures                  int
	counted                   string // pid of the last run that was counted
}

// look asks how the service is, and acts on that.
func (s *supervisor) look(ctx context.Context, why string) error {
	lines, err := s.client.Do(ctx, "statedump")
	if errors.Is(err, control.ErrOverflow) {
		s.missed = append(s.missed, []string{"overflow"})
		return nil
	}
	if err != nil {
		return err
	}
	now := s.read(lines)
	switch {
	case now.state == "":
		return fmt.Errorf("there is no service %s: name a command", s.name)
	case now.state != "down":
		return nil
	case now.since > 0:
		return s.ended(ctx, now)
	case why == "first" || why == "overflow": // else somebody has taken a planned start back
		return s.do(ctx, "service.start", s.name)
	}
	return nil
}

// read takes the last that the lines tell: live events may be among them.
func (s *supervisor) read(lines [][]string) status {
	var now status
	for _, line := range lines {
		switch {
		case len(line) < 3 || line[1] != s.name:
		case line[0] == "service.state" && len(line) >= 9:
			now.state, now.pid, now.reason, now.value = line[2], line[4], line[5], line[6]
			now.since, now.ran = number(line[3]), number(line[7])
		case line[0] == "service.tags":
			now.failures, now.counted = memory(line[2:])
		}
	}
	return now
}

// memory reads the tags.
func memory(tags []string) (failures int, counted string) {
	for _, tag := range tags {
		switch key, value, _ := strings.Cut(tag, "="); key {
		case "failures":
			failures = number(value)
		case "pid":
			counted = value
		}
	}
	return failures, counted
}

// number reads a decimal; - is 0.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

// ended counts a run and plans the next.
func (s *supervisor) ended(ctx context.Context, now status) error {
	if now.pid != now.counted {
		if now.ran >= s.policy.calm || now.failures >= s.policy.tries { // the latter was started by hand
			now.failures = 0
		}
		now.failures++
		if err := s.do(ctx, "service.tags", s.name, "failures="+strconv.Itoa(now.failures), "pid="+now.pid); err != nil {
			return err
		}
	}
	if now.failures >= s.policy.tries {
		log.Printf("%s ended by %s %s, %d times in a row: it stays down", s.name, now.reason, now.value, s.policy.tries)
		return nil
	}
	delay := s.policy.delay(now.failures)
	log.Printf("%s ended by %s %s: again in %d s", s.name, now.reason, now.value, delay)
	return s.start(ctx, now.since+delay)
}

// start plans a start, or starts at once what should have been started already.
func (s *supervisor) start(ctx context.Context, at int) error {
	lines, err := s.client.Do(ctx, "service.start", s.name, strconv.Itoa(at))
	s.missed = append(s.missed, lines...)
	var refused *control.Error
	if errors.As(err, &refused) && refused.Text == "invalid timestamp" {
		return s.do(ctx, "service.start", s.name)
	}
	return err
}
