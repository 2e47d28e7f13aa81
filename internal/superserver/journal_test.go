package superserver

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sockbridge/internal/event"
)

func texts(list []*entry) string {
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = n.Text
	}
	return strings.Join(words, " ")
}

func TestJournalRemembersTheLastOfEach(t *testing.T) {
	j := newJournal()
	j.add(event.Event{Type: event.Start, Unit: "quiet", Text: "once"})
	for i := range 3 * journalAll {
		j.add(event.Event{Type: event.Output, Unit: "loud", Text: fmt.Sprint(i)})
	}
	if got := texts(j.of(10, []string{"quiet"})); got != "once" {
		t.Errorf("of the quiet unit %q is left", got)
	}
	if got := len(j.of(journalAll, []string{"loud"})); got != journalUnit {
		t.Errorf("%d entries of the loud unit, want %d", got, journalUnit)
	}
	if got := texts(j.all(3)); got != "2997 2998 2999" {
		t.Errorf("the last are %q", got)
	}
	if got := len(j.all(5 * journalAll)); got != journalAll {
		t.Errorf("%d entries of everything", got)
	}
	if got := texts(j.of(2, []string{"quiet", "loud", "none"})); got != "2998 2999" {
		t.Errorf("the last of several units are %q", got)
	}
}

func TestJournalOfIdleUnitsHoldsNothing(t *testing.T) {
	j := newJournal()
	for i := range 10_000 {
		j.add(event.Event{Type: event.Listening, Unit: fmt.Sprint("unit", i)})
	}
	if len(j.units) != 0 || j.bytes != 0 || len(j.last) != journalAll {
		t.Errorf("%d units, %d bytes, %d entries", len(j.units), j.bytes, len(j.last))
	}
}

func TestJournalCutsTexts(t *testing.T) {
	long := strings.Repeat("é", journalText)
	n := newJournal().add(event.Event{Text: "x" + long, Err: errors.New(long)})
	for _, s := range []string{n.Text, n.Err.Error()} {
		if len(s) > journalText+len("…") || !strings.HasSuffix(s, "é…") {
			t.Errorf("%d bytes are left: …%q", len(s), s[len(s)-8:])
		}
	}
}

func TestJournalFindsAConnection(t *testing.T) {
	j := newJournal()
	for i := range journalAll + 1 { // the first is only among the unit's own
		j.add(event.Event{Type: event.Accept, Unit: fmt.Sprint(i), Conn: fmt.Sprint(i % 1000), Text: fmt.Sprint(i)})
	}
	if got := texts(j.conn(func(e *event.Event) bool { return e.Conn == "0" })); got != "0 1000" {
		t.Errorf("found %q", got)
	}
}

// Whatever comes, the journal stays within its bounds, its sums are right, and each unit's part is the end of what it was told.
func TestJournalIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := newJournal()
		told := map[string][]string{}
		for i := range rapid.IntRange(0, 400).Draw(t, "events") {
			unit := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "unit")
			text := fmt.Sprint(i, strings.Repeat("x", rapid.SampledFrom([]int{0, 10, 5000}).Draw(t, "length")))
			told[unit] = append(told[unit], cut(text))
			j.add(event.Event{Type: event.Output, Unit: unit, Text: text})
		}
		sum, count := 0, 0
		for name, u := range j.units {
			all := told[name]
			for i, e := range u.entries {
				sum, count = sum+entryOf(e).bytes, count+1
				if want := all[len(all)-len(u.entries)+i]; entryOf(e).Text != want {
					t.Fatalf("unit %s: entry %d is not the end of what was told", name, i)
				}
			}
			if len(u.entries) > journalUnit || len(u.entries) == 0 {
				t.Fatalf("unit %s: %d entries", name, len(u.entries))
			}
		}
		if sum != j.bytes || j.bytes > journalBytes || count != j.order.Len() {
			t.Fatalf("%d bytes, counted %d; %d entries, counted %d", j.bytes, sum, j.order.Len(), count)
		}
	})
}

func TestJournalOfManyUnitsForgetsTheOldest(t *testing.T) {
	j := newJournal()
	text := strings.Repeat("x", journalText)
	for i := range 2 * journalBytes / journalText {
		j.add(event.Event{Type: event.Output, Unit: fmt.Sprint(i), Text: text})
	}
	if j.bytes > journalBytes || j.units["0"] != nil || len(j.units) != j.order.Len() {
		t.Errorf("%d bytes in %d units, %d entries", j.bytes, len(j.units), j.order.Len())
	}
}

func TestRate(t *testing.T) {
	now := time.Unix(1000, 0)
	r := &rate{}
	if got := (*rate)(nil).perSecond(now); got != 0 {
		t.Errorf("nothing counted: %v", got)
	}
	for range 120 { // two a second for a minute
		r.count(now)
		now = now.Add(time.Second / 2)
	}
	if got := r.perSecond(now); got < 1.8 || got > 2.2 {
		t.Errorf("two a second are %v", got)
	}
	now = now.Add(30 * time.Second)
	if got := r.perSecond(now); got < 0.8 || got > 1.2 {
		t.Errorf("after half a minute of silence %v", got)
	}
	now = now.Add(time.Hour)
	if got := r.perSecond(now); got != 0 {
		t.Errorf("after an hour of silence %v", got)
	}
	r.count(now)
	if got := r.perSecond(now); got <= 0 || got > 0.1 {
		t.Errorf("one after an hour is %v", got)
	}
}

func TestRateOfTheFirstSecond(t *testing.T) {
	now := time.Unix(1000, 0)
	r := &rate{}
	for range 5 {
		r.count(now)
	}
	if got := r.perSecond(now); got != 5 {
		t.Errorf("five in the first moment are %v", got)
	}
}
