package supervise

import "testing"

// Every cell is filled, nothing leaves the end, and only what the prose says leads anywhere.
func TestLifeIsComplete(t *testing.T) {
	for s := range lifeStates {
		for o := range occasions {
			p := life[s][o]
			switch {
			case s == Deleted && p.next != Deleted:
				t.Errorf("%v × %v: %v leaves the end", s, o, p.next)
			case (p.do == nothing || p.do == refuse || p.do == impossible || p.do == launchNow) && p.next != s:
				t.Errorf("%v × %v: changes to %v and tells nobody", s, o, p.next)
			case p.do == tell && p.next == s && s != Scheduled:
				t.Errorf("%v × %v: tells what is not news; an empty cell?", s, o)
			case p.next == Deleted && s != Deleted && o != askedDelete:
				t.Errorf("%v × %v deletes it", s, o)
			case p.next == Up && s != Up && o != madeOne:
				t.Errorf("%v × %v: up without a process", s, o)
			case s == Up && p.next != Up && o != lastEnded:
				t.Errorf("%v × %v: %v with a process", s, o, p.next)
			}
		}
	}
}

func TestLifeNames(t *testing.T) {
	for s, want := range map[State]string{Down: "down", Scheduled: "start", Up: "up", Deleted: "deleted"} {
		if s.String() != want {
			t.Errorf("%d is %q, want %q", s, s, want)
		}
	}
	for o := range occasions {
		if o.String() == "" {
			t.Errorf("occasion %d has no name", o)
		}
	}
}
