package supervise

import (
	"testing"
	"time"
)

func TestTookNothing(t *testing.T) {
	const short, long = time.Millisecond, time.Minute
	type step struct {
		run  run
		want verdict
	}
	doubtful := step{run{before: 1, after: 1, lasted: short}, tookSome}
	for name, steps := range map[string][]step{
		"took its client":                      {{run{before: 1, after: 0}, tookSome}},
		"took one of five":                     {{run{before: 5, after: 4}, tookSome}},
		"others came meanwhile, first time":    {{run{before: 1, after: 5}, tookSome}},
		"same clients still wait":              {doubtful, {run{before: 1, after: 1, known: true}, tookNothing}, {run{before: 1, after: 2, known: true}, tookNothing}},
		"the first was taken, others came":     {doubtful, {run{before: 1, after: 2, known: true, took: true}, tookSome}},
		"nobody is left":                       {doubtful, {run{before: 1, after: 0, known: true}, tookSome}},
		"nobody knows who waits":               {doubtful, doubtful, doubtful, {doubtful.run, tookNothing}},
		"nobody knows, but it ran for long":    {{run{before: 1, after: 1, lasted: long}, tookSome}, {run{before: 1, after: 1, lasted: long}, tookSome}, {run{before: 1, after: 1, lasted: long}, tookSome}, {run{before: 1, after: 1, lasted: long}, tookSome}},
		"nobody knows, but it says it is well": {doubtful, doubtful, doubtful, {run{before: 1, after: 1, well: true}, unsure}, {run{before: 1, after: 0, well: true}, tookSome}},
		"progress in between forgives":         {doubtful, doubtful, {run{before: 2, after: 1}, tookSome}, doubtful, doubtful, doubtful},
		"knowledge in between is no pardon":    {doubtful, {run{before: 1, after: 1, known: true}, tookNothing}, {doubtful.run, tookSome}, {doubtful.run, tookNothing}},
	} {
		t.Run(name, func(t *testing.T) {
			var p progress
			for i, s := range steps {
				if got := p.verdict(s.run); got != s.want {
					t.Fatalf("run %d: %v, want %v", i, got, s.want)
				}
			}
		})
	}
}

func TestSuspicionAsksForIdentities(t *testing.T) {
	var p progress
	if p.suspicious() {
		t.Error("suspicious from the start")
	}
	p.verdict(run{before: 1, after: 1, lasted: time.Millisecond})
	if !p.suspicious() {
		t.Error("not suspicious after a run that left the queue as it was")
	}
	p.verdict(run{before: 1, after: 0, lasted: time.Millisecond})
	if p.suspicious() {
		t.Error("suspicious after progress")
	}
}

func TestBackoff(t *testing.T) {
	var b backoff
	want := []time.Duration{100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000}
	for i, ms := range want {
		if got := b.next(firstPause, lastPause); got != ms*time.Millisecond {
			t.Errorf("pause %d: %v, want %d ms", i, got, ms)
		}
	}
	b.reset()
	if got := b.next(firstPause, lastPause); got != firstPause {
		t.Errorf("after a reset: %v", got)
	}
}
