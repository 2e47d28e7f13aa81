package supervise

import "time"

// Pauses before a service that took nothing is started again.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 30 * time.Second
)

// Without the identities of those who wait, so many runs in a row that were over within shortRun and left the queue no shorter
// count as one that took nothing.
const (
	shortRuns = 3
	shortRun  = time.Second
)

// breath is the pause after such a run that ended well: a service that does take its clients, in front of a queue that is
// always full, must go on, and one that does not must not use up a processor.
const breath = 10 * time.Millisecond

// A backoff is a pause that doubles.
type backoff struct{ pause time.Duration }

func (b *backoff) next(first, last time.Duration) time.Duration {
	b.pause = min(max(2*b.pause, first), last)
	return b.pause
}

func (b *backoff) reset() { b.pause = 0 }

// A queue is what waited when an instance was started.
type queue struct {
	waiting int
	heads   []uint64 // identities, where they were asked for
	known   bool     // whether they were, and the kernel knows them
}

// A run is an instance that has ended, by what it left behind.
type run struct {
	before, after int // how many waited
	lasted        time.Duration
	well          bool // the exit status was 0
	known         bool // whether the kernel could say who waited
	took          bool // and whether one of them was taken
}

// progress tells services that take clients from services that end without doing so. The length of the queue alone cannot:
// others may arrive meanwhile. It is what is always looked at, being cheap; only after a run that left the queue no shorter
// does the next one begin with a look at who waits, which is exact.
type progress struct{ suspicions int }

// suspicious reports whether the next run should begin with the identities of those who wait.
func (p *progress) suspicious() bool { return p.suspicions > 0 }

// A verdict is what is known of a run.
type verdict int

const (
	tookSome    verdict = iota // or it gets the benefit of the doubt
	unsure                     // it looks as if it took nothing, and it says that all went well
	tookNothing                // for sure, or it says itself that it failed
)

func (p *progress) verdict(r run) verdict {
	switch {
	case r.after == 0 || r.after < r.before || r.known && r.took:
		p.suspicions = 0
	case r.known:
		p.suspicions++
		return tookNothing
	case r.lasted >= shortRun:
		p.suspicions = 1
	default:
		return p.suspect(r)
	}
	return tookSome
}

// suspect judges a run of which only the queue's length is known, which is no shorter.
func (p *progress) suspect(r run) verdict {
	p.suspicions++
	switch {
	case p.suspicions <= shortRuns:
		return tookSome
	case r.well:
		return unsure
	}
	return tookNothing
}
