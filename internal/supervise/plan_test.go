package supervise

import (
	"testing"

	"pgregory.net/rapid"

	"sockbridge/internal/loop"
)

func TestDecide(t *testing.T) {
	const level, edge = loop.Readable, loop.Readable | loop.Edge
	for name, test := range map[string]struct {
		view view
		want plan
	}{
		"nobody":                       {view{limit: 1}, plan{watch: level}},
		"one waits":                    {view{waiting: 1, limit: 1}, plan{start: 1}},
		"five wait for one":            {view{waiting: 5, limit: 1}, plan{start: 1}},
		"five wait for three":          {view{waiting: 5, limit: 3}, plan{start: 3}},
		"five wait for eight":          {view{waiting: 5, limit: 8}, plan{start: 5, watch: edge, again: true}},
		"nobody, one runs of one":      {view{running: 1, limit: 1}, plan{}},
		"nobody, one runs of two":      {view{running: 1, limit: 2}, plan{watch: edge}},
		"one waits, one just started":  {view{waiting: 1, running: 1, recent: 1, limit: 2}, plan{watch: edge, again: true}},
		"two wait, one just started":   {view{waiting: 2, running: 1, recent: 1, limit: 2}, plan{start: 1}},
		"one waits, one busy":          {view{waiting: 1, running: 1, limit: 2}, plan{start: 1}},
		"more run than allowed by now": {view{waiting: 9, running: 5, limit: 2}, plan{}},
		"held":                         {view{waiting: 9, limit: 9, held: true}, plan{}},
		"called":                       {view{limit: 1, called: true}, plan{start: 1}},
		"called, below the limit":      {view{limit: 2, called: true}, plan{start: 1, watch: edge}},
		"called, and three wait":       {view{waiting: 3, limit: 9, called: true}, plan{start: 3, watch: edge, again: true}},
		"called in a pause":            {view{waiting: 9, limit: 9, called: true, held: true}, plan{start: 1}},
		"called while one runs":        {view{running: 1, limit: 2, called: true}, plan{watch: edge}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := decide(test.view); got != test.want {
				t.Errorf("%+v: %+v, want %+v", test.view, got, test.want)
			}
		})
	}
}

// Whoever waits is either started for, or counted on a recent start, or looked at again, or behind the limit, whose exits look
// again: nobody is stranded. And no view leads to more than the limit.
func TestDecideStrandsNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := view{
			waiting: rapid.IntRange(0, 20).Draw(t, "waiting"),
			running: rapid.IntRange(0, 10).Draw(t, "running"),
			limit:   rapid.IntRange(1, 10).Draw(t, "limit"),
			called:  rapid.Bool().Draw(t, "called"),
		}
		v.recent = rapid.IntRange(0, v.running).Draw(t, "recent")
		p := decide(v)
		after := v.running + p.start
		switch {
		case p.start > 0 && after > v.limit:
			t.Fatalf("%+v: %+v exceeds the limit", v, p)
		case after >= v.limit && p.watch != 0:
			t.Fatalf("%+v: %+v watches at the limit", v, p)
		case after < v.limit && p.watch == 0:
			t.Fatalf("%+v: %+v does not watch below the limit", v, p)
		case after == 0 && v.called:
			t.Fatalf("%+v: %+v does not hear the call", v, p)
		case after == 0 && v.waiting > 0:
			t.Fatalf("%+v: %+v leaves clients to nobody", v, p)
		case after > 0 && p.watch == loop.Readable:
			t.Fatalf("%+v: %+v spins while an instance accepts", v, p)
		case v.waiting > 0 && after < v.limit && !p.again:
			t.Fatalf("%+v: %+v does not look again", v, p)
		}
	})
}
