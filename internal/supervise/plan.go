package supervise

import (
	"time"

	"sockbridge/internal/loop"
)

// settleTime is how long a started instance is counted on to take one of those who wait. It is also how often the queue is
// read again while somebody waits and more instances are allowed: edge-triggered events alone miss arrivals that come
// together with an accept.
const settleTime = 50 * time.Millisecond

// A view is all that the decision of a service depends on.
type view struct {
	waiting int  // clients in the queues of all listeners
	running int  // instances
	recent  int  // of them, those started within settleTime
	limit   int  // instances allowed
	called  bool // a start is due for another reason than somebody who waits
	held    bool // paused: nothing starts for those who wait
}

// A plan is what a service does next.
type plan struct {
	start int         // so many instances
	watch loop.Events // of the listeners, once they are started
	again bool        // read the queues again after settleTime
}

// decide is the whole policy of a service whose instances share their listeners.
//
// Listeners are watched only below the limit: level-triggered while nothing runs, since then whatever is readable wants an
// instance; edge-triggered while an instance runs, since what it has not yet accepted stays readable.
//
// Whoever calls for a start gets one instance, also in a pause, which is about those who wait.
func decide(v view) plan {
	var p plan
	if v.called && v.running == 0 {
		p.start = 1
	}
	if v.held {
		return p
	}
	p.start = max(p.start, min(v.waiting-v.recent, v.limit-v.running))
	running := v.running + p.start
	switch {
	case running >= v.limit:
	case running == 0:
		p.watch = loop.Readable
	default:
		p.watch = loop.Readable | loop.Edge
		p.again = v.waiting > 0
	}
	return p
}
