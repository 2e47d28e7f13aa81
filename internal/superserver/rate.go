package superserver

import "time"

const (
	// rateSlots of rateSlot each are what a rate is the mean of: the last minute.
	rateSlots = 12
	rateSlot  = 5 * time.Second
)

// A rate counts what happens and says how often it did in the last minute. Nothing runs between: slots that are over are
// emptied by whoever counts or asks next.
type rate struct {
	slots [rateSlots]uint32
	slot  int64     // the present slot, counted from begun
	begun time.Time // when the first was counted
}

// count counts one at now.
func (r *rate) count(now time.Time) {
	if r.begun.IsZero() {
		r.begun = now
	}
	r.advance(now)
	r.slots[r.slot%rateSlots]++
}

// perSecond is the mean of the last minute, or since the first count where that is less long ago.
func (r *rate) perSecond(now time.Time) float64 {
	if r == nil || r.begun.IsZero() {
		return 0
	}
	r.advance(now)
	var sum uint64
	for _, n := range r.slots {
		sum += uint64(n)
	}
	passed := now.Sub(r.begun) - time.Duration(max(0, r.slot-rateSlots+1))*rateSlot
	return float64(sum) / max(passed, time.Second).Seconds()
}

// advance empties the slots between the last count and now.
func (r *rate) advance(now time.Time) {
	slot := int64(now.Sub(r.begun) / rateSlot)
	if slot-r.slot >= rateSlots {
		r.slots = [rateSlots]uint32{}
	} else {
		for i := r.slot + 1; i <= slot; i++ {
			r.slots[i%rateSlots] = 0
		}
	}
	r.slot = max(r.slot, slot)
}
