package loop

// Soon calls f first thing in the next round, which begins without waiting. It is for the loop's own goroutine: what must not
// happen in the middle of a callback, such as a start that others are still to hear of.
func (l *Loop) Soon(f func()) { l.soon = append(l.soon, f) }

// RoundEnd calls f at the end of every round, before the loop waits: the place to write at once what many callbacks have to say.
// Functions run in the order in which they were registered, and stay registered.
func (l *Loop) RoundEnd(f func()) { l.ends = append(l.ends, f) }

// runSoon runs what was put off until this round: what those functions put off waits for the next.
func (l *Loop) runSoon() {
	now := l.soon
	l.soon = nil
	for _, f := range now {
		f()
	}
}

func (l *Loop) runEnds() {
	for _, f := range l.ends {
		f()
	}
}
