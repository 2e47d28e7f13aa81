package logsink

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestFlushWaitsForEverything(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out, Text)
	defer w.Close(10 * time.Second)
	want := 0
	for range 100 {
		for range 10 {
			want++
			if _, err := w.Write([]byte("line\n")); err != nil {
				t.Fatal(err)
			}
		}
		w.Flush(10 * time.Second)
		// Nothing is being written now, so that the buffer may be read.
		if got := strings.Count(out.String(), "line\n"); got != want {
			t.Fatalf("%d lines are written after a flush, want %d", got, want)
		}
	}
}

func TestFlushOfNothingReturns(*testing.T) {
	w := NewWriter(&bytes.Buffer{}, Text)
	w.Flush(time.Hour)
	w.Close(10 * time.Second)
}

func TestFlushDoesNotWaitForEver(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	w := NewWriter(g, Text)
	if _, err := w.Write([]byte("stuck\n")); err != nil {
		t.Fatal(err)
	}
	w.Flush(time.Millisecond)
	close(g.open)
	w.Flush(10 * time.Second)
	w.Close(10 * time.Second)
	if got := g.got.String(); got != "stuck\n" {
		t.Errorf("got %q", got)
	}
}

func TestManyMayFlush(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	w := NewWriter(g, Text)
	if _, err := w.Write([]byte("line\n")); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	for range 4 {
		go func() { // ends when all is written
			w.Flush(10 * time.Second)
			done <- struct{}{}
		}()
	}
	close(g.open)
	for range 4 {
		<-done
	}
	w.Close(10 * time.Second)
}
