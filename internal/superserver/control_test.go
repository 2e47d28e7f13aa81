package superserver

import (
	"testing"
	"time"
)

func TestQuota(t *testing.T) {
	var q quota
	now := time.Unix(1000, 0)
	for i := range 3 * controlLines {
		if lost, ok := q.take(now); ok != (i < controlLines) || lost != 0 {
			t.Fatalf("line %d: %v, %d lost", i, ok, lost)
		}
	}
	if lost, ok := q.take(now.Add(time.Second)); !ok || lost != 2*controlLines {
		t.Errorf("a second later: %v, %d lost", ok, lost)
	}
	if lost, ok := q.take(now.Add(time.Second)); !ok || lost != 0 {
		t.Errorf("then: %v, %d lost", ok, lost)
	}
}
