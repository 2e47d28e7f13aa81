// Restart keeps a service running. When it ends it is started again after 1, 2, 4 ... seconds; a run that was long enough begins
// anew with 1, and after too many short ones it stays down until somebody starts it by hand. To end the supervision, delete the
// service.
//
// Events only tell when to look; what is done follows from the state as it is then. So nothing depends on having heard every
// event. The number of short runs in a row, and the pid of the last that was counted, are kept in the tags of the service: so a
// restart that is started in place of another goes on where that was, and counts none twice.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"time"

	"sockbridge/control"
)

func main() {
	log.SetFlags(0)
	p := policy{}
	path := flag.String("socket", "", "control `PATH`; else descriptor 0 is the link, as control.socket is in service.fds")
	flag.IntVar(&p.first, "first", 1, "`seconds` until the first restart")
	flag.IntVar(&p.longest, "longest", 60, "`seconds` until a restart, at most")
	flag.IntVar(&p.calm, "calm", 10, "`seconds` after which a run was long enough")
	flag.IntVar(&p.tries, "tries", 10, "short `runs` in a row after which it stays down")
	flag.Parse()
	if flag.NArg() < 1 {
		log.Fatal("usage: restart [options] NAME [COMMAND ARG...]")
	}
	for {
		err := supervise(context.Background(), *path, p, flag.Args())
		if err == nil {
			return
		}
		log.Print(err)
		if *path == "" {
			os.Exit(1)
		}
		time.Sleep(time.Second) // the server was started anew, or will be
	}
}

// connect opens the link.
func connect(ctx context.Context, path string) (*control.Client, error) {
	if path != "" {
		return control.Dial(ctx, path)
	}
	conn, err := net.FileConn(os.Stdin)
	if err != nil {
		return nil, fmt.Errorf("cannot use descriptor 0: %w", err)
	}
	return control.NewClient(ctx, conn)
}

// supervise returns nil when the service was deleted.
func supervise(ctx context.Context, path string, p policy, args []string) error {
	c, err := connect(ctx, path)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // it was used up
	s := &supervisor{client: c, policy: p, name: args[0]}
	if len(args) > 1 {
		if err := s.do(ctx, append([]string{"service.args"}, args...)...); err != nil {
			return err
		}
	}
	for why := "first"; why != "deleted"; {
		if err := s.look(ctx, why); err != nil {
			return err
		}
		if why, err = s.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// A supervisor looks after one service.
type supervisor struct {
	client *control.Client
	policy policy
	name   string
	missed [][]string // events that came amid answers
}

// do executes a command. What is refused is logged: the next look will tell what has become of it.
func (s *supervisor) do(ctx context.Context, fields ...string) error {
	lines, err := s.client.Do(ctx, fields...)
	s.missed = append(s.missed, lines...)
	var refused *control.Error
	switch {
	case errors.Is(err, control.ErrOverflow):
		s.missed = append(s.missed, []string{"overflow"})
		return nil
	case errors.As(err, &refused):
		log.Printf("%s: %v", s.name, err)
		return nil
	}
	return err
}

// wait returns the reason to look again: the state that the service has taken, or overflow.
func (s *supervisor) wait(ctx context.Context) (string, error) {
	for {
		event, err := s.next(ctx)
		switch {
		case err != nil:
			return "", err
		case event[0] == "overflow": // events were lost
			return event[0], nil
		case len(event) > 2 && event[0] == "service.state" && event[1] == s.name:
			return event[2], nil
		}
	}
}

func (s *supervisor) next(ctx context.Context) ([]string, error) {
	if len(s.missed) > 0 {
		event := s.missed[0]
		s.missed = s.missed[1:]
		return event, nil
	}
	return s.client.Next(ctx)
}
