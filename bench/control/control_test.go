package main

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The floor is measured as any subject is: it answers with the same bytes, so only what services do is missing.
func TestMeasureFloor(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("there is no gcc")
	}
	dir := t.TempDir()
	echo := filepath.Join(dir, "echo")
	if out, err := exec.CommandContext(t.Context(), gcc, "-O2", "-Wall", "-Wextra", "-Werror", "-o", echo, "../echo.c").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := &subjects{}
	for name, side := range map[string]**subject{"ours": &s.ours, "floor": &s.floor} {
		*side = newSubject(t, filepath.Join(dir, name), echo)
	}
	s.starting = newSubject(t, filepath.Join(dir, "starting"), echo, started)
	results := newResults()
	for round := range 2 {
		for _, m := range []func(*subjects, []*result, int) error{(*subjects).roundTrips, (*subjects).definitions, (*subjects).firstAnswers} {
			if err := m(s, results, round); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, r := range results {
		if len(r.ours) > 0 && (len(r.ours) != 2 || !(r.ratio() > 0)) {
			t.Errorf("%s: %v to %v", r.name, r.ours, r.floor)
		}
	}
	values, err := withClient(s.starting, func(c *client) ([]float64, error) { return c.starts("x\n", "x", "down") })
	if err != nil || len(values) != starts {
		t.Errorf("%d starts, %v", len(values), err)
	}
}

func newSubject(t *testing.T, dir, echo string, arguments ...string) *subject {
	t.Helper()
	s, err := startSubject(t.Context(), dir, echo, func(socket string) []string { return append([]string{socket}, arguments...) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestPercentile(t *testing.T) {
	values := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for p, want := range map[float64]float64{0: 1, 10: 1, 50: 5, 91: 10, 99: 10, 100: 10} {
		if got := percentile(values, p); got != want {
			t.Errorf("%v: %v, want %v", p, got, want)
		}
	}
	if got := median([]float64{9, 1, 3}); got != 3 {
		t.Errorf("the median is %v", got)
	}
}

func TestTable(t *testing.T) {
	r := newResults()
	for _, one := range r {
		one.ours, one.floor = []float64{20, 10, 30}, []float64{10, 10, 10}
	}
	var out strings.Builder
	if err := printTable(&out, r); err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(" +").ReplaceAllString(out.String(), " ")
	for _, want := range []string{
		"name ours floor ratio target\n",
		"echo, p50 20.0 µs 10.0 µs 2.00 ≤ 15 µs, missed\n",
		"echo, p99 20.0 µs 10.0 µs 2.00 -\n",
		"service.start to up, p50 20.0 µs 10.0 µs 2.00 ≤ 150 µs\n",
		"services made a second (service.tags) 20.0 k/s 10.0 k/s 2.00 ≥ 500 k/s, missed\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no line %q in\n%s", want, text)
		}
	}
}

func TestPSS(t *testing.T) {
	if got, err := pssOf("5581-7fff [rollup]\nRss:  9 kB\nPss:                1024 kB\nPss_Dirty: 8 kB\n"); got != mega || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := pssOf(""); err == nil {
		t.Error("nothing was enough")
	}
}
