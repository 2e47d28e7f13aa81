package superserver

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"sockbridge/internal/event"
	"sockbridge/internal/state"
	"sockbridge/units"
)

// savedOf is the state of a manager at a moment at which nothing is starting.
func savedOf(t *testing.T, m *manager) *state.State {
	t.Helper()
	saved := make(chan *state.State)
	m.server.loop.Post(func() {
		all, _, err := m.server.save()
		if err != nil {
			t.Error(err)
		}
		saved <- all
	})
	all, err := state.Decode((<-saved).Encode())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestCheckState(t *testing.T) {
	m := newManager(t, map[string]string{"talk": talk("talk.sock")})
	st := savedOf(t, m)
	o := Options{Load: m.load}
	if err := CheckState(t.Context(), o, st, os.Getpid()); err != nil {
		t.Errorf("a state that is right: %v", err)
	}
	if err := CheckState(t.Context(), o, st, os.Getpid()+1); err == nil || !strings.Contains(err.Error(), "the state is of process") {
		t.Errorf("of another process: %v", err)
	}
	if err := CheckState(t.Context(), o, &state.State{}, os.Getpid()); err == nil || !strings.Contains(err.Error(), "it is not there") {
		t.Errorf("an empty state: %v", err)
	}
	bad := errors.New("unreadable")
	o.Load = func(context.Context, *units.Set) (*units.Set, error) { return nil, bad }
	if err := CheckState(t.Context(), o, st, os.Getpid()); !errors.Is(err, bad) {
		t.Errorf("units that cannot be loaded: %v", err)
	}
	m.write(map[string]string{"talk": "[socket]\nbogus = 1\n"})
	if err := CheckState(t.Context(), Options{Load: m.load}, st, os.Getpid()); !errors.Is(err, ErrConfig) {
		t.Errorf("units with errors: %v", err)
	}
}

func TestUpgradeIsRefused(t *testing.T) {
	m := newManager(t, map[string]string{"talk": talk("talk.sock")})
	m.refused(codeUsage, "upgrade", "a/relative/path")
	if text := m.refused(codeFailed, "upgrade", "/bin/true"); !strings.Contains(text, "it is no program of this kind") {
		t.Errorf("/bin/true: %s", text)
	}
	if text := m.refused(codeFailed, "upgrade", m.path("missing")); !strings.Contains(text, "no such file") {
		t.Errorf("a program that is missing: %s", text)
	}
	m.ask("ping")
	if c := m.connect("talk.sock"); line(t, c) != "hello" {
		t.Error("nobody is served")
	}
}

// A unit of which clients still wait must be the same in the next program.
func TestUnitsCanBeSaved(t *testing.T) {
	m := newManager(t, map[string]string{"talk": talk("talk.sock", "max_connections = 3"), "wait": wait(t, "wait.sock")})
	set, err := m.load(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range set.Units {
		text, err := json.Marshal(u)
		if err != nil {
			t.Fatal(err)
		}
		read := &units.Unit{}
		if err := json.Unmarshal(text, read); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(u.Sockets, read.Sockets) || !reflect.DeepEqual(u.Service, read.Service) || !reflect.DeepEqual(u.Access, read.Access) {
			t.Errorf("unit %q is another:\n%+v\n%+v", u.Name, u, read)
		}
	}
}

func TestRateIsSaved(t *testing.T) {
	var r rate
	now := time.Now()
	for range 100 {
		r.count(now)
	}
	later := now.Add(7 * time.Second)
	want := r.perSecond(later)
	if got := r.save().rate().perSecond(later); got != want || got == 0 {
		t.Errorf("%v a second, want %v", got, want)
	}
	if (*rate)(nil).save().rate() != nil {
		t.Error("a rate of nobody became one")
	}
}

func TestEventsAreSavedAsTheyAre(t *testing.T) {
	j := newJournal()
	j.add(event.Event{Time: time.Now(), Type: event.Output, Unit: "x", Text: "\xff text", Peer: "@\xfe", Err: errors.New("failed")})
	text, err := json.Marshal(j.save())
	if err != nil {
		t.Fatal(err)
	}
	var read savedJournal
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	again := newJournal()
	again.restore(read)
	for _, e := range again.all(journalAll) {
		if e.Text != "\xff text" || e.Peer != "@\xfe" || e.Err.Error() != "failed" {
			t.Errorf("it became %+v", e.Event)
		}
	}
	if n := len(again.all(journalAll)); n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestInsistingLoadsUntilItCan(t *testing.T) {
	tries, told := 0, 0
	load := insisting(func(context.Context, *units.Set) (*units.Set, error) {
		if tries++; tries < 2 {
			return nil, errors.New("not yet")
		}
		return &units.Set{}, nil
	}, func(event.Event) { told++ })
	if set, err := load(t.Context(), nil); set == nil || err != nil || told != 1 {
		t.Errorf("%v, %v, told %d times", set, err, told)
	}
	tries = 0
	if _, err := load(t.Context(), &units.Set{}); err == nil {
		t.Error("a reload insists")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tries = 0
	if _, err := load(ended, nil); err == nil {
		t.Error("it insists though it was stopped")
	}
}

// Whatever is in the sections, reading them ends with a state or an error.
func FuzzReadState(f *testing.F) {
	f.Add([]byte(`{"PID":1}`), []byte(`[]`), []byte(`[[{"Name":"a","Standing":1,"Runner":{"Unit":"a","Template":{}}}],[{"Unit":"b"}]]`), []byte(`{}`))
	f.Add([]byte(`{}`), []byte(`[{"FD":-1,"Shape":[1,2,3]}]`), []byte(`[[{"Standing":9}],null]`), []byte(`{"All":[{"Number":1,"Err":"x"}]}`))
	f.Fuzz(func(t *testing.T, manager, listeners, list, journal []byte) {
		var s state.State
		for section, text := range map[string][]byte{
			sectionManager: manager, sectionListeners: listeners, sectionUnits: list, sectionJournal: journal, sectionEngine: []byte("{}"),
			sectionControl: []byte("[]"), sectionControllers: []byte("{}"), sectionDescriptors: []byte("[]"),
		} {
			if json.Valid(text) {
				if err := s.Put(section, json.RawMessage(text)); err != nil {
					t.Fatal(err)
				}
			}
		}
		r, err := readState(&s)
		if err != nil {
			return
		}
		newJournal().restore(r.journal)
		r.descriptorsOf("a")
	})
}
