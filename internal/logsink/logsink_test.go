package logsink

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sockbridge/internal/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gate is a destination that takes nothing until it is opened.
type gate struct {
	open chan struct{}
	mu   sync.Mutex
	got  bytes.Buffer
	err  error
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return 0, g.err
	}
	return g.got.Write(p)
}

func TestWriterKeepsOrder(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out, Text)
	var want strings.Builder
	for i := range 1000 {
		line := fmt.Sprintf("line %d\n", i)
		want.WriteString(line)
		if _, err := w.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	w.Close(10 * time.Second)
	if out.String() != want.String() {
		t.Errorf("lines are missing or out of order")
	}
}

func TestWriterNeverBlocksAndCountsWhatIsLost(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	w := NewWriter(g, JSON)
	line := []byte(strings.Repeat("x", 1023) + "\n")
	const n = 3 * queueSize / 1024
	for range n {
		if _, err := w.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	close(g.open)
	w.Close(10 * time.Second)
	got := g.got.String()
	var lost int
	if m := regexp.MustCompile(`(\d+) log lines were lost`).FindStringSubmatch(got); m != nil {
		_, _ = fmt.Sscan(m[1], &lost)
	}
	if kept := strings.Count(got, "x\n"); kept+lost != n || lost == 0 {
		t.Errorf("%d lines written, %d reported lost, of %d", kept, lost, n)
	}
}

func TestWriterReportsWhatADestinationRefused(t *testing.T) {
	g := &gate{open: make(chan struct{}), err: errors.New("no space left on device")}
	close(g.open)
	w := NewWriter(g, JSON)
	if _, err := w.Write([]byte("lost\n")); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for failed := 0; failed == 0; {
		w.mu.Lock()
		failed = w.failed
		w.mu.Unlock()
		if time.Now().After(deadline) {
			t.Fatal("the failure was not counted")
		}
	}
	g.mu.Lock()
	g.err = nil
	g.mu.Unlock()
	if _, err := w.Write([]byte("kept\n")); err != nil {
		t.Fatal(err)
	}
	w.Close(10 * time.Second)
	if got := g.got.String(); !strings.HasPrefix(got, "kept\n") || !strings.Contains(got, "1 log lines were lost") {
		t.Errorf("got %q", got)
	}
}

func TestCloseDoesNotWaitForEver(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	w := NewWriter(g, JSON)
	if _, err := w.Write([]byte("stuck\n")); err != nil {
		t.Fatal(err)
	}
	w.Close(time.Millisecond)
	close(g.open)
	<-w.done
}

func TestParseFormat(t *testing.T) {
	for s, want := range map[string]struct {
		format Format
		level  slog.Level
		bad    bool
	}{
		"text":       {Text, slog.LevelInfo, false},
		"json":       {JSON, slog.LevelInfo, false},
		"json:debug": {JSON, slog.LevelDebug, false},
		"text:ERROR": {Text, slog.LevelError, false},
		"text:":      {bad: true},
		"text:loud":  {bad: true},
		"xml":        {bad: true},
		"":           {bad: true},
	} {
		f, l, err := ParseFormat(s)
		if (err != nil) != want.bad || f != want.format || l != want.level {
			t.Errorf("%q: %v %v %v", s, f, l, err)
		}
	}
}

var someEvent = event.Event{
	Time: time.Date(2026, 11, 21, 14, 2, 11, 0, time.UTC), Type: event.Exit, Unit: "finger", Conn: "9f3c",
	Peer: "203.0.113.9:51312", PID: 4121, Duration: 20 * time.Millisecond, Status: "1", Failed: true,
}

func TestLogFormats(t *testing.T) {
	for f, want := range map[Format]string{
		Text: `time=2026-11-21T14:02:11.000Z level=WARN msg=exit unit=finger conn=9f3c peer=203.0.113.9:51312 pid=4121 seconds=0.02 status=1` + "\n",
		JSON: `{"time":"2026-11-21T14:02:11Z","level":"WARN","msg":"exit","unit":"finger","conn":"9f3c","peer":"203.0.113.9:51312","pid":4121,"seconds":0.02,"status":"1"}` + "\n",
	} {
		var out bytes.Buffer
		New(&out, f, slog.LevelInfo).Event(someEvent)
		if out.String() != want {
			t.Errorf("%s: %s", f, out.String())
		}
	}
}

func TestLogEscapesWhatPeersAndServicesSay(t *testing.T) {
	e := event.Event{Type: event.Output, Unit: "x", Text: "a\nlevel=ERROR \x1b[31m\xff"}
	for _, f := range []Format{Text, JSON} {
		var out bytes.Buffer
		New(&out, f, slog.LevelInfo).Event(e)
		line := strings.TrimSuffix(out.String(), "\n")
		if strings.ContainsAny(line, "\n\x1b") {
			t.Errorf("%s: control characters reach the log: %q", f, line)
		}
	}
}

func TestLogLevel(t *testing.T) {
	var out bytes.Buffer
	l := New(&out, Text, slog.LevelError)
	l.Event(someEvent)
	l.Event(event.Event{Type: event.Bad, Err: errors.New("boom")})
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "error=boom") {
		t.Errorf("got %q", got)
	}
}
