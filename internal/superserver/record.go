package superserver

import (
	"math"
	"strconv"
	"time"

	"sockbridge/internal/event"
)

// A record is one line for a controller: its name, what stands at fixed places, then KEY=VALUE. What is not known is left out.
type record []string

func (r *record) text(key, value string) {
	if value != "" {
		*r = append(*r, key+"="+value)
	}
}

func (r *record) number(key string, n int) { *r = append(*r, key+"="+strconv.Itoa(n)) }

func (r *record) count(key string, n uint64) { *r = append(*r, key+"="+strconv.FormatUint(n, 10)) }

func (r *record) time(key string, t time.Time) {
	if !t.IsZero() {
		r.text(key, timeText(t))
	}
}

// seconds are those of a duration; none is left out.
func (r *record) seconds(key string, d time.Duration) {
	if d != 0 {
		r.text(key, secondsText(d))
	}
}

func secondsText(d time.Duration) string {
	if d == math.MaxInt64 {
		return "infinity"
	}
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
}

// timeText is RFC 3339 in UTC, with nanoseconds that are always all there, so that texts sort as times do.
func timeText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z07:00") }

// eventRecord is how an event is told.
func eventRecord(e *event.Event) record {
	r := record{"event", timeText(e.Time), string(e.Type), e.Unit}
	r.text("conn", e.Conn)
	r.text("peer", e.Peer)
	r.text("address", e.Address)
	if e.PID != 0 {
		r.number("pid", e.PID)
	}
	r.seconds("duration", e.Duration)
	r.seconds("delay", e.Delay)
	r.text("status", e.Status)
	if e.Failed {
		r.text("failed", "true")
	}
	r.text("reason", e.Reason)
	r.text("text", e.Text)
	if e.Err != nil {
		r.text("error", e.Err.Error())
	}
	return r
}

// rateText is a number of times a second.
func rateText(perSecond float64) string { return strconv.FormatFloat(perSecond, 'f', 2, 64) }
