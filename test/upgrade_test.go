package test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// loadName is a program that some scripts have beside the one under test: it keeps a manager busy.
//
//	load ADDRESS [-rate N] [-sessions N -at ADDRESS] [-hup PID -hups N]
//
// It connects to ADDRESS N times a second, says nothing and expects "hello\n"; it holds sessions with an echo service, in which it
// compares every byte; it sends N HUPs a second to a process. It goes on until it gets INT, and says then what it has seen. It
// fails if any of it was not as it should be.
const loadName = "load"

// The test binary is the program under this name, as it is the harness's other programs.
func init() {
	if filepath.Base(os.Args[0]) == loadName {
		os.Exit(load(os.Args[1:]))
	}
}

// TestUpgrade runs the scripts that need the program load, which TestScript skips: its path is in the variable LOAD, and not in the
// search path, since testscript remembers for all tests what is found there.
func TestUpgrade(t *testing.T) {
	bin := build(t)
	self, err := os.Executable()
	program := filepath.Join(t.TempDir(), loadName)
	if err == nil {
		err = os.Symlink(self, program)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := params(bin)
	setUp := p.Setup
	p.Setup = func(env *testscript.Env) error {
		env.Setenv("LOAD", program)
		return setUp(env)
	}
	if p.Files, err = scriptsWith("[!exec:$LOAD]"); err != nil || len(p.Files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	testscript.Run(t, p)
}

func scriptsWith(text string) (list []string, err error) {
	all, err := filepath.Glob("testdata/script/*.txtar")
	for _, path := range all {
		script, errRead := os.ReadFile(path)
		err = errors.Join(err, errRead)
		if bytes.Contains(script, []byte(text)) {
			list = append(list, path)
		}
	}
	return list, err
}

// A loader is one run of the program.
type loader struct {
	address, at              string
	rate, sessions, pid, hup int

	connections, refused, reset, failed, whole, hups atomic.Int64

	mu    sync.Mutex
	first error // below mu
}

func load(args []string) int {
	l := &loader{}
	flags := flag.NewFlagSet(loadName, flag.ExitOnError)
	flags.IntVar(&l.rate, "rate", 0, "")
	flags.IntVar(&l.sessions, "sessions", 0, "")
	flags.StringVar(&l.at, "at", "", "")
	flags.IntVar(&l.pid, "hup", 0, "")
	flags.IntVar(&l.hup, "hups", 0, "")
	l.address = args[0]
	_ = flags.Parse(args[1:]) // ends the program itself
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT)
	defer stop()
	return l.run(ctx)
}

func (l *loader) run(ctx context.Context) int {
	var all sync.WaitGroup
	for n := range l.sessions {
		all.Go(func() { l.session(ctx, uint64(n)) })
	}
	all.Go(func() {
		l.often(ctx, l.rate, func() { all.Go(l.connect) })
	})
	all.Go(func() {
		l.often(ctx, l.hup, func() {
			if l.pid > 0 && unix.Kill(l.pid, unix.SIGHUP) == nil {
				l.hups.Add(1)
			}
		})
	})
	all.Wait()
	fmt.Printf("connections %d, refused %d, reset %d, failed %d, whole sessions %d, hups %d\n",
		l.connections.Load(), l.refused.Load(), l.reset.Load(), l.failed.Load(), l.whole.Load(), l.hups.Load())
	if l.first != nil || l.whole.Load() != int64(l.sessions) {
		fmt.Println("the first failure:", l.first)
		return 1
	}
	return 0
}

// often calls f so many times a second; what a slow machine has missed it makes up for, within bounds.
func (l *loader) often(ctx context.Context, rate int, f func()) {
	if rate <= 0 {
		return
	}
	const step = 10 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	owed, last := 0.0, time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			owed = min(owed+float64(rate)*now.Sub(last).Seconds(), float64(rate)/4)
			last = now
		}
		for ; owed >= 1; owed-- {
			f()
		}
	}
}

func (l *loader) fail(err error) {
	switch {
	case errors.Is(err, unix.ECONNREFUSED):
		l.refused.Add(1)
	case errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE):
		l.reset.Add(1)
	default:
		l.failed.Add(1)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == nil {
		l.first = err
	}
}

// connect is one client.
func (l *loader) connect() {
	reply, err := l.ask()
	l.connections.Add(1)
	switch {
	case err != nil:
		l.fail(err)
	case reply != "hello\n":
		l.fail(fmt.Errorf("the reply is %q", reply))
	}
}

func (l *loader) ask() (string, error) {
	conn, err := net.DialTimeout("tcp", l.address, 2*patience)
	if err != nil {
		return "", err
	}
	defer conn.Close() //nolint:errcheck // all was read, or has failed already
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		return "", err
	}
	reply, err := io.ReadAll(conn)
	return string(reply), err
}

// session talks to an echo service, and ends the session by closing its own half.
func (l *loader) session(ctx context.Context, seed uint64) {
	if err := l.echo(ctx, rand.New(rand.NewPCG(seed, 1))); err != nil {
		l.fail(fmt.Errorf("session %d: %w", seed, err))
		return
	}
	l.whole.Add(1)
}

func (l *loader) echo(ctx context.Context, random *rand.Rand) error {
	conn, err := net.DialTimeout("tcp", l.at, 2*patience)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // all was read, or has failed already
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := roundTrip(conn, random); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	if err := errors.Join(roundTrip(conn, random), conn.(halfCloser).CloseWrite()); err != nil {
		return err
	}
	rest, err := io.ReadAll(conn)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes came that nobody had sent", len(rest))
	}
	return err
}

// roundTrip sends bytes that nobody could guess, and compares what comes back.
func roundTrip(conn net.Conn, random *rand.Rand) error {
	sent := make([]byte, 1+random.IntN(4000))
	for i := range sent {
		sent[i] = byte(random.Uint32())
	}
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		return err
	}
	if _, err := conn.Write(sent); err != nil {
		return err
	}
	back := make([]byte, len(sent))
	if _, err := io.ReadFull(conn, back); err != nil {
		return err
	}
	if !bytes.Equal(sent, back) {
		return errors.New("other bytes came back: " + strings.ToUpper(fmt.Sprintf("%x", back[:min(8, len(back))])))
	}
	return nil
}
