package supervise

import "testing"

// Every cell is filled, nothing leaves the end, and every state leads there.
func TestLifecycleIsComplete(t *testing.T) {
	for s := range states {
		for in := range inputs {
			c := lifecycle[s][in]
			switch {
			case s == ended && c != (cell{ended, ignore}):
				t.Errorf("%v × %v: %v leaves the end", s, in, c.next)
			case s != starting && c.next == starting:
				t.Errorf("%v × %v starts again; an empty cell?", s, in)
			case (c.do == reap || c.do == tellFail) != (c.next == ended && s != ended):
				t.Errorf("%v × %v: action %d does not fit the end", s, in, c.do)
			case c.next < s:
				t.Errorf("%v × %v goes back to %v", s, in, c.next)
			}
		}
	}
	for s := range ended {
		if s != starting && lifecycle[s][exited].next != ended {
			t.Errorf("%v does not end when the process does", s)
		}
	}
}

func TestLifecycleNames(t *testing.T) {
	for s := range states {
		if s.String() == "" {
			t.Errorf("state %d has no name", s)
		}
	}
	for in := range inputs {
		if in.String() == "" {
			t.Errorf("input %d has no name", in)
		}
	}
}
